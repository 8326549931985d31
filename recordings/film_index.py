"""Where every frame of a film lies in its file, read once. Decodes nothing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FORMAT = "mp4"
"""The one container of LeRobotDataset v3.0."""
MOST_PIXELS = 64 * 2**20
"""Of a picture. A torn header that asks for more would fill the memory."""

Packet = tuple[int, int, int, bool]
"""Frame number (-1 for none that is shown), position and size in bytes, whether a key frame."""


@dataclass(frozen=True, slots=True)
class FilmIndex:
    """A film's packets in the order in which they are decoded, and what decodes them."""

    path: Path
    codec: str
    setup: bytes | None
    """What the decoder must be told before the first packet."""
    rate: Fraction
    """Frames per second."""
    height: int
    width: int
    numbers: np.ndarray
    """(packets,) int64: the frame that each packet shows; -1 for none."""
    positions: np.ndarray
    """(packets,) int64: bytes from the beginning of the file."""
    sizes: np.ndarray
    """(packets,) int64: bytes."""
    shown: np.ndarray
    """(frames,) int64: the numbers of all frames, rising."""
    keys: np.ndarray
    """(key frames,) int64: the packets that are decoded without others before them, as shown."""
    state: tuple[int, int, int]
    """Inode, size and time of change of the file that this was read of."""

    @property
    def num_frames(self) -> int:
        """Frames that can be asked for."""
        return len(self.shown)

    def key_before(self, number: int) -> int:
        """Return the packet to begin with in order to decode frame `number`.

        Raises `ValueError` when the film has no such frame.
        """
        place = int(np.searchsorted(self.shown, number))
        if place == len(self.shown) or self.shown[place] != number:
            raise ValueError(
                f"There is no frame {number}: expected one of {self.num_frames} from "
                f"{self.shown[0]} to {self.shown[-1]}. File: {self.path}"
            )
        before = int(np.searchsorted(self.numbers[self.keys], number, side="right"))
        return int(self.keys[before - 1]) if before else 0


def state_of(file: Path | int) -> tuple[int, int, int]:
    """Return what changes when another file takes the place of `file`, a path or a descriptor."""
    about = os.stat(file)  # noqa: PTH116 - a descriptor has no path
    return about.st_ino, about.st_size, about.st_mtime_ns


def index_film(path: Path) -> FilmIndex:
    """Read the index of the film at `path`.

    Raises `ValueError` when there is none, or it is torn, or no film of this format.
    """
    try:
        state = state_of(path)
        with av.open(str(path), options={"max_pixels": str(MOST_PIXELS)}) as container:
            return _index(path, state, container)
    except (OSError, ValueError, OverflowError, av.FFmpegError) as error:
        raise ValueError(f"Cannot read a film: {error}. File: {path}") from error


def _index(path: Path, state: tuple[int, int, int], container: Any) -> FilmIndex:  # noqa: ANN401 - PyAV has no types
    if FORMAT not in container.format.name.split(","):
        raise ValueError(f"expected a film in {FORMAT}, got {container.format.name}")
    if not container.streams.video:
        raise ValueError("expected a video stream, got none")
    stream = container.streams.video[0]
    codec = stream.codec_context
    if codec is None:
        raise ValueError("expected a codec that can be decoded, got one that nobody knows")
    rate = Fraction(stream.average_rate or 0)
    if not rate or not 0 < codec.height * codec.width <= MOST_PIXELS:
        raise ValueError(
            f"expected a rate and a size, got {rate} a second, {codec.height}x{codec.width}"
        )
    in_order = not codec.has_b_frames and 0 < len(stream.index_entries) == stream.frames
    packets = list(_listed(stream, rate) if in_order else _found(container, stream, rate))
    if not packets:
        raise ValueError("expected frames, got none")
    numbers, positions, sizes, keys = (np.array(each) for each in zip(*packets, strict=True))
    if positions.min() < 0 or sizes.min() < 0 or (positions + sizes).max() > state[1]:
        raise ValueError(f"its frames lie beyond its end at {state[1]} bytes")
    shown = numbers >= 0
    if not shown.any():
        raise ValueError("expected frames that are shown, got none")
    places = np.flatnonzero(keys & shown)
    places = places[np.argsort(numbers[places], kind="stable")]
    return FilmIndex(
        *(path, codec.name, codec.extradata, rate, int(codec.height), int(codec.width)),
        *(numbers, positions, sizes, np.unique(numbers[shown]), places, state),
    )


def _listed(stream: Any, rate: Fraction) -> Iterator[Packet]:  # noqa: ANN401 - PyAV has no types
    """Take the container's own index: with no B frames, packets are in the order shown."""
    per_tick = rate * stream.time_base
    for entry in stream.index_entries:
        number = -1 if entry.is_discard else round(entry.timestamp * per_tick)
        yield number, entry.pos, entry.size, entry.is_keyframe


def _found(container: Any, stream: Any, rate: Fraction) -> Iterator[Packet]:  # noqa: ANN401 - PyAV has no types
    """Read through the whole file: the container's index says nothing of when frames are shown."""
    for packet in container.demux(stream):
        if packet.size and packet.pos is not None and packet.pts is not None:
            number = -1 if packet.is_discard else round(packet.pts * packet.time_base * rate)
            yield number, packet.pos, packet.size, packet.is_keyframe
