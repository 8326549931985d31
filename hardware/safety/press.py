"""One press of Stop, as a page or a program tells of it. Decides nothing."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

SAME_PRESS_SECS = 2.0
"""A stop sooner than this after the last one never lowers the arms: whoever hammers on the button,
or reaches for it at the same fright, wants them to stand still."""

REMEMBERED = 256
"""Presses that are known again when they come a second time."""


@dataclass(frozen=True, slots=True)
class Press:
    """A person pressed Stop once, however often it is told of."""

    id: str = ""
    """The same on every way that the press takes; empty for one that comes one way alone."""
    follows: int | None = None
    """Number of the stop that the page showed when it was pressed; None if it showed none."""

    @classmethod
    def told(cls, message: Mapping[str, object]) -> "Press":
        """Read `press` and `follows`. What is malformed is left out: a stop is never refused."""
        id_, follows = message.get("press", ""), str(message.get("follows"))
        known = follows.isascii() and follows.isdigit() and len(follows) < 10
        return cls(id_ if isinstance(id_, str) else "", int(follows) if known else None)


SEEN_NOTHING = Press()
"""A press by somebody who may not know that the arms are stopped: it never moves them."""


class Presses:
    """Counts presses, each once. Guarded by its owner's lock."""

    def __init__(self) -> None:
        self.count = 0
        self._known: deque[str] = deque(maxlen=REMEMBERED)

    def add(self, press: Press) -> bool:
        """Whether `press` is new."""
        if press.id and press.id in self._known:
            return False
        if press.id:
            self._known.append(press.id)
        self.count += 1
        return True
