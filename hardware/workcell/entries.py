"""What a workcell file says: arms, cameras, limits. Data; opens nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hardware.arms.dynamixel import Farewell
from hardware.arms.dynamixel_line import SILENCE_SECS
from hardware.arms.interbotix import ARM_MODELS, BAUD
from hardware.dynamixel.motors import Fingerprint
from hardware.dynamixel.port import REPLY_SECS

Role = Literal["leader", "follower"]
Side = Literal["left", "right"]
CameraKind = Literal["realsense", "uvc", "film", "pictures"]

ROLES: tuple[Role, ...] = ("leader", "follower")
SIDES: tuple[Side, ...] = ("left", "right")
CAMERA_KINDS: tuple[CameraKind, ...] = ("realsense", "uvc", "film", "pictures")

SO101 = "so101"
MODELS = (*ARM_MODELS, SO101)
"""What `model` of an arm may be."""

CONTROL_HZ = 50.0


@dataclass(frozen=True, slots=True)
class ArmEntry:
    """One arm. What concerns another role or model keeps its default."""

    name: str
    model: str
    """One of `MODELS`."""
    role: Role
    side: Side
    port: str
    """Path of the serial port; by the adapter's serial number, so that arms cannot swap."""
    baud: int = BAUD
    reply_secs: float | int = REPLY_SECS
    """What a reply may take beyond its bytes."""
    silence_secs: float | int = SILENCE_SECS
    """After this long without a word a follower's motors stop themselves."""
    farewell: Farewell = "rest"
    """Whether a follower is lowered and let go at the end, or goes on holding."""
    gravity_help: float | int = 0.0
    """Share of its weight that a leader carries."""
    calibration: str = ""
    """The SO-101's file of ranges, as LeRobot writes it."""
    fingerprints: tuple[Fingerprint, ...] = ()
    """What its motors keep without power; an arm that differs is refused."""


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """One camera. What concerns another kind keeps its default."""

    name: str
    kind: CameraKind
    height: int = 480
    """Pixels."""
    width: int = 640
    fps: float | int = 30
    serial: str = ""
    path: str = ""
    """USB port of a UVC camera, film file or folder of pictures."""
    fourcc: str = "MJPG"
    depth: bool = False
    options: Mapping[str, int | float] = field(default_factory=dict)
    """Exposure and the like: RealSense options, or a UVC camera's controls."""

    @property
    def bound_to(self) -> str:
        """What tells this camera from all others."""
        return f"{self.kind} {self.serial or self.path}"


@dataclass(frozen=True, slots=True)
class ChannelLimit:
    """A narrower range or a lower speed for one channel; None keeps the arm's own."""

    low: float | int | None = None
    high: float | int | None = None
    max_rate: float | int | None = None
    """Per second."""


@dataclass(frozen=True, slots=True)
class Workcell:
    """Everything that a workcell file says."""

    name: str
    arms: tuple[ArmEntry, ...]
    cameras: tuple[CameraEntry, ...] = ()
    control_hz: float | int = CONTROL_HZ
    limits: Mapping[str, ChannelLimit] = field(default_factory=dict)
    """By channel name, such as `left_waist`."""

    def arms_of(self, role: Role) -> tuple[ArmEntry, ...]:
        """The leaders or the followers, left before right."""
        arms = [arm for arm in self.arms if arm.role == role]
        return tuple(sorted(arms, key=lambda arm: SIDES.index(arm.side)))
