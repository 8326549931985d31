"""Films kept open between reads, for any number of threads; the oldest make room."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from recordings.closing import Closing
from recordings.film_index import FilmIndex
from recordings.video_reader import VideoReader

OPEN_FILMS = 64
"""Idle readers: each holds a file and a decoder, some megabytes at 480 x 640."""
KNOWN_FILMS = 4096
"""Films whose index is kept after they were closed: kilobytes, and most of what opening costs."""


class FilmShelf(Closing):
    """Lends readers of films, each to one thread at a time; several may read the same film."""

    def __init__(self, open_films: int = OPEN_FILMS, known_films: int = KNOWN_FILMS) -> None:
        self._idle: list[VideoReader] = []
        self._known: OrderedDict[Path, FilmIndex] = OrderedDict()
        self._limits = open_films, known_films
        self._lock = Lock()

    @contextmanager
    def reader(self, path: Path, number: int = 0) -> Iterator[VideoReader]:
        """Lend a reader of the film at `path`, if possible one that comes to frame `number` next.

        Raises `ValueError` when the film cannot be read.
        """
        reader = self._take(path, number)
        try:
            yield reader
        finally:
            self._put_back(reader)

    def close(self) -> None:
        """Close every film that is not lent. Safe to call twice."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.close()

    def _take(self, path: Path, number: int) -> VideoReader:
        with self._lock:
            fitting = [each for each in self._idle if each.path == path]
            if fitting:
                nearest = min(fitting, key=lambda each: each.following != number)
                self._idle.remove(nearest)
                return nearest
            index = self._known.get(path)
        reader = VideoReader(path, index)
        with self._lock:
            self._known[path] = reader.index
            self._known.move_to_end(path)
            while len(self._known) > self._limits[1]:
                self._known.popitem(last=False)
        return reader

    def _put_back(self, reader: VideoReader) -> None:
        with self._lock:
            self._idle.append(reader)
            oldest = self._idle.pop(0) if len(self._idle) > self._limits[0] else None
        if oldest is not None:
            oldest.close()
