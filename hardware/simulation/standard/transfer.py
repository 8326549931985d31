"""The expert of the standard transfer: right arm to left arm, looking at the true poses."""

import math

import numpy as np
from jaxtyping import Float64

from hardware.interfaces import Action, Observation
from hardware.simulation.experts.reach import Goal
from hardware.simulation.standard.grasp import Grasp, Hand
from hardware.simulation.standard.manner import Manner
from hardware.simulation.standard.world import StandardWorld

CUBE = "box"

MEETING = np.array([0.0, 0.5, 0.27])
"""Where the cube changes hands, metres."""
MEETING.setflags(write=False)

APART = 0.13
"""How far from the meeting the free hand waits, metres."""

GRIPPED_TICKS = 12
"""How long the taker must hold the cube before the giver lets go."""

QUARTER = math.pi / 2


class TransferExpert:
    """The right arm takes the cube and holds it out; the left one grips it from across.

    The giver turns its gripper up until the cube is upright again. The taker comes level and
    rolled by a quarter turn, so that the four fingers do not meet.
    """

    def __init__(self, world: StandardWorld, rng: np.random.Generator | None = None) -> None:
        self._world = world
        self._rng = rng
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        manner = Manner.drawn(self._rng)
        self._meeting = MEETING + np.array(manner.meeting)
        self._pitch = manner.pitch
        self._giver = Hand(self._world, "right", manner)
        self._taker = Hand(self._world, "left", manner)
        self._grasp = Grasp(self._world, self._giver, CUBE, manner)
        self._gripped = 0
        self._passed = False

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        action = observation.state.copy()
        self._giver.advance(self._give(), action)
        self._taker.advance(self._take(), action)
        return action

    def _give(self) -> Goal:
        level = self._pitch - QUARTER
        if self._passed:
            return self._part(level)
        goal = self._grasp.goal()
        if not self._grasp.holding:
            return goal
        tip = self._giver.tip()
        if tip[2] < 0.08:  # straight up first
            return Goal(np.array([tip[0], tip[1], 0.14]), self._pitch, gripper=0.0)
        return Goal(self._meeting, level, gripper=0.0)

    def _part(self, pitch: float) -> Goal:
        if self._giver.opening < OPEN_ENOUGH:
            return Goal(self._meeting, pitch, gripper=1.0)
        return Goal(self._meeting + np.array([APART, 0.0, 0.0]), pitch, gripper=1.0)

    def _take(self) -> Goal:
        cube = self._world.position(CUBE)
        if self._passed:
            return Goal(self._meeting, 0.0, gripper=0.0, roll=QUARTER)
        if not self._offered(cube):
            self._gripped = 0
            aside = self._meeting - np.array([APART, 0.0, 0.0])
            return Goal(aside, 0.0, gripper=1.0, roll=QUARTER)
        held = self._taker.holds(CUBE)
        arrived = float(np.linalg.norm(self._taker.tip() - cube)) < 0.012
        self._gripped = self._gripped + 1 if held else 0
        self._passed = self._gripped >= GRIPPED_TICKS
        return Goal(cube, 0.0, gripper=0.0 if arrived or held else 1.0, roll=QUARTER)

    def _offered(self, cube: Float64[np.ndarray, "3"]) -> bool:
        return self._grasp.holding and float(np.linalg.norm(cube - self._meeting)) < 0.03


OPEN_ENOUGH = 0.7
"""Opening of the giver at which it moves away."""
