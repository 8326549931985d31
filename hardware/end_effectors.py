"""Gripper poses of a body from its joints, and joints from gripper poses. Knows no speed limit.

Where `hardware.inverse_kinematics` carries an arm towards a pose tick by tick, this solves for the
pose itself, as turning planned gripper poses into joint targets needs.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import mujoco
import numpy as np
from jaxtyping import Float, Float64

from hardware.aloha import ARM_WIDTH, ARMS, arm_slice
from hardware.aloha_model import tip_site
from hardware.embodiment import Embodiment
from hardware.inverse_kinematics import arm_model

LEVER = 0.1
"""Metres of miss that weigh as much as one radian of turn, where both cannot be had."""

CALM = 0.006
"""Metres of miss that weigh as much as one radian that a joint turns. Near a straight wrist the
turns of forearm and wrist make up for each other, and a tenth of a degree could spin both."""

SETTLED = 1e-5
"""Radians of a last step."""

MAX_ITERATIONS = 40
MAX_TURN = 0.5
"""Radians that no joint passes in one iteration: beyond it the linear picture is wrong."""


@dataclass(frozen=True, slots=True)
class Poses:
    """Where grippers are, row by row, each in a frame that stays put (for arms: their base)."""

    position: Float64[np.ndarray, "*rows 3"]
    """Metres."""
    rotation: Float64[np.ndarray, "*rows 3 3"]
    """Base from gripper."""


@runtime_checkable
class EndEffectors(Protocol):
    """Kinematics of every arm of a body."""

    columns: tuple[tuple[int, int], ...]
    """Of each arm: first and one past the last joint in state and action vectors."""

    def poses(self, rows: Float[np.ndarray, "n channels"]) -> Poses:
        """Poses (n, arms) of the grippers at joint vectors (n, channels)."""

    def joints(
        self, poses: Poses, start: Float[np.ndarray, "channels"]
    ) -> Float64[np.ndarray, "n channels"]:
        """Joint vectors at which the grippers are at `poses` (n, arms), each near the one before.

        Only the columns of joints are filled. `start` (channels,) are the joints before the
        first. A pose out of reach gives joints as near to it as they come.
        """


class Chain:
    """One ALOHA arm: six joints from its base to the point between its finger pads.

    Not thread-safe: whoever computes has its own.
    """

    def __init__(self, arm: str) -> None:
        self._model = arm_model(arm)
        self._data = mujoco.MjData(self._model)
        self._site = self._model.site(tip_site(arm)).id
        base = self._model.body(f"vx300s_{arm}")
        world_from_base = np.zeros(9)
        mujoco.mju_quat2Mat(world_from_base, base.quat)
        self._base_from_world = world_from_base.reshape(3, 3).T
        self._base = base.pos.copy()
        self._low, self._high = self._model.jnt_range.T.copy()
        self._jacobian = np.zeros((2, 3, self._model.nv))

    def pose(
        self, joints: Float[np.ndarray, "joints"]
    ) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3 3"]]:
        """Position and rotation of the gripper in the arm's base frame at `joints` (6,)."""
        self._data.qpos[:] = joints
        mujoco.mj_kinematics(self._model, self._data)
        position = np.array(self._data.site_xpos[self._site]) - self._base
        turned = np.array(self._data.site_xmat[self._site]).reshape(3, 3)
        return self._base_from_world @ position, self._base_from_world @ turned

    def solve(
        self,
        position: Float64[np.ndarray, "3"],
        rotation: Float64[np.ndarray, "3 3"],
        start: Float[np.ndarray, "joints"],
    ) -> Float64[np.ndarray, "joints"]:
        """Joints (6,) near `start` that put the gripper at the pose, or as near as they come.

        Levenberg-Marquardt on what is missed and, little, on how far the joints turn; joints at
        a limit are held there.
        """
        begun = np.asarray(np.clip(start, self._low, self._high), np.float64)
        joints, damping = begun, 1e-6
        miss = self._miss(joints, position, rotation)
        cost = float(miss @ miss)
        for _ in range(MAX_ITERATIONS):
            tried = self._stepped(joints, miss, begun, damping)
            if damping > 1 or np.abs(tried - joints).max() < SETTLED:
                break
            missed = self._miss(tried, position, rotation)
            found = float(missed @ missed + CALM**2 * ((tried - begun) ** 2).sum())
            if found < cost:
                joints, miss, cost = tried, missed, found
                damping = max(damping / 10, 1e-6)
            else:
                damping *= 10
        return joints

    def _miss(
        self,
        joints: Float64[np.ndarray, "joints"],
        position: Float64[np.ndarray, "3"],
        rotation: Float64[np.ndarray, "3 3"],
    ) -> Float64[np.ndarray, "6"]:
        """What is still to go: metres, and radians times `LEVER`, in the base frame."""
        at, turned = self.pose(joints)
        quaternion, turn = np.zeros(4), np.zeros(3)
        mujoco.mju_mat2Quat(quaternion, (rotation @ turned.T).ravel())
        mujoco.mju_quat2Vel(turn, quaternion, 1.0)
        return np.concatenate([position - at, LEVER * turn])

    def _stepped(
        self,
        joints: Float64[np.ndarray, "joints"],
        miss: Float64[np.ndarray, "6"],
        begun: Float64[np.ndarray, "joints"],
        damping: float,
    ) -> Float64[np.ndarray, "joints"]:
        self._data.qpos[:] = joints
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_jacSite(self._model, self._data, *self._jacobian, self._site)
        moves, turns = self._base_from_world @ self._jacobian
        jacobian = np.concatenate([moves, LEVER * turns])
        pull = jacobian.T @ miss + CALM**2 * (begun - joints)
        square = jacobian.T @ jacobian + (CALM**2 + damping) * np.eye(len(joints))
        step = np.linalg.solve(square, pull)
        stuck = ((joints <= self._low) & (step < 0)) | ((joints >= self._high) & (step > 0))
        if stuck.any():
            free = np.flatnonzero(~stuck)
            step = np.zeros_like(step)
            step[free] = np.linalg.solve(square[np.ix_(free, free)], pull[free])
        step *= min(1.0, MAX_TURN / max(float(np.abs(step).max()), 1e-9))
        return np.asarray(np.clip(joints + step, self._low, self._high), np.float64)


