"""The RealSense cameras of this machine: serial numbers, ports and what they offer. Starts none."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from hardware.interfaces import HardwareError

RealSenseObject: TypeAlias = Any
"""Anything of librealsense's, whose bindings carry no types."""


@dataclass(frozen=True, slots=True)
class RealSenseDevice:
    """One camera that librealsense knows."""

    serial: str
    name: str
    port: str
    """The USB port it is plugged into, as the system spells it; empty if unknown."""
    usb: str
    """USB version of the connection, such as 3.2; empty if unknown."""
    firmware: str
    modes: tuple[str, ...]
    """What it offers, such as `colour 640x480 at 30`."""

    @property
    def warning(self) -> str:
        """What is wrong with how it is plugged in; empty if nothing is."""
        if self.usb.startswith(("1", "2")):
            return (
                f"{self.name} {self.serial} is connected by USB {self.usb}: it will offer few "
                "modes. Use a USB 3 port and cable."
            )
        return ""


def make_context() -> RealSenseObject:
    """Return librealsense's context, which knows the cameras plugged in.

    One is enough for all cameras. Raises `HardwareError` saying what to install.
    """
    try:
        import pyrealsense2
    except ImportError as error:
        raise HardwareError(
            f"RealSense cameras need librealsense ({error}). Run: pip install pyrealsense2, and "
            "on Debian or Ubuntu: sudo apt-get install libusb-1.0-0"
        ) from error
    return pyrealsense2.context()


def find_realsenses(context: RealSenseObject) -> list[RealSenseDevice]:
    """List the cameras plugged in, by serial number."""
    import pyrealsense2 as rs

    info = rs.camera_info
    found = [
        RealSenseDevice(
            serial=_told(device, info.serial_number),
            name=_told(device, info.name),
            port=_told(device, info.physical_port),
            usb=_told(device, info.usb_type_descriptor),
            firmware=_told(device, info.firmware_version),
            modes=tuple(modes_of(device)),
        )
        for device in context.query_devices()
    ]
    return sorted(found, key=lambda device: device.serial)


def modes_of(device: RealSenseObject) -> list[str]:
    """List what a camera offers in colour and depth, such as `colour 640x480 at 30`."""
    import pyrealsense2 as rs

    kinds = {(rs.stream.color, rs.format.rgb8): "colour", (rs.stream.depth, rs.format.z16): "depth"}
    found = set()
    for sensor in device.query_sensors():
        for profile in sensor.get_stream_profiles():
            kind = kinds.get((profile.stream_type(), profile.format()))
            if kind is not None and profile.is_video_stream_profile():
                video = profile.as_video_stream_profile()
                found.add((kind, video.width(), video.height(), profile.fps()))
    return [f"{kind} {width}x{height} at {fps}" for kind, width, height, fps in sorted(found)]


def _told(device: RealSenseObject, info: RealSenseObject) -> str:
    return str(device.get_info(info)) if device.supports(info) else ""
