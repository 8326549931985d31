"""The instructions given in this sitting, and what became of each. The catalogue keeps them."""

import enum
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

SHOWN = 20
"""Instructions remembered for the page."""


class Outcome(enum.StrEnum):
    """How an instruction ended."""

    RUNNING = enum.auto()
    DONE = enum.auto()
    """A person said that it worked."""
    FAILED = enum.auto()
    """A person said that it did not."""
    STOPPED = enum.auto()
    REPLACED = enum.auto()
    """Another instruction, a replay or a new scene followed."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing the robot was told."""

    number: int
    at: datetime
    text: str
    policy: str
    who: str
    """The browser that gave it."""
    outcome: Outcome = Outcome.RUNNING


Keeper: TypeAlias = Callable[[Instruction], None]
"""Told of every instruction that ended. Must return at once: hand slow work to a thread."""


class History:
    """The newest instructions, safe to read and write from any thread."""

    def __init__(self, keep: Keeper | None = None) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._told: deque[Instruction] = deque(maxlen=SHOWN)
        self._number = 0

    def begin(self, text: str, policy: str, who: str = "") -> None:
        """Note that the robot was told `text`."""
        with self._lock:
            self._number += 1
            self._told.append(Instruction(self._number, datetime.now(UTC), text, policy, who))

    def end(self, outcome: Outcome) -> None:
        """Note how the running instruction ended. No effect when none runs."""
        with self._lock:
            if not self._told or self._told[-1].outcome is not Outcome.RUNNING:
                return
            ended = self._told[-1] = replace(self._told[-1], outcome=outcome)
        if self._keep is not None:
            self._keep(ended)

    def newest_first(self) -> list[Instruction]:
        """Return what is remembered, newest first."""
        with self._lock:
            return list(reversed(self._told))