class AlohaEndEffectors:
    """Both arms of an ALOHA, simulated or real: poses are in each arm's own base frame.

    So it holds wherever the arms stand on the table.
    """

    def __init__(self) -> None:
        self.columns = tuple((arm_slice(arm).start, arm_slice(arm).stop - 1) for arm in ARMS)
        self._chains = [Chain(arm) for arm in ARMS]

    def poses(self, rows: Float[np.ndarray, "n channels"]) -> Poses:
        """Poses (n, 2) at joint vectors (n, 14)."""
        position = np.empty((len(rows), len(ARMS), 3))
        rotation = np.empty((len(rows), len(ARMS), 3, 3))
        for number, row in enumerate(rows):
            for arm, (first, last) in enumerate(self.columns):
                position[number, arm], rotation[number, arm] = self._chains[arm].pose(
                    row[first:last]
                )
        return Poses(position, rotation)

    def joints(
        self, poses: Poses, start: Float[np.ndarray, "channels"]
    ) -> Float64[np.ndarray, "n channels"]:
        """Joint vectors (n, 14) for `poses` (n, 2); the grippers' columns are left at 0."""
        found = np.zeros((len(poses.position), ARM_WIDTH * len(ARMS)))
        for arm, (first, last) in enumerate(self.columns):
            joints = start[first:last].astype(np.float64)
            for number in range(len(found)):
                joints = self._chains[arm].solve(
                    poses.position[number, arm], poses.rotation[number, arm], joints
                )
                found[number, first:last] = joints
        return found


END_EFFECTORS = {"aloha": AlohaEndEffectors}
"""By the name of the kinematic model that an embodiment gives."""


def end_effectors_for(body: Embodiment) -> EndEffectors:
    """Kinematics of `body`'s arms.

    Raises `ValueError` when it names no kinematic model, or one that nobody knows.
    """
    if body.kinematics not in END_EFFECTORS:
        raise ValueError(
            f"End-effector actions of {body.name!r} need a kinematic model, got "
            f"{body.kinematics!r}; known are {sorted(END_EFFECTORS)}. Record its gripper poses "
            "(channels x, y, z, roll, pitch, yaw) or use absolute_joints."
        )
    return END_EFFECTORS[body.kinematics]()
