"""USB cameras (UVC) through V4L2 and OpenCV, bound to a port or a serial number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hardware.cameras.source import SourceRefusedError
from hardware.cameras.video_devices import UvcBinding, find_video_devices
from hardware.interfaces import Clock, Frame, HardwareError

CONTROLS: Mapping[str, int] = {
    "exposure": cv2.CAP_PROP_EXPOSURE,
    "gain": cv2.CAP_PROP_GAIN,
    "brightness": cv2.CAP_PROP_BRIGHTNESS,
    "contrast": cv2.CAP_PROP_CONTRAST,
    "saturation": cv2.CAP_PROP_SATURATION,
    "sharpness": cv2.CAP_PROP_SHARPNESS,
    "white_balance": cv2.CAP_PROP_WB_TEMPERATURE,
    "focus": cv2.CAP_PROP_FOCUS,
    "zoom": cv2.CAP_PROP_ZOOM,
}
"""Controls that may be set, in the units of the driver (exposure: 0.1 ms)."""

MANUAL: Mapping[str, tuple[int, int]] = {
    "exposure": (cv2.CAP_PROP_AUTO_EXPOSURE, 1),  # V4L2_EXPOSURE_MANUAL
    "white_balance": (cv2.CAP_PROP_AUTO_WB, 0),
    "focus": (cv2.CAP_PROP_AUTOFOCUS, 0),
}
"""What must be switched off before a control obeys."""

OLDEST_SECS = 1.0
"""A kernel time stamp further in the past than this is not on the robot's clock."""


@dataclass(frozen=True, slots=True)
class UvcMode:
    """How a USB camera is to send its pictures."""

    height: int = 480
    width: int = 640
    fps: int | float = 30
    fourcc: str = "MJPG"
    """MJPEG leaves room on the bus for four cameras; YUYV (uncompressed) for one or two."""
    controls: Mapping[str, int | float] = field(default_factory=dict)
    """Values by name of `CONTROLS`; those not named stay automatic."""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.controls) - set(CONTROLS))
        if unknown:
            raise ValueError(f"A USB camera has the controls {sorted(CONTROLS)}, got {unknown}.")
        if len(self.fourcc) != 4:
            raise ValueError(f"A pixel format has four letters such as MJPG, got {self.fourcc!r}.")

    def __str__(self) -> str:
        return f"{self.width}x{self.height} at {self.fps:g} per second as {self.fourcc}"


class UvcSource:
    """One USB camera. Found anew by its binding at every `open`, whatever its node is then."""

    def __init__(
        self,
        binding: UvcBinding,
        clock: Clock,
        mode: UvcMode | None = None,
        *,
        root: Path = Path("/"),
        backend: int = cv2.CAP_V4L2,
    ) -> None:
        self._binding = binding
        self._clock = clock
        self._mode = mode or UvcMode()
        self._root = root
        self._backend = backend
        self._capture: Any = None
        self._stamped = False

    @property
    def fps(self) -> int | float:
        """Pictures per second that were asked for."""
        return self._mode.fps

    def open(self) -> None:
        """Find the camera, set its mode and controls, and check that it took them."""
        device = self._binding.choose(find_video_devices(self._root))
        self._capture = cv2.VideoCapture(str(device.node), self._backend)
        if not self._capture.isOpened():
            raise HardwareError(
                f"{device} does not open. Is another program using it? Try: fuser {device.node}"
            )
        # Backends other than V4L2 count from the beginning of a film.
        self._stamped = self._capture.getBackendName() == "V4L2"
        self._set_mode(str(device))
        self._set_controls(str(device))

    def _set_mode(self, device: str) -> None:
        wanted = self._mode
        fourcc = cv2.VideoWriter.fourcc(*wanted.fourcc)
        for key, value in (
            (cv2.CAP_PROP_FOURCC, fourcc),
            (cv2.CAP_PROP_FRAME_WIDTH, wanted.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height),
            (cv2.CAP_PROP_FPS, wanted.fps),
        ):
            self._capture.set(key, value)  # its answer says little: the mode is read back
        given = UvcMode(
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            round(float(self._capture.get(cv2.CAP_PROP_FPS)), 2),
            int(self._capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1"),
        )
        sizes = (given.height, given.width, given.fourcc)
        if sizes != (wanted.height, wanted.width, wanted.fourcc) or abs(given.fps - wanted.fps) > 1:
            raise SourceRefusedError(
                f"{device} was asked for {wanted} and offers {given} instead. Choose a mode that "
                "it has; `v4l2-ctl --list-formats-ext` lists them."
            )

    def _set_controls(self, device: str) -> None:
        for name, value in self._mode.controls.items():
            if name in MANUAL:
                self._capture.set(*MANUAL[name])
            taken = self._capture.set(CONTROLS[name], value)
            now = float(self._capture.get(CONTROLS[name]))
            if not taken or abs(now - value) > 0.5:
                raise SourceRefusedError(
                    f"{device} does not take {name} {value:g}; it stays at {now:g}. "
                    "`v4l2-ctl --list-ctrls` lists what it takes."
                )

    def grab(self, timeout_secs: int | float) -> Frame | None:  # noqa: ARG002 - V4L2 has its own
        """Take the next picture; V4L2 waits up to 10 s for a camera that hangs."""
        fine, picture = self._capture.read()
        arrived = self._clock.now()
        if not fine or picture is None:
            raise HardwareError(
                f"The USB camera with {self._binding} has stopped sending. Check cable and hub."
            )
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        return Frame(image, self._captured_at(arrived))

    def _captured_at(self, arrived: float) -> float:
        """Return when the kernel began to receive the picture, if it says so, else `arrived`."""
        if self._stamped:
            taken = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
            if 0 <= arrived - taken <= OLDEST_SECS:
                return taken
        return arrived

    def close(self) -> None:
        """Let the camera go."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None
