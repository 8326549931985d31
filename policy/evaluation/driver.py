"""Whoever is evaluated: what it looks at, what it knows, and the agent that acts for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Agent


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a driver is given at the beginning of an attempt."""

    instruction: str
    seed: int
    """Of whatever chance the driver needs: the same briefing gives the same actions."""
    any_words: bool
    """Whether words that it was not trained on may be in the instruction, on purpose."""
    expert: Callable[[], Agent]
    """Makes the environment's own expert for this attempt, which sees the true state."""


def chance_of(seed: int) -> int:
    """Return the seed of the driver's own chance at the start of `seed`.

    Another stream than the scene's: a driver's noise must not know what lies where.
    """
    return int(np.random.SeedSequence([seed, 4]).generate_state(1)[0])


@runtime_checkable
class Driver(Protocol):
    """Makes an agent for each attempt. Attempts know nothing of one another."""

    @property
    def embodiment(self) -> Embodiment | None:
        """The body it drives; None if any will do."""

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that its agents look at; no other is drawn."""

    @property
    def look_secs(self) -> float:
        """Simulated seconds between two looks, the first at once; a whole number of ticks."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions that it was trained on; empty if it needs no words or takes any."""

    def agent(self, briefing: Briefing) -> Agent:
        """Return who acts in one attempt.

        Raises `ValueError` or `OSError` if nobody can. The agent raises what it dies of from `act`.
        """
