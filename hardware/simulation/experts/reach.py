"""Smooth motion of one simulated arm's gripper towards a moving goal."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hardware.aloha import CONTROL_HZ
from hardware.interfaces import JointPositions
from hardware.inverse_kinematics import InverseKinematics, TipPose
from hardware.simulation.experts.variation import STEADY, Variation

DT = 1 / CONTROL_HZ
GAIN = 7.0
"""Share of the remaining way wanted per second, close to the goal."""

TOP_SPEED = 0.40
"""Metres per second."""

ACCELERATION = 2.0
"""Metres per second squared."""

TURN_RATE = 2.2
"""Radians per second, for pitch and roll."""

GRIPPER_RATE = 3.0
"""Openings per second."""

EASE_TICKS = 10
"""Turns and grippers come up to speed over this long, as a gate expects of a new driver."""

STRAIGHT, BOWED = 0.03, 0.13
"""Metres to go up to which a way is straight, and from which on it is bowed in full."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a gripper should go."""

    position: Float64[np.ndarray, "3"]
    """Of the tip, metres."""
    pitch: float
    """Radians: 0 level, pi/2 straight down."""
    gripper: float
    """Opening, 0..1."""
    roll: float = 0.0
    """Turn about the gripper's own axis in radians."""


class Reach:
    """Carries an arm's command towards goals, limited in speed, acceleration and turn.

    A `variation` changes how fast, on what way, how steeply and after what pause.
    """

    def __init__(self, arm: str, variation: Variation = STEADY) -> None:
        self._variation = variation
        self._kinematics = InverseKinematics(arm)
        self._joints = np.zeros(6)
        self._gripper = 0.0
        self._velocity = np.zeros(3)
        self._pitch = self._roll = 0.0
        self._ticks = 0

    @property
    def command(self) -> JointPositions:
        """What is commanded now, shape (7,)."""
        return np.array([*self._joints, self._gripper], np.float32)

    @property
    def base(self) -> Float64[np.ndarray, "3"]:
        """Where the arm stands, metres."""
        return self._kinematics.base

    def begin(self, positions: JointPositions) -> None:
        """Start at rest from measured `positions` (7,)."""
        self._joints = positions[:-1].astype(np.float64)
        self._gripper = float(positions[-1])
        self._velocity = np.zeros(3)
        self._ticks = -self._variation.pause_ticks
        rotation = self._kinematics.tip(self._joints).rotation
        self._pitch = -math.asin(float(np.clip(rotation[2, 0], -1, 1)))
        self._roll = math.atan2(rotation[2, 1], rotation[2, 2])

    def tip(self, positions: JointPositions) -> Float64[np.ndarray, "3"]:
        """Where the gripper's tip is at `positions` (7,), metres."""
        return self._kinematics.tip(positions[:-1].astype(np.float64)).position

    def advance(self, goal: Goal, *, top_speed: float = TOP_SPEED) -> JointPositions:
        """Move the command one control tick towards `goal` and return it, shape (7,)."""
        self._ticks += 1
        if self._ticks <= 0:
            return self.command
        ease = min(self._ticks / EASE_TICKS, 1.0)
        tip = self._kinematics.tip(self._joints).position
        way = _bowed(goal.position - tip, self._variation.bow)
        wanted = _shortened(way * GAIN, top_speed * self._variation.speed)
        self._velocity += _shortened(wanted - self._velocity, ACCELERATION * DT)
        position = tip + self._velocity * DT
        steeper = goal.pitch + self._variation.pitch - self._pitch
        self._pitch += _clipped(steeper * GAIN, TURN_RATE * ease) * DT
        self._roll += _clipped((goal.roll - self._roll) * GAIN, TURN_RATE * ease) * DT
        rotation = self._kinematics.pointing(position, self._pitch) @ _rolled(self._roll)
        self._joints = self._kinematics.step(self._joints, TipPose(position, rotation))
        self._gripper += _clipped(goal.gripper - self._gripper, GRIPPER_RATE * ease * DT)
        return self.command


def _bowed(way: Float64[np.ndarray, "3"], angle: float) -> Float64[np.ndarray, "3"]:
    """Turn `way` about the vertical by as much of `angle` as its length allows."""
    share = (float(np.linalg.norm(way)) - STRAIGHT) / (BOWED - STRAIGHT)
    turn = angle * min(max(share, 0.0), 1.0)
    cos, sin = math.cos(turn), math.sin(turn)
    return np.array([cos * way[0] - sin * way[1], sin * way[0] + cos * way[1], way[2]])


def _rolled(angle: float) -> Float64[np.ndarray, "3 3"]:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _shortened(vector: Float64[np.ndarray, "3"], longest: float) -> Float64[np.ndarray, "3"]:
    length = float(np.linalg.norm(vector))
    return vector * (longest / length) if length > longest else vector


def _clipped(value: float, largest: float) -> float:
    return min(max(value, -largest), largest)
