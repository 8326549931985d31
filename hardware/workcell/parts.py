"""Makes the arms and cameras that a workcell's entries name. Opens none."""

from pathlib import Path

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.interbotix import ARM_MODELS
from hardware.arms.leader import DynamixelLeader
from hardware.arms.so101 import So101Arm, load_calibration
from hardware.cameras.film import FilmSource
from hardware.cameras.picture_folder import PictureFolderSource
from hardware.cameras.realsense import RealSenseMode, RealSenseSource
from hardware.cameras.source import ImageSource
from hardware.cameras.uvc import UvcMode, UvcSource
from hardware.cameras.video_devices import UvcBinding
from hardware.interfaces import Arm, Clock
from hardware.workcell.entries import SO101, ArmEntry, CameraEntry
from hardware.workcell.machine import Machine


def make_arm(entry: ArmEntry, clock: Clock, machine: Machine) -> Arm:
    """The arm of an entry, not opened yet."""
    if entry.model == SO101:
        ranges = load_calibration(Path(entry.calibration))
        holds = entry.role == "follower"
        return So101Arm(entry.port, ranges, holds=holds, reply_secs=entry.reply_secs)
    model, line = ARM_MODELS[entry.model], line_of(entry, machine)
    known = entry.fingerprints
    if entry.role == "leader":
        gravity_help = entry.gravity_help
        return DynamixelLeader(model, line, known=known, gravity_help=gravity_help, clock=clock)
    return DynamixelFollower(model, line, known=known, farewell=entry.farewell, clock=clock)


def line_of(entry: ArmEntry, machine: Machine) -> Line:
    """How a DYNAMIXEL arm is reached."""
    return Line(entry.port, entry.baud, entry.reply_secs, entry.silence_secs, machine.sysfs)


def make_source(entry: CameraEntry, clock: Clock, machine: Machine) -> ImageSource:
    """Where a camera's pictures come from, not opened yet.

    Raises `HardwareError` when a RealSense is wanted and librealsense is not installed.
    """
    match entry.kind:
        case "realsense":
            mode = RealSenseMode(
                entry.height, entry.width, round(entry.fps), entry.depth, entry.options
            )
            return RealSenseSource(entry.serial, clock, mode, context=machine.realsense())
        case "uvc":
            binding = UvcBinding(entry.path or None, entry.serial or None)
            look = UvcMode(entry.height, entry.width, entry.fps, entry.fourcc, entry.options)
            return UvcSource(binding, clock, look, root=machine.root)
        case "film":
            return FilmSource(Path(entry.path), clock, fps=entry.fps)
        case "pictures":
            return PictureFolderSource(Path(entry.path), clock, fps=entry.fps)
