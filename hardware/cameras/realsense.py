"""Intel RealSense cameras: colour, and depth if asked, chosen by serial number."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from hardware.cameras.device_clock import DeviceClock
from hardware.cameras.realsense_devices import RealSenseObject, make_context, modes_of
from hardware.cameras.realsense_options import set_options
from hardware.cameras.source import SourceRefusedError
from hardware.interfaces import Clock, Depth, Frame, HardwareError

OLDEST_SECS = 1.0
"""A time stamp of the machine's clock further in the past than this is of an old recording."""


@dataclass(frozen=True, slots=True)
class RealSenseMode:
    """How a RealSense is to send its pictures."""

    height: int = 480
    width: int = 640
    fps: int = 30
    depth: bool = False
    """Measure depth too, in the same size and rate, moved onto the colour picture's pixels."""
    options: Mapping[str, int | float] = field(default_factory=dict)
    """Sensor options by librealsense's names: `exposure` (microseconds), `gain`, ..."""


class RealSenseSource:
    """One RealSense camera.

    Every second `open` after a silence resets the camera first, as pulling its plug would.
    """

    def __init__(
        self,
        serial: str,
        clock: Clock,
        mode: RealSenseMode | None = None,
        *,
        context: RealSenseObject = None,
    ) -> None:
        self._serial = serial
        self._clock = clock
        self._mode = mode or RealSenseMode()
        self._context = context
        self._pipeline: RealSenseObject = None
        self._device: RealSenseObject = None
        self._align: RealSenseObject = None
        self._device_clock = DeviceClock()
        self._silent_opens = 0
        self._last_number = -1

    @property
    def fps(self) -> int:
        """Pictures per second that were asked for."""
        return self._mode.fps

    def open(self) -> None:
        """Find the camera by its serial number, set its options and start it."""
        if self._context is None:
            self._context = make_context()
        device = self._find()
        if self._silent_opens % 2:
            self._silent_opens += 1
            self._reset(device)
        self._start(device)
        self._silent_opens += 1

    def _find(self) -> RealSenseObject:
        import pyrealsense2 as rs

        found = []
        for device in self._context.query_devices():
            serial = device.get_info(rs.camera_info.serial_number)
            if serial == self._serial:
                return device
            found.append(f"{device.get_info(rs.camera_info.name)} {serial}")
        # After a reset it is away for a few seconds and comes back by itself.
        kind = HardwareError if self._silent_opens else SourceRefusedError
        raise kind(
            f"RealSense {self._serial} is not plugged in. There is: "
            f"{'; '.join(found) or 'no RealSense'}. Check its cable (USB 3) and hub, or bind "
            "another one."
        )

    def _reset(self, device: RealSenseObject) -> NoReturn:
        try:
            device.hardware_reset()
        except RuntimeError as error:
            raise HardwareError(
                f"RealSense {self._serial} sends nothing and cannot be reset ({error}). "
                "Pull its plug and put it back."
            ) from error
        raise HardwareError(f"RealSense {self._serial} sent nothing and is being reset.")

    def _start(self, device: RealSenseObject) -> None:
        import pyrealsense2 as rs

        mode = self._mode
        set_options(device, mode.options)
        config = rs.config()
        config.enable_device(self._serial)
        config.enable_stream(rs.stream.color, mode.width, mode.height, rs.format.rgb8, mode.fps)
        if mode.depth:
            config.enable_stream(rs.stream.depth, mode.width, mode.height, rs.format.z16, mode.fps)
            self._align = rs.align(rs.stream.color)
        pipeline = rs.pipeline(self._context)
        try:
            pipeline.start(config)
        except RuntimeError as error:
            raise self._refusal(device, error) from error
        self._pipeline, self._device = pipeline, device
        self._device_clock, self._last_number = DeviceClock(), -1

    def _refusal(self, device: RealSenseObject, error: RuntimeError) -> HardwareError:
        """Say why it did not start: a mode that it lacks, or else what librealsense says."""
        mode = self._mode
        offered = modes_of(device)
        asked = [f"colour {mode.width}x{mode.height} at {mode.fps}"]
        if mode.depth:
            asked.append(asked[0].replace("colour", "depth"))
        lacking = [text for text in asked if text not in offered]
        if not lacking:
            return HardwareError(f"RealSense {self._serial} does not start: {error}")
        return SourceRefusedError(
            f"RealSense {self._serial} has no {' and no '.join(lacking)}. "
            f"It offers: {', '.join(offered)}."
        )

    def grab(self, timeout_secs: int | float) -> Frame | None:
        """Wait for the next set of pictures."""
        try:
            fine, frames = self._pipeline.try_wait_for_frames(int(timeout_secs * 1000))
            connected = fine or self._device.is_connected()
        except RuntimeError as error:
            raise HardwareError(f"RealSense {self._serial} is gone: {error}") from error
        if not connected:
            raise HardwareError(f"RealSense {self._serial} was unplugged or lost its power.")
        if not fine:
            return None
        arrived = self._clock.now()
        if self._align is not None:
            frames = self._align.process(frames)
        colour = frames.get_color_frame()
        # A set may repeat the last colour picture beside a newer depth picture.
        if not colour or colour.get_frame_number() == self._last_number:
            return None
        self._last_number = colour.get_frame_number()
        self._silent_opens = 0
        image = np.array(colour.get_data(), np.uint8)  # a copy: librealsense reuses its buffers
        depth = None if self._align is None else _metres(frames.get_depth_frame())
        return Frame(image, self._captured_at(colour, arrived), depth=depth)

    def _captured_at(self, colour: RealSenseObject, arrived: float) -> float:
        import pyrealsense2 as rs

        taken = float(colour.get_timestamp()) / 1000
        if colour.get_frame_timestamp_domain() != rs.timestamp_domain.hardware_clock:
            # The machine's wall clock: right now both clocks can be compared directly.
            age = time.clock_gettime(time.CLOCK_REALTIME) - taken
            if 0 <= age <= OLDEST_SECS:
                return arrived - age
        return self._device_clock.captured_at(taken, arrived)

    def close(self) -> None:
        """Stop the camera."""
        if self._pipeline is not None:
            pipeline, self._pipeline = self._pipeline, None
            try:
                pipeline.stop()
            except RuntimeError:
                return  # it had stopped with the camera that went away
            finally:
                self._align = self._device = None


def _metres(frame: RealSenseObject) -> Depth | None:
    if not frame:
        return None
    units = np.asarray(frame.get_data(), np.uint16)
    return units * np.float32(frame.get_units())
