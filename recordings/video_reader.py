"""Films read back: any frame of one, by its number."""

import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt16

from hardware.interfaces import Image
from recordings.closing import Closing
from recordings.codec import DEPTH
from recordings.film_index import MOST_PIXELS, FilmIndex, index_film, state_of

STRICT = {"err_detect": "explode", "max_pixels": str(MOST_PIXELS)}
"""Torn data is an error: a decoder left to itself would paint over it."""


class VideoReader(Closing):
    """Reads frames of one film by their number, keeping file and decoder between reads.

    Reading on from the last frame costs one frame; any other, those since its key frame. For one
    thread at a time: `FilmShelf` gives each thread a reader of its own.
    """

    def __init__(self, path: Path, index: FilmIndex | None = None) -> None:
        """With `index`, read before of the same file, opening costs next to nothing.

        Raises `ValueError` when the file cannot be read.
        """
        try:
            self._file = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise ValueError(f"Cannot read a film: {error}. File: {path}") from error
        self._close = weakref.finalize(self, os.close, self._file)
        known = index is not None and index.state == state_of(self._file)
        self.index = index if known and index is not None else index_film(path)
        self._decoder = _decoder_of(self.index)
        self._to_rgb = VideoReformatter()
        self._frames: Iterator[tuple[int, Any]] = iter(())
        self._at = -1
        self._fed = -1
        """Last packet that the decoder was given; -1 before the first."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.index.path

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.index.rate)

    @property
    def codec(self) -> str:
        """Name of the codec, such as `h264`."""
        return self.index.codec

    @property
    def num_frames(self) -> int:
        """Frames that the file says it has; `check` decodes them."""
        return self.index.num_frames

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.index.height, self.index.width

    @property
    def following(self) -> int:
        """The frame that costs least to read: the one after the last that was read."""
        return self._at + 1

    def read(self, number: int) -> Image:
        """Return frame `number`: RGB, (height, width, 3).

        Raises `ValueError` when the film has no such frame.
        """
        return self._picture(self._decode(number))

    def read_depth(self, number: int) -> UInt16[np.ndarray, "height width"]:
        """Return frame `number` of a film of depth: millimetres, 0 where nothing was measured.

        Raises `ValueError` when the film has no such frame, or is none of depth.
        """
        frame = self._decode(number)
        if frame.format.name != DEPTH.pixels:
            raise ValueError(
                f"Expected a film of depth, {DEPTH.pixels}, got {frame.format.name}. "
                f"File: {self.path}"
            )
        depth: UInt16[np.ndarray, "height width"] = frame.to_ndarray()
        return depth

    def read_many(self, numbers: Sequence[int]) -> list[Image]:
        """Return the frames `numbers`, in that order; none is decoded twice."""
        pictures = {number: self.read(number) for number in sorted(set(numbers))}
        return [pictures[number] for number in numbers]

    def require_frames(self, first: int, count: int) -> None:
        """Decode `count` frames from `first` on. Raises `ValueError` at one that is not there."""
        for number in range(first, first + count):
            self._decode(number)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._close()

    def _picture(self, frame: Any) -> Image:  # noqa: ANN401 - PyAV has no types
        if (frame.height, frame.width) != self.size:
            raise ValueError(
                f"Expected a frame of {self.size}, got {(frame.height, frame.width)}. "
                f"File: {self.path}"
            )
        rgb = self._to_rgb.reformat(frame, format="rgb24", threads=1)
        return np.asarray(rgb.to_ndarray(), np.uint8)

    def _decode(self, number: int) -> Any:  # noqa: ANN401 - PyAV has no types
        begin = self.index.key_before(number)
        if number <= self._at or begin > self._fed + 1 or self._fed < 0:
            self._frames, self._at = self._decoded(begin), -1
        try:
            frame = self._come_to(number)
        except (av.FFmpegError, ValueError, OSError) as error:
            self._fed = -1  # the next read begins at a key frame
            raise ValueError(f"Frame {number} is torn: {error}. File: {self.path}") from error
        if frame is None or self._at != number:
            raise ValueError(f"There is no frame {number}. File: {self.path}")
        return frame

    def _come_to(self, number: int) -> Any:  # noqa: ANN401 - PyAV has no types
        for at, frame in self._frames:
            self._at = at
            if at >= number:
                return frame
        return None

    def _decoded(self, begin: int) -> Iterator[tuple[int, Any]]:
        """Yield the frames from packet `begin` on, in the order shown, with their numbers."""
        if self._decoder.is_open:
            self._decoder.flush_buffers()
        for at in range(begin, len(self.index.numbers)):
            self._fed = at
            for frame in self._decoder.decode(self._packet(at)):
                yield frame.pts, frame
        for frame in self._decoder.decode(None):
            yield frame.pts, frame

    def _packet(self, at: int) -> Any:  # noqa: ANN401 - PyAV has no types
        number, size = int(self.index.numbers[at]), int(self.index.sizes[at])
        data = os.pread(self._file, size, int(self.index.positions[at]))
        if len(data) != size:
            raise ValueError(f"expected {size} bytes, got {len(data)}")
        packet = av.Packet(data)
        packet.pts = number
        return packet


def _decoder_of(index: FilmIndex) -> Any:  # noqa: ANN401 - PyAV has no types
    try:
        decoder = av.CodecContext.create(index.codec, "r")
    except ValueError as error:
        raise ValueError(
            f"Cannot read a film: nothing decodes {index.codec!r}. File: {index.path}"
        ) from error
    decoder.extradata = index.setup
    decoder.width, decoder.height = index.width, index.height  # FFV1 does not say it itself
    decoder.thread_count = 1
    decoder.options = dict(STRICT)
    return decoder
