"""Films as they grow, and the files that they grow in: readable at every instant."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import av
import numpy as np

from recordings.codec import Codec, add_stream


@runtime_checkable
class Sink(Protocol):
    """Where an encoded film goes."""

    options: Mapping[str, str]
    """For FFmpeg's MP4."""
    error: OSError | None
    """Why it takes no more, if so: FFmpeg makes something else of an error."""

    def write(self, data: bytes) -> int:
        """Take all of `data`."""

    def settle(self) -> None:
        """Bring what was taken to where it cannot be lost."""

    def close(self) -> None:
        """Take no more. Safe to call twice."""


class DiskSink:
    """A file on the disk.

    A program that is killed leaves a film that `recordings.torn_film` can complete.
    """

    options: Mapping[str, str] = {
        "movflags": "hybrid_fragmented",
        "frag_duration": "500000",
        "flush_packets": "1",
    }
    """Fragments of half a second while it grows, an ordinary file once it is closed."""

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        self._file = path.open("wb", buffering=0)

    def write(self, data: bytes) -> int:
        """Write all of `data`. Raises `OSError`."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.error = error
            raise
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place where the next byte goes."""
        return self._file.tell()

    def settle(self) -> None:
        """Bring what is written to the disk itself."""
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()


class FilmFile:
    """Encodes pictures into an MP4, one after another, and brings them to the disk.

    What is written is brought to the disk itself twice a second, so that closing a long film has
    no more left to write than closing a short one.
    """

    def __init__(self, sink: Sink, codec: Codec, fps: int, size: tuple[int, int]) -> None:
        """Begin a film of `size`, height and width."""
        self.num_frames = 0
        self._fps = fps
        self._codec = codec
        self._sink = sink
        self._container: Any = av.open(sink, "w", format="mp4", options=dict(sink.options))
        self._stream = add_stream(self._container, codec, fps, size)

    def picture(self, image: np.ndarray) -> Any:  # noqa: ANN401 - PyAV has no types
        """Return an image, RGB or 16-bit depth in millimetres, as the encoder takes it."""
        if image.ndim == 2:
            return av.VideoFrame.from_ndarray(image, format="gray16le")
        rgb = av.VideoFrame.from_ndarray(image, format="rgb24")
        return rgb.reformat(format=self._codec.pixels)

    def add(self, picture: Any) -> None:  # noqa: ANN401
        """Encode a picture as the next frame; the same may be added again."""
        picture.pts = self.num_frames
        picture.time_base = Fraction(1, self._fps)
        with self._telling():
            self._container.mux(self._stream.encode(picture))
        self.num_frames += 1
        if self.num_frames % max(2, self._fps // 2) == 1:  # a fragment was written just now
            self._sink.settle()

    def close(self) -> None:
        """Complete the film; it is on the disk when this returns."""
        with self._telling():
            self._container.mux(self._stream.encode())
            self._container.close()
        self._sink.settle()
        self._sink.close()

    def drop(self) -> None:
        """Close the file, whatever is in it."""
        try:
            self._container.close()
        finally:
            self._sink.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Raise the disk's error instead of what FFmpeg makes of it."""
        try:
            yield
        except (OSError, av.error.FFmpegError):
            if self._sink.error is not None:
                raise self._sink.error from None
            raise
