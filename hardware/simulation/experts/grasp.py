"""Taking one thing off the table, or off another, with one arm."""

import enum
import math

import numpy as np
from jaxtyping import Float64

from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.reach import Goal
from hardware.simulation.experts.variation import STEADY, Variation
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

OPENED = 0.85
"""Opening of a gripper from which on it may come down over a thing."""

EMPTY = 0.2
"""Opening below which fingers have closed on nothing: the thinnest thing leaves 0.35."""


def over_middle(thing: Thing) -> float:
    """Metres from the middle of `thing` up to a gripper's tip that takes it."""
    return OVER_MIDDLE.get(thing.shape, OVER_OTHERS)


class _Phase(enum.Enum):
    REACH = enum.auto()
    CLOSE = enum.auto()
    LIFT = enum.auto()


class Grasp:
    """Takes one thing with one arm, again and again until it holds it.

    Begun while the arm holds the thing, it lifts it. A `variation` may aim the first attempt off.
    """

    def __init__(self, world: World, arm: str, thing: Thing, variation: Variation = STEADY) -> None:
        self._world = world
        self._arm, self._thing = arm, thing.name
        self._variation = variation
        self._over = over_middle(thing) + variation.height
        self._lowest = HALF_HEIGHTS[thing.shape] + self._over
        self._hover = HOVER + variation.hover
        self._off = _off(arm, variation)
        self._phase = _Phase.REACH
        self._ticks = 0
        self._lift_to = np.zeros(3)

    @property
    def lifting(self) -> bool:
        """Whether the thing is held and on its way up."""
        return self._phase is _Phase.LIFT

    def goal(self, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        """Where to go from a gripper whose `tip` (3,) and `opening` were measured."""
        aim = self._aim()
        aside = float(np.hypot(*(tip - aim)[:2]))
        match self._phase:
            case _Phase.REACH:
                return self._reach(aim, tip, aside, opening)
            case _Phase.CLOSE:
                return self._close(aim, tip, aside, opening)
            case _Phase.LIFT:
                return self._lift()

    def _enter(self, phase: _Phase) -> None:
        self._phase, self._ticks = phase, 0

    def _try_again(self) -> None:
        self._enter(_Phase.REACH)
        self._off = np.zeros(3)

    def _aim(self) -> Float64[np.ndarray, "3"]:
        """Where the tip should be when the fingers close, metres."""
        x, y, z = self._world.object_positions()[self._thing]
        return np.asarray(self._off + np.array([x, y, max(z + self._over, self._lowest)]))

    def _reach(
        self,
        aim: Float64[np.ndarray, "3"],
        tip: Float64[np.ndarray, "3"],
        aside: float,
        opening: float,
    ) -> Goal:
        if opening < OPENED and self._held():
            self._enter(_Phase.CLOSE)
            return Goal(tip, PITCH, gripper=0.0)
        # A funnel: high while beside the thing, lower the better the fingers are over it.
        over = np.clip((aside - 0.012) / 0.05, 0.0, 1.0)
        height = aim[2] + self._hover * float(over * over * (3 - 2 * over))
        if opening < OPENED:
            height = max(height, aim[2] + self._hover)
        there = aside < NEAR and abs(tip[2] - aim[2]) < NEAR and opening > OPENED
        self._ticks = self._ticks + 1 if there else 0
        if self._ticks > self._variation.pause_ticks:
            self._enter(_Phase.CLOSE)
        return Goal(np.array([aim[0], aim[1], height]), PITCH, gripper=1.0)

    def _close(
        self,
        aim: Float64[np.ndarray, "3"],
        tip: Float64[np.ndarray, "3"],
        aside: float,
        opening: float,
    ) -> Goal:
        held = self._held()
        self._ticks = self._ticks + 1 if held else min(self._ticks, 0) - 1
        if self._ticks >= 4:
            self._enter(_Phase.LIFT)
            self._lift_to = np.array([*tip[:2], max(self._lowest + LIFT, tip[2])])
        elif aside > 0.03 or self._ticks < -PATIENCE_TICKS or (opening < EMPTY and not held):
            self._try_again()
        return Goal(aim, PITCH, gripper=0.0)

    def _lift(self) -> Goal:
        self._ticks = 0 if self._held() else self._ticks + 1
        if self._ticks >= 6:
            self._try_again()
        return Goal(self._lift_to, PITCH, gripper=0.0)

    def _held(self) -> bool:
        return Contacts.of(self._world).fingers_on(self._arm, self._thing) == 2


def _off(arm: str, variation: Variation) -> Float64[np.ndarray, "3"]:
    """Where the first attempt is aimed from the thing, metres; forward is to the other arm."""
    if variation.miss is None:
        return np.zeros(3)
    forward, left, up = variation.miss
    turn = 1.0 if arm == "left" else -1.0
    return np.array([turn * forward, turn * left, up])
