"""A person as agent: through leader arms moved by hand, or through commands from a page."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARM_WIDTH, ARMS, arm_slice
from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Arm, JointPositions, Observation
from hardware.inverse_kinematics import InverseKinematics, TipPose

DEADMAN_SECS = 0.25
"""How long a velocity lives without being renewed: a lost browser leaves the arm holding."""

TOP_SPEED = 0.30
"""Metres per second of the gripper's tip."""

TOP_TURN = 1.5
"""Radians per second of the gripper."""

LONGEST_LEAD = 0.04
"""Metres that the commanded tip may run ahead of the measured one, when something blocks it."""


class Teleoperator:
    """A person driving the robot through leader arms."""

    def __init__(self, leaders: Sequence[Arm]) -> None:
        self._leaders = leaders

    def reset(self) -> None:
        """Nothing is remembered between episodes."""

    def act(self, observation: Observation) -> Action:  # noqa: ARG002 - leaders ignore the follower
        """Return where the leader arms are being held."""
        return np.concatenate([leader.read_positions() for leader in self._leaders])


@dataclass(frozen=True, slots=True)
class Velocity:
    """How a gripper shall move until told otherwise."""

    linear: Float64[np.ndarray, "3"]
    """Metres per second along the world's x, y, z."""
    angular: Float64[np.ndarray, "3"]
    """Radians per second: turn about the vertical, pitch down, roll about the gripper's axis."""
    expires_at: float


@dataclass(slots=True)
class _Wish:
    """What a person wants of one arm; guarded by the teleoperator's lock."""

    velocity: Velocity | None = None
    gripper: float | None = None
    joints: dict[int, float] = field(default_factory=dict)


