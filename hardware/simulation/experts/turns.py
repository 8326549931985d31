"""Both arms by turns: one works, the other goes back to where it rests. Knows no task."""

import math

import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARMS, START, arm_slice
from hardware.interfaces import Action, JointPositions, Observation
from hardware.simulation.experts.reach import Goal, Reach
from hardware.simulation.experts.variation import STEADY, Variation

REST_PITCH = math.radians(6)
"""How far the gripper points down at `START`."""

BACK = 0.12
"""Metres from the middle of the table beyond which a gripper is in nobody's way."""

ROOM = 0.24
"""Metres that an arm keeps from the gripper of one that is not yet back."""

Point = Float64[np.ndarray, "3"]


class Turns:
    """Brings one arm at a time to goals; an arm that never worked stays at `START`."""

    def __init__(self, variation: Variation = STEADY) -> None:
        self._reaches = {arm: Reach(arm, variation) for arm in ARMS}
        self._rests = {arm: reach.tip(START[:7]) for arm, reach in self._reaches.items()}
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        self._begun: set[str] = set()

    def tip(self, arm: str, observation: Observation) -> Point:
        """Where the gripper of `arm` is, metres."""
        return self._reaches[arm].tip(observation.state[arm_slice(arm)])

    def commanded_tip(self, arm: str, observation: Observation) -> Point:
        """Where the gripper of `arm` was sent last, metres: it sags a little below."""
        if arm not in self._begun:
            return self.tip(arm, observation)
        return self._reaches[arm].tip(self._reaches[arm].command)

    def act(self, observation: Observation, working: str | None, goal: Goal | None) -> Action:
        """Return the next command, shape (14,): `working` on its way to `goal`, the other home."""
        action = START.copy()
        for arm in ARMS:
            own: JointPositions = observation.state[arm_slice(arm)]
            aim = goal if arm == working else None
            if aim is None and arm not in self._begun and _at_rest(own):
                continue
            if arm not in self._begun:
                self._reaches[arm].begin(own)
                self._begun.add(arm)
            if aim is None:
                aim = Goal(self._rests[arm], REST_PITCH, gripper=1.0)
            elif self._blocked(arm, aim, observation):
                aim = Goal(self._rests[arm], aim.pitch, aim.gripper)
            action[arm_slice(arm)] = self._reaches[arm].advance(aim)
        return action

    def _blocked(self, arm: str, goal: Goal, observation: Observation) -> bool:
        """Whether the other arm is still where `arm` is to go."""
        for other in ARMS:
            if other == arm:
                continue
            tip = self.tip(other, observation)
            if abs(tip[0]) < BACK or tip[0] * self._rests[other][0] < 0:
                return bool(np.linalg.norm((tip - goal.position)[:2]) < ROOM)
        return False


def _at_rest(positions: JointPositions) -> bool:
    return bool(np.allclose(positions, START[: len(positions)], atol=0.05))
