"""A video file as a camera, played at the speed of the robot's clock."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hardware.cameras.pacing import Pace
from hardware.cameras.source import SourceEndedError, SourceRefusedError
from hardware.interfaces import Clock, Frame, HardwareError

WORST_LAG_SECS = 1.0
"""A film that is further behind goes on from where it is instead of running after the clock."""


class FilmSource:
    """Plays a video file in real time, over and over unless `loop` is False.

    A reader that is late sees fewer pictures, as with any camera.
    """

    def __init__(
        self, path: Path, clock: Clock, *, fps: int | float | None = None, loop: bool = True
    ) -> None:
        self._path = path
        self._clock = clock
        self._wanted_fps = fps
        self._loop = loop
        self._pace = Pace(clock, fps or 30)
        self._film: Any = None
        self._played = 0
        """Pictures taken from the file, all rounds together."""
        self._rounds_began = 0
        """What `_played` was when this round began."""

    @property
    def fps(self) -> int | float:
        """Pictures per second: as asked, or the file's own."""
        return self._pace.fps

    def open(self) -> None:
        """Open the file; its first picture is due now."""
        if not self._path.is_file():
            raise SourceRefusedError(f"There is no film at {self._path}.")
        self._open_file()
        fps = self._wanted_fps or float(self._film.get(cv2.CAP_PROP_FPS))
        if not fps > 0:
            raise SourceRefusedError(f"The film {self._path} does not say its rate: give `fps`.")
        self._pace = Pace(self._clock, fps)
        self._played = self._rounds_began = 0

    def _open_file(self) -> None:
        self.close()
        self._film = cv2.VideoCapture(str(self._path))
        if not self._film.isOpened():
            raise SourceRefusedError(f"The file {self._path} is no film that can be played.")

    def grab(self, timeout_secs: int | float) -> Frame | None:
        """Read the picture that is due, passing over those that were missed."""
        number = self._pace.next_due(timeout_secs)
        if number is None:
            return None
        if number - self._played > WORST_LAG_SECS * self.fps:
            self._pace.resume(self._played)
            number = self._played
        while self._played <= number:
            self._advance()
        fine, picture = self._film.retrieve()
        if not fine:
            raise HardwareError(f"Picture {number} of the film {self._path} is damaged.")
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        return Frame(image, self._pace.due_at(number))

    def _advance(self) -> None:
        """Step to the next picture of the file, or to its first one after the last."""
        if not self._film.grab():
            if self._played == self._rounds_began:
                raise SourceRefusedError(f"The film {self._path} holds no picture.")
            if not self._loop:
                raise SourceEndedError(f"The film {self._path} is at its end.")
            self._rounds_began = self._played
            self._open_file()
            if not self._film.grab():
                raise HardwareError(f"The film {self._path} cannot be started again.")
        self._played += 1

    def close(self) -> None:
        """Close the file."""
        if self._film is not None:
            self._film.release()
            self._film = None
