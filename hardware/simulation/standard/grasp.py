"""Takes one thing off the table with one arm, again and again until it is held."""

import enum

import numpy as np
from jaxtyping import Float64

from hardware.aloha import arm_slice
from hardware.interfaces import Action, JointPositions
from hardware.simulation.experts.reach import Goal, Reach
from hardware.simulation.standard.manner import Manner
from hardware.simulation.standard.world import StandardWorld

LOWEST = 0.022
"""Of the point between the finger pads over the table: the fingers reach 2 cm beyond it."""

NEAR = 0.008
"""Metres from the grasp at which the fingers begin to close."""

OPEN = 0.8
"""Gripper opening that is enough to come down with."""

HELD_TICKS = 6
"""How long both fingers must touch before the arm lifts."""

PATIENCE_TICKS = 60
"""How long fingers may take to close before the arm tries again."""


class _Phase(enum.Enum):
    REACH = enum.auto()
    CLOSE = enum.auto()
    HOLD = enum.auto()


class Hand:
    """One arm and the thing that it is to take: where the arm is, and how to go on."""

    def __init__(self, world: StandardWorld, arm: str, manner: Manner) -> None:
        self.arm = arm
        self._world = world
        self._manner = manner
        self._own = arm_slice(arm)
        self._reach = Reach(arm)
        self._begun = False

    def tip(self) -> Float64[np.ndarray, "3"]:
        """Point between the finger pads in metres, as measured."""
        return self._reach.tip(self._positions())

    def aim(self) -> Float64[np.ndarray, "3"]:
        """Where that point is commanded to be."""
        return self._reach.tip(self._reach.command)

    @property
    def opening(self) -> float:
        """Of the gripper, as measured: 0 closed, 1 open."""
        return float(self._positions()[-1])

    def holds(self, thing: str) -> bool:
        """Whether both fingers touch `thing`."""
        return self._world.fingers_on(self.arm, thing) == 2

    def advance(self, goal: Goal, action: Action) -> None:
        """Move the arm's command one tick towards `goal`, into its part of `action` (14,)."""
        if not self._begun:
            self._reach.begin(self._positions())
            self._begun = True
        action[self._own] = self._reach.advance(goal, top_speed=self._manner.top_speed)

    def _positions(self) -> JointPositions:
        return self._world.state[self._own]


class Grasp:
    """Where a hand should go to get hold of a thing that lies on the table."""

    def __init__(self, world: StandardWorld, hand: Hand, thing: str, manner: Manner) -> None:
        self._world, self._hand, self._thing = world, hand, thing
        self._manner = manner
        self._phase = _Phase.REACH
        self._ticks = 0

    @property
    def holding(self) -> bool:
        """Whether the thing is held."""
        return self._phase is _Phase.HOLD

    def goal(self) -> Goal:
        """Where to go until the thing is held; while it is, stay with it."""
        thing, tip = self._world.position(self._thing), self._hand.tip()
        thing[2] = max(thing[2], LOWEST)
        aside = float(np.hypot(*(tip - thing)[:2]))
        match self._phase:
            case _Phase.REACH:
                return self._come(thing, tip, aside)
            case _Phase.CLOSE:
                return self._close(thing, aside)
            case _Phase.HOLD:
                self._ticks = 0 if self._hand.holds(self._thing) else self._ticks + 1
                if self._ticks > HELD_TICKS:
                    self._enter(_Phase.REACH)
                return Goal(thing, self._manner.pitch, gripper=0.0)

    def _come(
        self, thing: Float64[np.ndarray, "3"], tip: Float64[np.ndarray, "3"], aside: float
    ) -> Goal:
        # A funnel: high while beside the thing, lower the better the fingers are over it.
        over = float(np.clip((aside - 0.012) / 0.05, 0.0, 1.0))
        height = self._manner.hover * over * over * (3 - 2 * over)
        opened = self._hand.opening > OPEN
        if not opened:
            height = self._manner.hover
        if opened and aside < NEAR and abs(tip[2] - thing[2]) < NEAR:
            self._enter(_Phase.CLOSE)
        return Goal(thing + np.array([0.0, 0.0, height]), self._manner.pitch, gripper=1.0)

    def _close(self, thing: Float64[np.ndarray, "3"], aside: float) -> Goal:
        self._ticks = self._ticks + 1 if self._hand.holds(self._thing) else min(self._ticks, 0) - 1
        if self._ticks >= HELD_TICKS:
            self._enter(_Phase.HOLD)
        elif self._ticks < -PATIENCE_TICKS or aside > 0.03:
            self._enter(_Phase.REACH)
        return Goal(thing, self._manner.pitch, gripper=0.0)

    def _enter(self, phase: _Phase) -> None:
        self._phase, self._ticks = phase, 0
