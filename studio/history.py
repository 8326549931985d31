"""The instructions given in this sitting, and what became of each. The catalogue keeps them."""

import enum
import threading
from collections import deque
from collections.abc import Callable, Sequence
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
    clip: tuple[str, int] | None = None
    """The recording that shows it: name of the dataset, index of the episode."""
    clip_version: str | None = None
    """The version of that dataset that counts episodes so; None of one that was never edited."""


Keeper: TypeAlias = Callable[[Instruction], None]
"""Told of every instruction that ended, and of what is said of it later.

Must return at once and ask the history nothing: hand slow work to a thread."""


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
            self._tell(ended)

    def running(self) -> int | None:
        """Return the number of the instruction that runs, if one does."""
        with self._lock:
            newest = self._told[-1] if self._told else None
        return newest.number if newest and newest.outcome is Outcome.RUNNING else None

    def judge(self, number: int, *, success: bool) -> Instruction:
        """A person says whether an instruction was carried out; it runs no more.

        Returns it. Raises `ValueError` when it is not remembered.
        """
        outcome = Outcome.DONE if success else Outcome.FAILED
        with self._lock:
            place = self._place(number)
            judged = self._told[place] = replace(self._told[place], outcome=outcome)
            self._tell(judged)
        return judged

    def told(self, number: int) -> Instruction:
        """Return an instruction. Raises `ValueError` when it is not remembered."""
        with self._lock:
            return self._told[self._place(number)]

    def show(
        self, numbers: Sequence[int], clip: tuple[str, int], version: str | None = None
    ) -> None:
        """Note that the recording `clip`, a dataset's name and an episode, shows instructions.

        `version` is the dataset's, as `recordings.history.version_of` gives it.
        Those that are forgotten meanwhile are passed over.
        """
        with self._lock:
            for place, told in enumerate(self._told):
                if told.number in numbers:
                    shown = self._told[place] = replace(told, clip=clip, clip_version=version)
                    if shown.outcome is not Outcome.RUNNING:
                        self._tell(shown)

    def follow(self, dataset: str, before: str | None, after: str | None) -> None:
        """Note that an edit made the version `after` of `before`, and moved no episode."""
        with self._lock:
            for place, told in enumerate(self._told):
                if told.clip and told.clip[0] == dataset and told.clip_version == before:
                    self._told[place] = replace(told, clip_version=after)

    def _place(self, number: int) -> int:
        for place, told in enumerate(self._told):
            if told.number == number:
                return place
        raise ValueError(f"Instruction {number} is not among the last {SHOWN} any more.")

    def _tell(self, told: Instruction) -> None:
        """Tell the keeper, with the lock held: it hears of every change in the order made."""
        if self._keep is not None:
            self._keep(told)

    def newest_first(self) -> list[Instruction]:
        """Return what is remembered, newest first."""
        with self._lock:
            return list(reversed(self._told))
