"""What a benchmark must be to be evaluated in. Knows none of them, and no policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Protocol, runtime_checkable

from hardware.embodiment import Embodiment
from policy.evaluation.driver import Driver
from policy.evaluation.film import Film


@dataclass(frozen=True, slots=True, order=True)
class Start:
    """Where an attempt begins, and what of. The same start is the same scene and words."""

    task: str
    """One of the environment's tasks, or whatever else it `select`s."""
    axis: str | None
    """What is unlike in training, one of the environment's axes; None if nothing is."""
    seed: int
    swapped: bool = False
    """Whether another thing is told than the one that the start was drawn for."""


class Ending(StrEnum):
    """How an attempt ended."""

    SUCCESS = auto()
    WRONG_OBJECT = auto()
    WRONG_ARM = auto()
    TIME_OUT = auto()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt."""

    start: Start
    task: str
    """What was told, as the environment names it."""
    instruction: str
    """The words in which it was told."""
    ending: Ending
    """`SUCCESS` if the environment's own (official) criterion was met for what was told."""
    strict: bool
    """Whether it was met as a person would ask for it: really done, and it stays so."""
    secs: float
    """Simulated, until success or until the attempt was over."""
    first_done: bool | None = None
    """Of a swapped start: whether what it was drawn for was done in place of what was told."""

    @property
    def success(self) -> bool:
        """Whether the environment's own criterion was met for what was told."""
        return self.ending is Ending.SUCCESS


@runtime_checkable
class Environment(Protocol):
    """A benchmark: tasks for one body, scenes drawn by a seed, and its own judge.

    It runs its own loop, in lockstep: simulated time waits for the driver. One process has one of
    each. Whatever it keeps from one attempt to the next must not show in the next.
    """

    @property
    def name(self) -> str:
        """As `--env` calls it."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """What is measured if nothing is named, such as kinds of tasks."""

    @property
    def axes(self) -> tuple[str, ...]:
        """What can be made unlike in training, one at a time."""

    @property
    def swaps(self) -> bool:
        """Whether the same scene can be told another thing (swapped starts)."""

    @property
    def embodiment(self) -> Embodiment:
        """The body, with all the cameras there are."""

    @property
    def tick_secs(self) -> float:
        """Simulated seconds of one control tick."""

    @property
    def tells_wrong(self) -> bool:
        """Whether doing another thing ends an attempt as such, and not as a `TIME_OUT`."""

    def require_known(self, task: str) -> None:
        """Raise `ValueError` listing what can be attempted if `task` cannot."""

    def select(self, trained: Sequence[str]) -> tuple[str, ...]:
        """Tasks to measure a driver on that was trained on these instructions, if on any.

        Raises `ValueError` when it was trained on none that could be told here.
        """

    def attempt(self, start: Start, driver: Driver, film: Film | None) -> Result:
        """Run one attempt to its end: a function of `start` and of what `driver` does.

        Draws only what the driver looks at, when it looks, and what `film` takes. Raises what the
        driver died of, and `HardwareError` where pictures are asked for and cannot be drawn.
        """
