"""The expert of the standard transfer: right arm to left arm, looking at the true poses."""

import math
from dataclasses import dataclass

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

CLEAR = 0.08
"""Height of the giver's tip from which on it may travel sideways, metres."""

GRIP_ROOM = 0.03
"""How far from its tip the giver may hold the cube, metres."""

OFFERED = 0.02
"""How near its meeting place the cube is when it is taken, metres."""

ARRIVED = 0.012
"""How near the cube the taker's tip is when its fingers close, metres."""

OPEN_ENOUGH = 0.7
"""Opening of the giver at which it moves away."""

QUARTER = math.pi / 2


@dataclass(frozen=True, slots=True)
class Places:
    """Where the two hands were when the cube had changed them, metres."""

    giver: Float64[np.ndarray, "3"]
    taker: Float64[np.ndarray, "3"]


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
        self._passed: Places | None = None

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        action = observation.state.copy()
        self._giver.advance(self._give(), action)
        self._taker.advance(self._take(), action)
        return action

    def _give(self) -> Goal:
        if self._passed is not None:
            return self._part(self._passed)
        goal, cube, tip = self._grasp.goal(), self._world.position(CUBE), self._giver.tip()
        if not self._grasp.holding:
            return goal
        if tip[2] < CLEAR:  # straight up first
            return Goal(np.array([tip[0], tip[1], CLEAR + 0.06]), self._pitch, gripper=0.0)
        place = self._meeting + np.clip(tip - cube, -GRIP_ROOM, GRIP_ROOM)
        return Goal(place, self._pitch - QUARTER, gripper=0.0)

    def _part(self, places: "Places") -> Goal:
        away = APART if self._giver.opening > OPEN_ENOUGH else 0.0
        place = places.giver + np.array([away, 0.0, 0.0])
        return Goal(place, self._pitch - QUARTER, gripper=1.0)

    def _take(self) -> Goal:
        cube = self._world.position(CUBE)
        if self._passed is not None:
            return Goal(self._passed.taker, 0.0, gripper=0.0, roll=QUARTER)
        if not self._offered(cube):
            self._gripped = 0
            aside = self._meeting - np.array([APART, 0.0, 0.0])
            return Goal(aside, 0.0, gripper=1.0, roll=QUARTER)
        fingers = self._world.fingers_on("left", CUBE)
        arrived = float(np.linalg.norm(self._taker.tip() - cube)) < ARRIVED
        self._gripped = self._gripped + (fingers == 2) if fingers else 0
        if self._gripped >= GRIPPED_TICKS:
            self._passed = Places(self._giver.aim(), self._taker.aim())
        return Goal(cube, 0.0, gripper=0.0 if arrived or fingers == 2 else 1.0, roll=QUARTER)

    def _offered(self, cube: Float64[np.ndarray, "3"]) -> bool:
        return self._grasp.holding and float(np.linalg.norm(cube - self._meeting)) < OFFERED