class CartesianTeleoperator:
    """A person driving ALOHA arms from a page: gripper velocities, grippers and joint targets.

    `move`, `grip`, `joint` and `hold` may be called from any thread; `reset`, `go_on_from` and
    `act` belong to the control loop. Velocities expire after `DEADMAN_SECS`; grippers and joints
    keep their targets until the kernel refuses them. An arm that was told nothing stays as it was
    told to be when the driver came, and a gripper holds what it holds.
    """

    def __init__(
        self, embodiment: Embodiment, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._embodiment = embodiment
        self._now = now
        self._lock = threading.Lock()
        self._wishes = {arm: _Wish() for arm in ARMS}
        self._kinematics = {arm: InverseKinematics(arm) for arm in ARMS}
        self._command: Action | None = None
        self._stood: JointPositions | None = None
        self._heard_at: float | None = None

    @property
    def silent_secs(self) -> float | None:
        """Since `heard`; None if it was not called since this driver was let in."""
        heard_at = self._heard_at
        return None if heard_at is None else self._now() - heard_at

    def heard(self) -> None:
        """The page from which a person drives is alive."""
        self._heard_at = self._now()

    def move(
        self,
        arm: str,
        linear: Sequence[float | int],
        *,
        turn: float | int = 0.0,
        pitch: float | int = 0.0,
        roll: float | int = 0.0,
        gripper: float | int | None = None,
    ) -> None:
        """Move the tip of `arm` at `linear` (3,) metres per second, turning in radians per second.

        `gripper`, if given, is its wanted opening 0..1. Renew at least every `DEADMAN_SECS`.
        """
        speed = np.asarray(linear, np.float64)
        if speed.shape != (3,):
            raise ValueError(f"A velocity has three numbers, got shape {speed.shape}.")
        angular = np.array([turn, pitch, roll])
        if not (np.isfinite(speed).all() and np.isfinite(angular).all()):
            raise ValueError(f"A velocity needs finite numbers, got {speed} and {angular}.")
        velocity = Velocity(
            _shortened(speed, TOP_SPEED),
            np.clip(angular, -TOP_TURN, TOP_TURN),
            self._now() + DEADMAN_SECS,
        )
        with self._lock:
            wish = self._wish(arm)
            wish.velocity = velocity
            wish.joints.clear()
        if gripper is not None:
            self.grip(arm, gripper)

    def grip(self, arm: str, opening: float | int) -> None:
        """Open or close the gripper of `arm` to `opening`, 0 closed to 1 open."""
        self.joint(arm, ARM_WIDTH - 1, opening)

    def joint(self, arm: str, index: int, value: float | int) -> None:
        """Bring one joint of `arm` to `value`: radians, or 0..1 for `index` 6, the gripper."""
        if not 0 <= index < ARM_WIDTH:
            raise ValueError(f"An arm has joints 0..{ARM_WIDTH - 1}, got {index}.")
        channel = self._embodiment.action_channels[arm_slice(arm).start + index]
        if not np.isfinite(value):
            raise ValueError(f"{channel.name} needs a finite number, got {value}.")
        within = float(np.clip(value, channel.low, channel.high))
        with self._lock:
            wish = self._wish(arm)
            if index == ARM_WIDTH - 1:
                wish.gripper = within
            else:
                wish.joints[index] = within
                wish.velocity = None

    def hold(self) -> None:
        """Forget every wish; the arms stay where they are commanded to be."""
        with self._lock:
            self._wishes = {arm: _Wish() for arm in ARMS}

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        self.hold()
        self._command = self._stood = self._heard_at = None

    def go_on_from(self, commanded: JointPositions) -> None:
        """Ask for no more than a step beyond where the arms were told to be, shape (14,).

        Where nothing came of what was asked, the joints' targets are given up: a person who set one
        does not insist on it.
        """
        asked, before = self._command, self._stood
        self._command, self._stood = commanded.copy(), commanded.copy()
        if asked is None or before is None or np.array_equal(asked, before):
            return
        if np.array_equal(commanded, before):
            with self._lock:
                for wish in self._wishes.values():
                    wish.joints.clear()

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        if self._command is None:
            self._command = observation.state.copy()
        command = self._command.copy()
        for arm in ARMS:
            own = arm_slice(arm)
            command[own] = self._next(arm, command[own], observation.state[own])
        self._command = command
        return command.copy()

    def _next(self, arm: str, command: JointPositions, measured: JointPositions) -> JointPositions:
        with self._lock:
            wish = self._wishes[arm]
            velocity, gripper, joints = wish.velocity, wish.gripper, dict(wish.joints)
        values = command.astype(np.float64)
        if velocity is not None and self._now() < velocity.expires_at:
            values[:-1] = self._moved(arm, values[:-1], measured, velocity)
        targets = dict(joints) if gripper is None else {**joints, ARM_WIDTH - 1: gripper}
        steps = self._embodiment.max_step[arm_slice(arm)]
        for index, value in targets.items():
            values[index] += np.clip(value - values[index], -steps[index], steps[index])
        return values.astype(np.float32)

    def _moved(
        self,
        arm: str,
        joints: Float64[np.ndarray, "6"],
        measured: JointPositions,
        velocity: Velocity,
    ) -> Float64[np.ndarray, "6"]:
        kinematics, dt = self._kinematics[arm], 1 / self._embodiment.control_hz
        felt = kinematics.tip(measured[:-1].astype(np.float64)).position
        tip = kinematics.tip(joints)
        position = felt + _shortened(tip.position + velocity.linear * dt - felt, LONGEST_LEAD)
        turn, pitch, roll = velocity.angular * dt
        # Moved sideways, the gripper swings round with its arm, which is how the arm is built.
        turn += _heading(position - kinematics.base) - _heading(tip.position - kinematics.base)
        left = np.array([-tip.rotation[1, 0], tip.rotation[0, 0], 0.0])
        left /= max(float(np.linalg.norm(left)), 1e-6)
        rotation = (
            _about(np.array([0.0, 0.0, 1.0]), turn)
            @ _about(left, pitch)
            @ tip.rotation
            @ _about(np.array([1.0, 0.0, 0.0]), roll)
        )
        return kinematics.step(joints, TipPose(position, rotation))

    def _wish(self, arm: str) -> _Wish:
        arm_slice(arm)  # refuses an unknown name
        return self._wishes[arm]


def _shortened(vector: Float64[np.ndarray, "3"], longest: float) -> Float64[np.ndarray, "3"]:
    length = float(np.linalg.norm(vector))
    return vector * (longest / length) if length > longest else vector


def _heading(vector: Float64[np.ndarray, "3"]) -> float:
    return float(np.arctan2(vector[1], vector[0]))


def _about(axis: Float64[np.ndarray, "3"], angle: float) -> Float64[np.ndarray, "3 3"]:
    """Rotation by `angle` about the unit vector `axis` (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    sin, cos = np.sin(angle), np.cos(angle)
    return np.asarray(np.eye(3) + sin * cross + (1 - cos) * cross @ cross, np.float64)
