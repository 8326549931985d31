"""The films of a LeRobotDataset v3.0, decoded once to the size a network looks at."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from tqdm import tqdm

from policy.model.processor import resize

TOLERANCE = 0.01
"""Share by which a film's rate may differ from that of the rows."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One demonstration: rows `start` to `stop` of the samples."""

    index: int
    task: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class _Span:
    """Where in its film an episode lies."""

    episode: Episode
    film: Path
    first: int
    """Number of its first frame."""
    frames: int
    """How many the table of episodes gives it."""


@dataclass(frozen=True, slots=True)
class Films:
    """What is needed to decode the films of a dataset."""

    dataset: Path
    fps: float
    """Of rows, and so of frames."""
    table: Mapping[str, Sequence[Any]]
    """Columns of meta/episodes."""
    episodes: Sequence[Episode]

    def decode(self, key: str, size: tuple[int, int], cache: Path) -> np.ndarray:
        """Pictures (rows, height, width, 3) of the camera `key`, mapped from a file in `cache`.

        The file's name says of which films it was made: others are decoded anew. Raises
        `ValueError` naming the film and the episode for a film that cannot be read, has another
        rate than the rows, or ends early.
        """
        spans = [self._span(key, episode) for episode in self.episodes]
        by_film: dict[Path, list[_Span]] = {}
        for span in spans:
            by_film.setdefault(span.film, []).append(span)
        shape = (self.episodes[-1].stop, *size, 3)
        camera = key.removeprefix("observation.images.")
        path = cache / f"{camera}-{_fingerprint(spans, shape)}.u8"
        if path.exists():
            return np.memmap(path, np.uint8, "r", shape=shape)
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.uname().nodename}-{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:  # a full disk is an error here, and a crash later
                os.posix_fallocate(file.fileno(), 0, int(np.prod(shape)))
            pictures = np.memmap(partial, np.uint8, "r+", shape=shape)
            for film, inside in tqdm(by_film.items(), desc=camera, unit="film", mininterval=2):
                self._decode_film(film, inside, pictures)
            pictures.flush()
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        return np.memmap(path, np.uint8, "r", shape=shape)

    def _span(self, key: str, episode: Episode) -> _Span:
        def told(what: str) -> float:
            return float(self.table[f"videos/{key}/{what}"][episode.index])

        chunk, number = int(told("chunk_index")), int(told("file_index"))
        begin, end = told("from_timestamp"), told("to_timestamp")
        film = self.dataset / f"videos/{key}/chunk-{chunk:03d}/file-{number:03d}.mp4"
        if not film.is_file():
            raise ValueError(f"The film of episode {episode.index} is missing: {film}")
        span = _Span(episode, film, round(begin * self.fps), round((end - begin) * self.fps))
        if span.frames < len(episode):
            raise ValueError(_short(span, len(episode) - span.frames))
        return span

    def _decode_film(self, film: Path, spans: list[_Span], pictures: np.ndarray) -> None:
        height, width = pictures.shape[1:3]
        wanted = {
            span.first + i: span.episode.start + i
            for span in spans
            for i in range(len(span.episode))
        }
        if len(wanted) < sum(len(span.episode) for span in spans):
            raise ValueError(f"Episodes overlap in a film, by the table of episodes: {film}")
        try:
            with av.open(str(film)) as container:
                stream = container.streams.video[0]
                rate = float(stream.average_rate or 0)
                if abs(rate - self.fps) > TOLERANCE * self.fps:
                    raise ValueError(
                        f"A film has {rate:g} frames a second, the rows of {self.dataset} "
                        f"{self.fps:g}: {film}"
                    )
                for number, frame in enumerate(container.decode(stream)):
                    row = wanted.pop(number, None)
                    if row is not None:
                        seen = frame.to_ndarray(format="rgb24")
                        pictures[row] = resize(seen, (height, width))
        except (OSError, av.FFmpegError, IndexError) as error:
            raise ValueError(f"The video cannot be read ({error}): {film}") from error
        if wanted:
            row = min(wanted.values())
            span = next(s for s in spans if s.episode.start <= row < s.episode.stop)
            raise ValueError(_short(span, len(wanted)))


def _short(span: _Span, lacking: int) -> str:
    return (
        f"Episode {span.episode.index} has {len(span.episode)} rows and its video ends "
        f"{lacking} frames early: {span.film}"
    )


def _fingerprint(spans: Sequence[_Span], shape: tuple[int, ...]) -> str:
    """Changes with the films, where episodes lie in them, and the size of the pictures."""
    digest = hashlib.sha256(repr(shape).encode())
    for span in spans:
        about = span.film.stat()
        rows = (span.first, span.episode.start, span.episode.stop)
        made = (str(span.film.resolve()), about.st_size, about.st_mtime_ns)
        digest.update(repr((made, rows)).encode())
    return digest.hexdigest()[:16]
