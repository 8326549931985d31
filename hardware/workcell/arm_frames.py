"""Where bases and grippers of an ALOHA's arms are: the frames that cameras are fixed in."""

import mujoco
import numpy as np

from hardware.aloha import ARMS, arm_slice
from hardware.calibration.transform import Transform, inverse, transform
from hardware.interfaces import JointPositions
from hardware.inverse_kinematics import InverseKinematics, arm_model

FRAMES = tuple(f"{arm}_{part}" for arm in ARMS for part in ("gripper", "base"))
"""What `parent` of a camera's place may be. A gripper's frame lies between its finger pads, x
forward and z up; a base's at the foot of the arm, x forward."""


class ArmFrames:
    """Poses from the kinematic model. Not thread-safe: each user has its own."""

    def __init__(self) -> None:
        self._arms = {arm: InverseKinematics(arm) for arm in ARMS}
        self._bases = {arm: _base(arm) for arm in ARMS}

    def world_from(self, frame: str, state: JointPositions) -> Transform:
        """One of `FRAMES` at `state` (14,). Raises `ValueError` for another name."""
        if frame not in FRAMES:
            raise ValueError(f"A camera is fixed in one of {list(FRAMES)}, got {frame!r}.")
        arm, part = frame.split("_")
        if part == "base":
            return self._bases[arm]
        joints = state[arm_slice(arm)][:-1].astype(np.float64)
        tip = self._arms[arm].tip(joints)
        return transform(tip.rotation, tip.position)

    def base_from_gripper(self, arm: str, state: JointPositions) -> Transform:
        """The gripper of `arm` as seen from its base."""
        world_from_gripper = self.world_from(f"{arm}_gripper", state)
        return np.asarray(inverse(self._bases[arm]) @ world_from_gripper)


def _base(arm: str) -> Transform:
    body = arm_model(arm).body(f"vx300s_{arm}")
    matrix = np.zeros(9)
    mujoco.mju_quat2Mat(matrix, np.asarray(body.quat, np.float64))
    return transform(matrix.reshape(3, 3), np.array(body.pos, np.float64))
