"""The simulated ALOHA as data: joints, limits, rates, cameras. Knows no simulator."""

from collections.abc import Sequence

import numpy as np

from hardware.embodiment import CameraView, Channel, Embodiment
from hardware.interfaces import JointPositions

ARMS = ("left", "right")
"""In the order of state and action vectors."""

JOINTS = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")
"""Of one arm, from base to wrist; its gripper follows as seventh value."""

JOINT_LIMITS = (
    (-3.14158, 3.14158),
    (-1.85005, 1.25664),
    (-1.76278, 1.6057),
    (-3.14158, 3.14158),
    (-1.8675, 2.23402),
    (-3.14158, 3.14158),
)
"""Lowest and highest angle of each of `JOINTS` in radians, from the ViperX 300s model."""

ARM_WIDTH = len(JOINTS) + 1
"""Values per arm: the joints and the gripper."""

MAX_JOINT_RATE = 3.14
"""Radians per second, the rated speed of the arm's motors."""

MAX_GRIPPER_RATE = 4.0
"""Full openings per second."""

START_JOINTS = (0.0, -0.96, 1.16, 0.0, -0.3, 0.0)
"""Where the joints of an arm rest before an episode, in radians."""

START_GRIPPER = 1.0
"""Open: a pick starts with nothing in the way."""

START: JointPositions = np.array([*START_JOINTS, START_GRIPPER] * len(ARMS), np.float32)
"""The pose that every episode starts from, shape (14,)."""
START.setflags(write=False)

CAMERAS = ("cam_high", "cam_low", "cam_left_wrist", "cam_right_wrist")

CONTROL_HZ = 50.0


def arm_slice(arm: str) -> slice:
    """Where `arm`'s seven values lie in a state or action vector."""
    if arm not in ARMS:
        raise ValueError(f"An ALOHA has the arms {list(ARMS)}, got {arm!r}.")
    start = ARMS.index(arm) * ARM_WIDTH
    return slice(start, start + ARM_WIDTH)


def _channels() -> tuple[Channel, ...]:
    channels = []
    for arm in ARMS:
        for joint, (low, high) in zip(JOINTS, JOINT_LIMITS, strict=True):
            channels.append(Channel(f"{arm}_{joint}", "rad", low, high, MAX_JOINT_RATE))
        channels.append(Channel(f"{arm}_gripper", "normalized", 0.0, 1.0, MAX_GRIPPER_RATE))
    return tuple(channels)


def aloha_embodiment(
    cameras: Sequence[str] = CAMERAS, *, height: int = 480, width: int = 640
) -> Embodiment:
    """Describe the simulated ALOHA with these cameras, all of one picture size in pixels."""
    unknown = [name for name in cameras if name not in CAMERAS]
    if unknown:
        raise ValueError(f"The simulated ALOHA has cameras {list(CAMERAS)}, got {unknown}.")
    channels = _channels()
    return Embodiment(
        name="aloha_sim",
        robot_tag="ALOHA",
        arms=2,
        waist=False,
        mobile_base=False,
        state_channels=channels,
        action_channels=channels,
        action_convention="absolute_joints",
        cameras=tuple(CameraView(name, height, width) for name in cameras),
        control_hz=CONTROL_HZ,
        kinematics="aloha",
    )
