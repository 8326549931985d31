"""Emulated ALOHA arms as they leave the factory and the Interbotix set-up. Knows no driver.

Servos, IDs, drive modes and limits as in Interbotix's configuration files (aloha_vx300s.yaml and
aloha_wx250s.yaml of interbotix_ros_manipulators) and servo lists (interbotix_xsarms_docs).
"""

import time
from collections.abc import Callable, Sequence

from servo_bus.bus import ServoBus
from servo_bus.servo import Servo
from servo_bus.table import MODELS

FULL = (0, 4095)
BIG, MIDDLE, SMALL, SMOOTH = "XM540-W270", "XM430-W350", "XL430-W250", "XC430-W150"

VIPERX = (
    (1, BIG, 0, FULL, 255),
    (2, BIG, 1, (841, 2867), 255),
    (3, BIG, 0, (841, 2867), 2),
    (4, BIG, 1, (898, 3094), 255),
    (5, BIG, 0, (898, 3094), 4),
    (6, BIG, 0, FULL, 255),
    (7, BIG, 1, (830, 3504), 255),
    (8, MIDDLE, 0, FULL, 255),
    (9, MIDDLE, 0, FULL, 255),
)
"""ID, model, drive mode, position limits and second ID of each servo."""

WIDOWX = (
    (1, MIDDLE, 0, FULL, 255),
    (2, MIDDLE, 0, (819, 3345), 255),
    (3, MIDDLE, 1, (819, 3345), 2),
    (4, MIDDLE, 0, (648, 3094), 255),
    (5, MIDDLE, 1, (648, 3094), 4),
    (6, MIDDLE, 0, FULL, 255),
    (7, MIDDLE, 1, (910, 3447), 255),
    (8, SMALL, 0, FULL, 255),
    (9, SMALL, 0, FULL, 255),
)

LATER_WIDOWX = (*WIDOWX[:7], (8, MIDDLE, 0, FULL, 255), (9, SMOOTH, 0, FULL, 255))
"""As in the maker's own ALOHA: a stronger wrist, a smoother gripper."""

RESTING = (2048, 876, 876, 3058, 3058, 2048, 2570, 2048, 2100)
"""Ticks of a sleeping arm, servo by servo."""

Layout = Sequence[tuple[int, str, int, tuple[int, int], int]]


def servos(
    layout: Layout, *, firmware: int = 45, clock: Callable[[], float] = time.monotonic
) -> list[Servo]:
    """The servos of one arm, at rest. `clock` is what their physics goes by."""
    made = []
    for (id_, model, drive_mode, (low, high), second), ticks in zip(layout, RESTING, strict=True):
        servo = Servo(MODELS[model], id_, position=float(ticks), firmware=firmware, clock=clock)
        for name, value in (
            ("baud_rate", 3),
            ("return_delay_time", 0),
            ("drive_mode", drive_mode),
            ("min_position_limit", low),
            ("max_position_limit", high),
            ("secondary_id", second),
            ("velocity_limit", 131),
        ):
            servo.poke(name, value)
        servo.start()
        made.append(servo)
    return made


def viperx(
    *, firmware: int = 45, clock: Callable[[], float] = time.monotonic, **wire: float
) -> ServoBus:
    """A ViperX 300 S as in the ALOHA, nine servos."""
    return ServoBus(servos(VIPERX, firmware=firmware, clock=clock), **wire)


def widowx(
    *, firmware: int = 45, clock: Callable[[], float] = time.monotonic, **wire: float
) -> ServoBus:
    """A WidowX 250 S as in the ALOHA of 2023, nine servos."""
    return ServoBus(servos(WIDOWX, firmware=firmware, clock=clock), **wire)
