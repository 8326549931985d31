"""Interbotix arms as the ALOHA uses them: motors, limits, grippers, resting poses. Data.

From Interbotix's motor configurations (interbotix_ros_manipulators, config/vx300s.yaml,
wx250s.yaml, aloha_vx300s.yaml, aloha_wx250s.yaml), the servo lists of its documentation, and the
gripper constants of the two ALOHA repositories: tonyzhaozh/aloha for 2023, Interbotix/aloha for the
maker's own. The grippers of the two differ, the arms do not.
"""

from dataclasses import dataclass

from hardware.arms.linkage import Linkage
from hardware.dynamixel.control_table import (
    XC430_W150,
    XL430_W250,
    XM430_W350,
    XM540_W270,
    Model,
)
from hardware.dynamixel.motors import Motor

BAUD = 1_000_000

FULL_TURN = (0, 4095)

VELOCITY_LIMIT = 131
"""Units of velocity: 3.14 radians per second."""


@dataclass(frozen=True, slots=True)
class ArmModel:
    """One kind of arm, leader or follower: six joints and a gripper."""

    name: str
    motors: tuple[Motor, ...]
    joints: tuple[int, ...]
    """IDs of the motors that lead a joint, in `Embodiment` order; the gripper's last."""
    gripper: Linkage
    sleep: tuple[float, ...]
    """Where the six joints rest without torque, in radians."""
    gripper_current: float | None = None
    """Amperes that the gripper may draw when it holds something; None for a leader."""


def _motors(
    shoulder: tuple[int, int],
    elbow: tuple[int, int],
    wrist_angle: tuple[int, int],
    models: tuple[tuple[Model, ...], ...],
    *,
    lead_reversed: bool,
) -> tuple[Motor, ...]:
    big, wrist, rotate, gripper = models
    lead, shadow = lead_reversed, not lead_reversed
    return (
        Motor(1, "waist", big, *FULL_TURN),
        Motor(2, "shoulder", big, *shoulder, reverse=lead),
        Motor(3, "shoulder_shadow", big, *shoulder, reverse=shadow, shadows=2),
        Motor(4, "elbow", big, *elbow, reverse=lead),
        Motor(5, "elbow_shadow", big, *elbow, reverse=shadow, shadows=4),
        Motor(6, "forearm_roll", wrist, *FULL_TURN),
        Motor(7, "wrist_angle", wrist, *wrist_angle, reverse=True),
        Motor(8, "wrist_rotate", rotate, *FULL_TURN),
        Motor(9, "gripper", gripper, *FULL_TURN),
    )


JOINTS = (1, 2, 4, 6, 7, 8, 9)
"""Motors 3 and 5 shadow 2 and 4."""

VIPERX_300S = _motors(
    (841, 2867),
    (898, 3094),
    (830, 3504),
    ((XM540_W270,), (XM540_W270,), (XM430_W350,), (XM430_W350,)),
    lead_reversed=True,
)

WIDOWX_250S = _motors(
    (819, 3345),
    (648, 3094),
    (910, 3447),
    ((XM430_W350,), (XM430_W350,), (XL430_W250, XM430_W350), (XL430_W250, XC430_W150)),
    lead_reversed=False,
)
"""The later ALOHA leader has stronger wrists and a smoother gripper motor."""

SLEEP = (0.0, -1.80, 1.55, 0.0, -1.57, 0.0)

ALOHA_2023_FOLLOWER = ArmModel(
    "ViperX 300 S (ALOHA 2023 follower)",
    VIPERX_300S,
    JOINTS,
    Linkage(horn=0.022, rod=0.036, closed=-0.6213, open=1.4910),
    (0.0, -1.85, 1.55, 0.0, 0.8, 0.0),
    gripper_current=200 * 2.69e-3,
)
ALOHA_2023_LEADER = ArmModel(
    "WidowX 250 S (ALOHA 2023 leader)",
    WIDOWX_250S,
    JOINTS,
    Linkage(horn=0.014, rod=0.024, closed=-0.6842, open=0.3083),
    (0.0, -1.80, 1.55, 0.0, 0.8, 0.0),
)
INTERBOTIX_FOLLOWER = ArmModel(
    "ViperX 300 S (Interbotix ALOHA follower)",
    VIPERX_300S,
    JOINTS,
    Linkage(horn=0.0275, rod=0.035, closed=0.6197, open=1.6214),
    SLEEP,
    gripper_current=300 * 2.69e-3,
)
INTERBOTIX_LEADER = ArmModel(
    "WidowX 250 S (Interbotix ALOHA leader)",
    WIDOWX_250S,
    JOINTS,
    Linkage(horn=0.0, rod=0.0, closed=-0.0552, open=0.8298),  # a handle without a slider
    SLEEP,
)

ARM_MODELS = {
    "aloha_2023_follower": ALOHA_2023_FOLLOWER,
    "aloha_2023_leader": ALOHA_2023_LEADER,
    "interbotix_follower": INTERBOTIX_FOLLOWER,
    "interbotix_leader": INTERBOTIX_LEADER,
}
"""By the name that a workcell file gives."""
