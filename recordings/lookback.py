"""What the robot did just now, though nobody recorded it: the last seconds, kept in memory."""

import shutil
import threading
from collections import deque
from concurrent.futures import Executor, Future
from datetime import UTC, datetime

import numpy as np

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import Frame
from recordings import features as names
from recordings.codec import DEPTH
from recordings.disk import RecordingError
from recordings.episode import Columns, EpisodePlace, FinishedEpisode, films_of_camera, with_places
from recordings.features import CAPTURE_PREFIX, TIME
from recordings.journal import Head, Journal
from recordings.layout import IMAGE_PREFIX
from recordings.quality import QualityCount
from recordings.rejudging import rejudged
from recordings.rows import Row, RowMaker
from recordings.stream_film import StreamFilm

SECS = 30.0
"""Kept, by default."""
KEY_EVERY = 2
"""Frames from one key frame to the next, in every film (`recordings.codec`)."""


class Lookback:
    """Takes control ticks while no episode is open, and gives the last of them as an episode.

    Pictures are encoded as they come and held in memory: about 2 MB a second and camera at
    480x640 and 30 Hz. `add` never waits, unless `realtime` is false.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        fps: int,
        place: EpisodePlace,
        *,
        secs: float = SECS,
        realtime: bool = True,
    ) -> None:
        self._body = embodiment
        self._fps = fps
        self._place = place
        self._realtime = realtime
        self._lock = threading.Lock()
        self._closed = False
        self._failure: RecordingError | None = None
        self._maker = RowMaker(embodiment, fps, motion=place.motion)
        rows = max(1, round(secs * fps))
        self._rows: deque[Row] = deque(maxlen=rows)
        self._dropped: deque[tuple[str, int]] = deque(maxlen=rows * len(embodiment.cameras))
        self._films = {
            name: StreamFilm(
                place.folder / f"{name}.mp4",
                fps,
                (camera.height, camera.width, 1 if codec is DEPTH else 3),
                place.encoders[name],
                codec,
                rows + 1,
            )
            for camera in embodiment.cameras
            for name, codec in films_of_camera(camera.name, place.films).items()
        }

    @property
    def secs(self) -> float:
        """How much is held."""
        return len(self._rows) / self._fps

    @property
    def error(self) -> str | None:
        """Why nothing more is taken, if so."""
        failures = [self._failure, *(film.failure for film in self._films.values())]
        return next((str(failure) for failure in failures if failure), None)

    def add(self, tick: Tick) -> None:
        """Take one turn of the loop."""
        with self._lock:
            if self._closed or self.error:
                return
            try:
                row = self._maker.take(tick, self._store)
            except RecordingError as error:
                self._failure = error
                return
            if row is not None:
                self._rows.append(row)
                if len(self._rows) == self._rows.maxlen and self._maker.rows % self._fps == 0:
                    self._maker.count = QualityCount(self._body.control_hz)  # judged from rows

    def _store(self, camera: str, frame: Frame, row: int) -> bool:
        wait = not self._realtime
        if not self._films[camera].add(row, frame.image, wait=wait):
            self._dropped.append((camera, row))
            return False
        depth = self._films.get(camera + names.DEPTH_SUFFIX)
        if depth is not None and frame.depth is not None:
            depth.add(row, frame.depth, wait=wait)
        return True

    def keep(self, task: str) -> "KeptEpisode":
        """Take no more, and return what is held as an episode of `task`.

        It is on the disk, with a journal, when this returns. Raises `ValueError` when nothing is
        held, `RecordingError` when an encoder or the disk failed.
        """
        with self._lock:
            self._closed = True
        if self.error or not self._rows:
            raise ValueError(f"Nothing is held of what just happened. {self.error or ''}".strip())
        try:
            finished, began = self._finished(task)
            return KeptEpisode(finished, began, self._place.disk)
        except (OSError, ValueError, RecordingError) as error:
            self.forget()
            raise RecordingError(f"What just happened could not be kept: {error}") from error

    def forget(self) -> None:
        """Take no more, and hold nothing."""
        with self._lock:
            self._closed = True
        for removal in [film.abandon() for film in self._films.values()]:
            removal.result()
        self._rows.clear()

    def _finished(self, task: str) -> tuple[FinishedEpisode, float]:
        """Return what is held, and when its first row was."""
        total = self._maker.rows
        closing = {name: film.finish(total) for name, film in self._films.items()}
        statistics = {IMAGE_PREFIX + name: each.result() for name, each in closing.items()}
        first = max([total - len(self._rows), *(film.first for film in self._films.values())])
        first += first % KEY_EVERY
        rows = list(self._rows)[first - total :]
        self._place.folder.mkdir(parents=True)
        columns = self._written(task, rows)
        for film in self._films.values():
            film.cut(first, len(rows))
        count = QualityCount(self._body.control_hz)
        count.duplicated = dict.fromkeys(self._body.camera_names, 0)
        held = [name for name, row in self._dropped if row >= first]
        dropped = {name: held.count(name) for name in self._films}
        began = float(rows[0][TIME]) + (self._maker.began or 0.0)
        finished = FinishedEpisode(
            task=task,
            rows=len(rows),
            columns=with_places(columns, self._fps),
            films={IMAGE_PREFIX + name: film.path for name, film in self._films.items()},
            film_statistics=statistics,
            quality=rejudged(count.card(dropped), columns, self._body, self._fps),
            journal=self._place.folder,
        )
        return finished, began

    def _written(self, task: str, rows: list[Row]) -> Columns:
        """Put a journal of the rows on the disk; return them as columns, timed from the first."""
        begins = rows[0][TIME]
        timed = [name for name in rows[0] if name == TIME or name.startswith(CAPTURE_PREFIX)]
        rows = [row | {name: row[name] - begins for name in timed} for row in rows]
        widths = {name: int(np.size(value)) for name, value in rows[0].items()}
        films = {IMAGE_PREFIX + name: film.path.name for name, film in self._films.items()}
        journal = Journal(self._place.folder)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        journal.begin(Head(task, self._fps, now, widths, films))
        return journal.add(rows)


class KeptEpisode:
    """An episode that was never open: it is complete."""

    complete = True

    def __init__(self, finished: FinishedEpisode, began: float, disk: Executor) -> None:
        self.span = began, began + finished.last_secs
        """When its first and its last row were, on the robot's clock."""
        self._finished = finished
        self._disk = disk

    def finish(self) -> FinishedEpisode:
        """Return everything."""
        return self._finished

    def leave(self) -> None:
        """Do nothing: it is on the disk."""

    def abandon(self) -> Future[None]:
        """Remove it from where it was put together."""
        return self._disk.submit(shutil.rmtree, self._finished.journal)
