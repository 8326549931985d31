"""A folder of pictures as a camera, in the order of their names."""

from pathlib import Path

import cv2
import numpy as np

from hardware.cameras.pacing import Pace
from hardware.cameras.source import SourceEndedError, SourceRefusedError
from hardware.interfaces import Clock, Frame, HardwareError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")


class PictureFolderSource:
    """Shows the pictures of a folder at `fps`, over and over unless `loop` is False."""

    def __init__(
        self, folder: Path, clock: Clock, *, fps: int | float = 30, loop: bool = True
    ) -> None:
        self._folder = folder
        self._loop = loop
        self._pace = Pace(clock, fps)
        self._paths: list[Path] = []

    @property
    def fps(self) -> int | float:
        """Pictures per second."""
        return self._pace.fps

    def open(self) -> None:
        """List the pictures; the first is due now."""
        if not self._folder.is_dir():
            raise SourceRefusedError(f"There is no folder of pictures at {self._folder}.")
        self._paths = sorted(p for p in self._folder.iterdir() if p.suffix.lower() in SUFFIXES)
        if not self._paths:
            raise SourceRefusedError(
                f"The folder {self._folder} holds no picture ending in {', '.join(SUFFIXES)}."
            )
        self._pace.start()

    def grab(self, timeout_secs: int | float) -> Frame | None:
        """Read the picture that is due."""
        number = self._pace.next_due(timeout_secs)
        if number is None:
            return None
        if number >= len(self._paths) and not self._loop:
            raise SourceEndedError(f"All {len(self._paths)} pictures have been shown.")
        path = self._paths[number % len(self._paths)]
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise HardwareError(f"Cannot read the picture {path}: it is gone or damaged.")
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        return Frame(image, self._pace.due_at(number))

    def close(self) -> None:
        """Forget the list; it is made again by `open`."""
        self._paths = []
