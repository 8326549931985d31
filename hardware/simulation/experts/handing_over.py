"""Hands a thing from one arm to the other."""

import math

import numpy as np
from jaxtyping import Float64

from hardware.aloha import START, arm_slice
from hardware.interfaces import Action, Observation
from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.grasp import PITCH, Grasp
from hardware.simulation.experts.reach import Goal, Reach
from hardware.simulation.experts.variation import STEADY, Variation
from hardware.simulation.tasks.holding import HandOver
from hardware.simulation.world import World

MEETING = np.array([0.0, 0.5, 0.27])
"""Where a thing changes hands, metres."""
MEETING.setflags(write=False)


class HandOverExpert:
    """The giver picks the thing up and holds it out level; the taker grips it from across.

    The giver turns its gripper up far enough that the thing, taken at `PITCH`, is upright again.
    The taker comes level and rolled by a quarter turn, so that the four fingers do not meet.
    """

    def __init__(self, world: World, task: HandOver, variation: Variation = STEADY) -> None:
        self._world = world
        self._task = task
        self._variation = variation
        self._giver, self._taker = (Reach(arm, variation) for arm in (task.giver, task.arm))
        self._from, self._to = arm_slice(task.giver), arm_slice(task.arm)
        self._side = 1.0 if task.giver == "right" else -1.0
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        giver = self._task.giver
        self._grasp = Grasp(self._world, giver, self._task.thing, self._variation)
        self._begun = False
        self._gripped = 0
        self._released = False

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        given, taken = observation.state[self._from], observation.state[self._to]
        if not self._begun:
            self._giver.begin(given)
            self._taker.begin(taken)
            self._begun = True
            self._released = self._taken()
        tip = self._giver.tip(given)
        action = START.copy()
        action[self._from] = self._giver.advance(self._give(tip, float(given[-1])))
        action[self._to] = self._taker.advance(self._take(self._taker.tip(taken), tip))
        return action

    def _give(self, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        if self._released:
            away = MEETING + np.array([self._side * 0.14, 0, 0.0])
            return Goal(away if opening > 0.8 else tip, PITCH - math.pi / 2, gripper=1.0)
        goal = self._grasp.goal(tip, opening)
        high = tip[2] > 0.087
        if not (self._grasp.lifting and high):
            return goal
        return Goal(MEETING, PITCH - math.pi / 2, gripper=0.0)

    def _take(self, tip: Float64[np.ndarray, "3"], giver: Float64[np.ndarray, "3"]) -> Goal:
        offered = float(np.linalg.norm(giver - MEETING)) < 0.012 and self._grasp.lifting
        quarter = math.pi / 2
        if not (offered or self._released):
            waiting = MEETING - np.array([self._side * 0.13, 0, 0])
            return Goal(waiting, 0.0, gripper=1.0, roll=quarter)
        thing = self._world.object_positions()[self._task.thing.name]
        if self._released:
            return Goal(MEETING, 0.0, gripper=0.0, roll=quarter)
        arrived = float(np.linalg.norm(tip - thing)) < 0.012
        held = self._held_by(self._task.arm)
        self._gripped = self._gripped + 1 if held else 0
        self._released = self._gripped >= 12
        return Goal(thing, 0.0, gripper=0.0 if arrived or held else 1.0, roll=quarter)

    def _held_by(self, arm: str) -> bool:
        return Contacts.of(self._world).fingers_on(arm, self._task.thing.name) == 2

    def _taken(self) -> bool:
        """Whether the taker has it already, and alone."""
        return self._held_by(self._task.arm) and not self._held_by(self._task.giver)
