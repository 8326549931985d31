"""The last of a film that never ends: encoded, in memory, and cut out as a film when wanted."""

import io
import struct
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from recordings.codec import Codec
from recordings.statistics import PictureStatistics
from recordings.torn_film import remux
from recordings.video import SAMPLES_PER_SEC, VideoWriter

BOX_HEAD = 8
"""Bytes that tell how long a box is and what it holds (ISO 14496-12, 4.2)."""


class Fragments:
    """Takes the bytes of a film, and keeps its head and its last fragments."""

    options: Mapping[str, str] = {
        "movflags": "empty_moov+frag_keyframe+default_base_moof",
        "flush_packets": "1",
    }
    """A head that says nothing of the frames, then a fragment for every key frame."""

    def __init__(self, frames: int) -> None:
        """Hold at least the last `frames` frames, once there are so many."""
        self.error: OSError | None = None
        self.first = 0
        """Number of the first frame that is held."""
        self._wanted = frames
        self._rest = b""
        self._head = b""
        self._moof = b""
        self._held: deque[tuple[int, bytes]] = deque()
        self._count = 0

    def write(self, data: bytes) -> int:
        """Take the next bytes, cut anywhere."""
        self._rest += bytes(data)
        while len(self._rest) >= BOX_HEAD:
            (size,) = struct.unpack(">I", self._rest[:4])
            if size < BOX_HEAD or len(self._rest) < size:
                break
            box, self._rest = self._rest[:size], self._rest[size:]
            self._take(box[4:BOX_HEAD], box)
        return len(data)

    def settle(self) -> None:
        """Do nothing: it is all in memory."""

    def close(self) -> None:
        """Do nothing: it is all in memory."""

    def film(self) -> io.BytesIO:
        """Return what is held as a film; its first frame keeps the number `first`."""
        return io.BytesIO(self._head + b"".join(data for _, data in self._held))

    def _take(self, kind: bytes, box: bytes) -> None:
        if kind in (b"ftyp", b"moov"):
            self._head += box
        elif kind == b"moof":
            self._moof = box
        elif kind == b"mdat":
            frames = _frames_in(self._moof)
            self._held.append((frames, self._moof + box))
            self._count += frames
            while self._count - self._held[0][0] >= self._wanted:
                dropped, _ = self._held.popleft()
                self._count -= dropped
                self.first += dropped


def _frames_in(moof: bytes) -> int:
    """Return how many frames a fragment has: sample_count of its track run (ISO 14496-12)."""
    at = moof.index(b"trun") + 8
    return int(struct.unpack(">I", moof[at : at + 4])[0])


class RecentStatistics(PictureStatistics):
    """Counts the last pictures only."""

    def __init__(self, levels: int, pictures: int) -> None:
        super().__init__(levels)
        self._wanted = pictures
        self._each: deque[np.ndarray] = deque()

    def add(self, image: np.ndarray) -> None:
        """Count one picture, and forget the oldest."""
        before = self._counts.copy()
        super().add(image)
        self._each.append((self._counts - before).astype(np.uint16))
        if len(self._each) > self._wanted:
            self._counts -= self._each.popleft()
            self._pictures -= 1


class StreamFilm(VideoWriter):
    """A `VideoWriter` without end, of which only the last frames are kept."""

    def __init__(
        self,
        path: Path,
        fps: int,
        shape: tuple[int, int, int],
        encoder: Executor,
        codec: Codec,
        frames: int,
    ) -> None:
        """Keep at least the last `frames`; `path` is where `cut` puts them."""
        self._frames = frames
        self._fragments = Fragments(frames)
        super().__init__(path, fps, shape, encoder, codec)

    @property
    def first(self) -> int:
        """Number of the first frame that is held; right once `finish` is done."""
        return self._fragments.first

    def sink(self) -> Fragments:
        """Return where the film goes: to memory."""
        return self._fragments

    def statistics(self, levels: int) -> PictureStatistics:
        """Return what counts the last pictures."""
        return RecentStatistics(levels, self._frames * SAMPLES_PER_SEC // self._fps)

    def complete(self, rows: int) -> None:
        """Do nothing: the film is in memory yet."""

    def cut(self, first: int, count: int) -> None:
        """Put `count` frames from `first` on, a key frame, at `path`, once `finish` is done."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        remux(self._fragments.film(), self.path, self._fps, count=count, first=first)
