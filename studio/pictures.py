"""Camera frames as JPEG, each encoded once however many browsers watch."""

import struct
from dataclasses import dataclass

import cv2

from hardware.control_loop import Tick

JPEG_QUALITY = 80

HEADER = struct.Struct("<BxxxIId")
"""Camera index, picture number, tick index, capture time in seconds on the robot's clock."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded frame, ready to send."""

    camera: int
    """Index in the embodiment's cameras."""
    number: int
    message: bytes
    """`HEADER` and the JPEG."""


class PictureEncoder:
    """Encodes the frames of a tick that were not in the tick before."""

    def __init__(self, cameras: tuple[str, ...]) -> None:
        self._cameras = cameras
        self._captured = dict.fromkeys(cameras, -1.0)
        self._numbers = dict.fromkeys(cameras, 0)

    def encode_new(self, tick: Tick) -> list[Picture]:
        """Return a picture of every new frame. Raises `RuntimeError` if one cannot be encoded."""
        return [
            self._encode(index, name, tick)
            for index, name in enumerate(self._cameras)
            if tick.observation.frames[name].captured_at != self._captured[name]
        ]

    def _encode(self, index: int, name: str, tick: Tick) -> Picture:
        frame = tick.observation.frames[name]
        ok, jpeg = cv2.imencode(
            ".jpg",
            cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
        )
        if not ok:
            raise RuntimeError(f"A frame of {name!r} could not be encoded: {frame.image.shape}.")
        self._captured[name] = frame.captured_at
        self._numbers[name] += 1
        header = HEADER.pack(index, self._numbers[name], tick.index, frame.captured_at)
        return Picture(index, self._numbers[name], header + jpeg.tobytes())
