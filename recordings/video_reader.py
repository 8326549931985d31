"""Films read back: any frame of one, by its number."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av

from hardware.interfaces import Image


class VideoReader:
    """Reads frames of one film by their number, keeping the file open between reads."""

    def __init__(self, path: Path) -> None:
        try:
            self._container = av.open(str(path))
            self._stream = self._container.streams.video[0]
        except (OSError, IndexError) as error:
            raise ValueError(f"Cannot read a film: {error}. File: {path}") from error
        self._path = path
        self._stream.thread_count = 1
        self._rate = Fraction(self._stream.average_rate)
        self._frames: Any = iter(())
        self._at: int | None = None

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self._rate)

    @property
    def codec(self) -> str:
        """Name of the codec, such as `h264`."""
        return str(self._stream.codec_context.name)

    @property
    def num_frames(self) -> int:
        """Frames that the file says it has; `check` counts them."""
        return int(self._stream.frames)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self._stream.height), int(self._stream.width)

    def read(self, number: int) -> Image:
        """Return frame `number`: RGB, (height, width, 3).

        Raises `ValueError` when the film has no such frame.
        """
        image: Image = self._decode(number).to_ndarray(format="rgb24")
        return image

    def require_frames(self, first: int, count: int) -> None:
        """Decode `count` frames from `first` on. Raises `ValueError` at one that is not there."""
        for number in range(first, first + count):
            self._decode(number)

    def _decode(self, number: int) -> Any:  # noqa: ANN401 - PyAV has no types
        if self._at is None or not self._at < number <= self._at + 4:
            self._seek(number)
        frame = None
        try:
            for frame in self._frames:
                self._at = round(frame.pts * frame.time_base * self._rate)
                if self._at >= number:
                    break
        except av.error.FFmpegError as error:
            raise ValueError(f"Frame {number} is torn: {error}. File: {self._path}") from error
        if self._at != number:
            raise ValueError(f"There is no frame {number}. File: {self._path}")
        return frame

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._container.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _seek(self, number: int) -> None:
        offset = round(number / self._rate / self._stream.time_base)
        self._container.seek(offset, stream=self._stream, backward=True)
        self._frames = self._container.decode(self._stream)
        self._at = None
