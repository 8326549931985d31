"""Whether an episode succeeded: by the environment's reward, and by what a person would ask."""

from collections import deque
from dataclasses import dataclass

from hardware.simulation.standard.task import TRANSFER
from hardware.simulation.standard.world import FULL_REWARD, StandardWorld

WINDOW = 10
"""Last control ticks of an episode in which the strict state is looked for."""

ENOUGH = 8
"""In how many of them it must be there, for the contact of a finger may flicker."""

RELEASED = 0.5
"""Opening from which on a gripper counts as open."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an episode went."""

    official: bool
    """Whether the reward was full at any step, the environment's own criterion."""
    strict: bool
    """Whether it was really done, and stayed so to the end."""
    reward: float
    """The best of any step, 0 to 4."""
    secs: float | None
    """Simulated seconds until the reward was first full; None if it never was."""


class Judge:
    """Watches an episode step by step."""

    def __init__(self) -> None:
        self._best = 0.0
        self._secs: float | None = None
        self._strict: deque[bool] = deque(maxlen=WINDOW)

    def watch(self, world: StandardWorld) -> None:
        """Look at `world` after a step."""
        self._best = max(self._best, world.reward)
        if self._secs is None and world.reward >= FULL_REWARD:
            self._secs = world.now()
        self._strict.append(achieved(world))

    @property
    def settled(self) -> bool:
        """Whether the strict state has been there lately."""
        return sum(self._strict) >= ENOUGH

    def verdict(self) -> Verdict:
        """Judge what was watched, taking the last step for the end."""
        official = self._best >= FULL_REWARD
        return Verdict(official, official and self.settled, self._best, self._secs)


def achieved(world: StandardWorld) -> bool:
    """Whether the strict state is there now.

    Transfer: both fingers of the left arm hold the cube, nothing of the right arm touches it, the
    right gripper is open and the cube off the table. Insertion: the reward is full (the peg touches
    the pin inside the socket), each part is held by both fingers of its arm and off the table.
    """
    if world.task is TRANSFER:
        return (
            world.fingers_on("left", "box") == 2
            and not world.arm_on("right", "box")
            and not world.on_table("box")
            and float(world.state[13]) > RELEASED
        )
    return (
        world.reward >= FULL_REWARD
        and world.fingers_on("right", "peg") == 2
        and world.fingers_on("left", "socket") == 2
        and not world.on_table("peg")
        and not world.on_table("socket")
    )
