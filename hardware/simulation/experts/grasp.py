"""Taking one thing off the table, or off another, with one arm."""

import enum
import math

import numpy as np
from jaxtyping import Float64

from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.reach import Goal
from hardware.simulation.things import HALF_HEIGHTS, Thing
from hardware.simulation.world import World

PITCH = math.radians(70)
"""How steeply the gripper points down to grasp: straight down is out of reach at the far side."""

OVER_MIDDLE = {"peg": 0.022, "rod": 0.022, "cylinder": 0.004, "ball": 0.004}
"""Metres from a thing's middle up to the gripper's tip when it closes."""

OVER_OTHERS = 0.007
"""The same for all other shapes; the finger ends are then 7 mm above the table."""

HOVER = 0.085
"""How much higher the gripper comes in, so that its fingers pass over other things."""

LIFT = 0.12
"""Metres from grasp to the end of a lift."""

NEAR = 0.008
"""Metres from the grasp at which the fingers begin to close."""

PATIENCE_TICKS = 45
"""How long fingers may take to close around a thing before the arm tries again."""


class _Phase(enum.Enum):
    REACH = enum.auto()
    CLOSE = enum.auto()
    LIFT = enum.auto()


class Grasp:
    """Takes one thing with one arm, again and again until it holds it."""

    def __init__(self, world: World, arm: str, thing: Thing) -> None:
        self._world = world
        self._arm, self._thing = arm, thing.name
        self._over = OVER_MIDDLE.get(thing.shape, OVER_OTHERS)
        self._lowest = HALF_HEIGHTS[thing.shape] + self._over
        self._phase = _Phase.REACH
        self._ticks = 0
        self._lift_to = np.zeros(3)

    @property
    def lifting(self) -> bool:
        """Whether the thing is held and on its way up."""
        return self._phase is _Phase.LIFT

    def goal(self, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        """Where to go from a gripper whose `tip` (3,) and `opening` were measured."""
        thing = self._world.object_positions()[self._thing]
        aside = float(np.hypot(*(tip - thing)[:2]))
        match self._phase:
            case _Phase.REACH:
                return self._reach(thing, tip, aside, opening)
            case _Phase.CLOSE:
                return self._close(thing, tip, aside)
            case _Phase.LIFT:
                return self._lift()

    def _enter(self, phase: _Phase) -> None:
        self._phase, self._ticks = phase, 0

    def _reach(
        self,
        thing: Float64[np.ndarray, "3"],
        tip: Float64[np.ndarray, "3"],
        aside: float,
        opening: float,
    ) -> Goal:
        # A funnel: high while beside the cube, lower the better the fingers are over it.
        low = self._height(thing)
        over = np.clip((aside - 0.012) / 0.05, 0.0, 1.0)
        height = low + HOVER * float(over * over * (3 - 2 * over))
        if opening < 0.85:
            height = max(height, low + HOVER)
        if aside < NEAR and abs(tip[2] - low) < NEAR and opening > 0.85:
            self._enter(_Phase.CLOSE)
        return Goal(np.array([thing[0], thing[1], height]), PITCH, gripper=1.0)

    def _close(
        self, thing: Float64[np.ndarray, "3"], tip: Float64[np.ndarray, "3"], aside: float
    ) -> Goal:
        self._ticks = self._ticks + 1 if self._held() else min(self._ticks, 0) - 1
        if self._ticks >= 4:
            self._enter(_Phase.LIFT)
            self._lift_to = np.array([tip[0], tip[1], self._height(thing) + LIFT])
        elif self._ticks < -PATIENCE_TICKS or aside > 0.03:
            self._enter(_Phase.REACH)
        return Goal(np.array([thing[0], thing[1], self._height(thing)]), PITCH, gripper=0.0)

    def _lift(self) -> Goal:
        self._ticks = 0 if self._held() else self._ticks + 1
        if self._ticks >= 6:
            self._enter(_Phase.REACH)
        return Goal(self._lift_to, PITCH, gripper=0.0)

    def _height(self, thing: Float64[np.ndarray, "3"]) -> float:
        """Of the tip when it grasps, metres."""
        return max(float(thing[2]) + self._over, self._lowest)

    def _held(self) -> bool:
        return Contacts.of(self._world).fingers_on(self._arm, self._thing) == 2
