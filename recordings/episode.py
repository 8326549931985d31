"""The episode being recorded: control ticks in, columns and films out. Knows no dataset."""

import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import Frame
from recordings import features as names
from recordings.codec import DEPTH, Codec, FilmFormat
from recordings.disk import RecordingError, free_bytes
from recordings.journal import Head, Journal
from recordings.layout import IMAGE_PREFIX
from recordings.motion import motion_of
from recordings.quality import Quality
from recordings.rows import Row, RowMaker
from recordings.statistics import Statistics
from recordings.video import VideoWriter

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class FinishedEpisode:
    """What an episode left: everything a dataset needs to take it in."""

    task: str
    rows: int
    columns: Columns
    """Every column but the three that only the dataset knows: its indices and the task's."""
    films: Mapping[str, Path]
    """Complete files, by feature name."""
    film_statistics: Mapping[str, Statistics]
    quality: Quality
    journal: Path
    """Folder of its journal, which must not outlive its saving."""

    @property
    def last_secs(self) -> float:
        """When the last row was, after the first."""
        return float(self.columns[names.TIME][-1])


@dataclass(frozen=True, slots=True)
class EpisodePlace:
    """Where an open episode puts its films, and what it must leave free there."""

    folder: Path
    floor_bytes: int
    encoders: Mapping[str, Executor]
    """One executor of one worker per film, by the names of `films_of_camera`."""
    disk: Executor
    """One worker."""
    films: FilmFormat
    motion: bool | None = None
    """Whether rows have the joints' velocity and effort; None where their first one tells."""


class OpenEpisode:
    """Takes control ticks from the control thread; finished or abandoned from another.

    `add` never waits for the disk or an encoder, unless `realtime` is false: then a simulation
    that outruns its encoders waits for them. Every second the rows so far go to a journal beside
    the films, from which an episode that was cut short can be rescued (`recordings.rescue`).
    """

    def __init__(
        self, task: str, embodiment: Embodiment, fps: int, place: EpisodePlace, *, realtime: bool
    ) -> None:
        self.task = task
        self._recorded_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._body = embodiment
        self._fps = fps
        self._place = place
        self._realtime = realtime
        self._lock = threading.Lock()
        self._closed = False
        self._finished: FinishedEpisode | None = None
        self._failure: RecordingError | None = None
        self._full: str | None = None
        self._space: Future[int] = place.disk.submit(free_bytes, place.folder)
        self._maker = RowMaker(embodiment, fps, motion=place.motion)
        self._latest: list[Row] = []
        self._written: list[Future[Columns]] = []
        self._journal = Journal(place.folder)
        place.folder.mkdir(parents=True, exist_ok=True)
        self._films = {
            name: VideoWriter(
                place.folder / f"{name}.mp4",
                fps,
                (camera.height, camera.width, 1 if codec is DEPTH else 3),
                place.encoders[name],
                codec,
            )
            for camera in embodiment.cameras
            for name, codec in films_of_camera(camera.name, place.films).items()
        }

    @property
    def rows(self) -> int:
        """Rows recorded so far."""
        return self._maker.rows

    @property
    def secs(self) -> float:
        """Length so far, in rows at the dataset's rate."""
        return self.rows / self._fps

    @property
    def began(self) -> float | None:
        """When the first row was, on the robot's clock; None before."""
        return self._maker.began

    @property
    def span(self) -> tuple[float, float] | None:
        """When the first and the last row were, on the robot's clock; None unless complete."""
        if self._finished is None or self.began is None:
            return None
        return self.began, self.began + self._finished.last_secs

    @property
    def error(self) -> str | None:
        """Why nothing more is recorded, if so; what was recorded may still be saved if it can."""
        failure = self._broken()
        return str(failure) if failure else self._full

    def _broken(self) -> RecordingError | None:
        failures = [self._failure, *(film.failure for film in self._films.values())]
        return next((failure for failure in failures if failure), None)

    @property
    def quality(self) -> Quality:
        """The quality card of what was recorded so far."""
        return self._maker.count.card(self.dropped)

    @property
    def dropped(self) -> dict[str, int]:
        """Pictures that found the encoder too far behind, by film."""
        return {name: film.dropped for name, film in self._films.items()}

    def add(self, tick: Tick) -> None:
        """Record one turn of the loop."""
        with self._lock:
            if self._closed or self.error:
                return
            try:
                row = self._maker.take(tick, self._store)
                if row is not None:
                    self._keep(row)
            except RecordingError as error:
                self._failure = error

    def _store(self, camera: str, frame: Frame, row: int) -> bool:
        wait = not self._realtime
        if not self._films[camera].add(row, frame.image, wait=wait):
            return False
        depth = self._films.get(camera + names.DEPTH_SUFFIX)
        if depth is not None:
            if frame.depth is None and row == 0:
                raise RecordingError(f"{camera} gave no depth, which this dataset has of it.")
            if frame.depth is not None:  # else the last one stands in its place
                depth.add(row, frame.depth, wait=wait)
        return True

    def _keep(self, row: Row) -> None:
        self._latest.append(row)
        if len(self._latest) == self._fps:
            self._write_rows()
        if (self.rows - 1) % self._fps == 0:
            self._look_at_space()

    def _write_rows(self) -> None:
        """Hand the rows of the last second to the disk."""
        latest, self._latest = self._latest, []
        if not self._written:
            widths = {name: int(np.size(value)) for name, value in latest[0].items()}
            films = {IMAGE_PREFIX + name: film.path.name for name, film in self._films.items()}
            head = Head(self.task, self._fps, self._recorded_at, widths, films)
            self._place.disk.submit(self._journal.begin, head)
        self._written.append(self._place.disk.submit(self._journal.add, latest))

    def _look_at_space(self) -> None:
        if not self._space.done():
            return
        error = self._space.exception()
        if error is not None:
            raise RecordingError(f"The disk does not answer: {error}") from error
        if self._space.result() < self._place.floor_bytes:
            self._full = (
                "The disk is nearly full, so the recording ended. "
                "Save or discard what there is, then free some space."
            )
        self._space = self._place.disk.submit(free_bytes, self._place.folder)

    @property
    def complete(self) -> bool:
        """Whether `finish` has succeeded: everything is there, to be taken in by a dataset."""
        return self._finished is not None

    def finish(self) -> FinishedEpisode:
        """Complete the films and return everything; again the same when called again.

        Raises `RecordingError` when the disk or an encoder failed, `ValueError` when no row was
        recorded; either way the episode can still be abandoned.
        """
        with self._lock:
            self._closed = True
        if self._finished is None:
            self._finished = self._complete()
        return self._finished

    def _complete(self) -> FinishedEpisode:
        if self.rows == 0 and not self.error:
            raise ValueError("Nothing was recorded yet: the control loop gave no tick.")
        try:
            if self._failure:
                raise self._failure
            closing = {name: film.finish(self.rows) for name, film in self._films.items()}
            columns = self._columns()  # meanwhile
            self._maker.count.motion = motion_of(columns, self._fps, self._body.action_channels)
            quality = self.quality
            statistics = {IMAGE_PREFIX + name: each.result() for name, each in closing.items()}
        except RecordingError as error:
            raise RecordingError(f"This episode cannot be saved. {error}") from error
        return FinishedEpisode(
            task=self.task,
            rows=self.rows,
            columns=with_places(columns, self._fps),
            films={IMAGE_PREFIX + name: film.path for name, film in self._films.items()},
            film_statistics=statistics,
            quality=quality,
            journal=self._place.folder,
        )

    def _columns(self) -> Columns:
        if self._latest:
            self._write_rows()
        seconds = [future.result() for future in self._written]
        return {name: np.concatenate([each[name] for each in seconds]) for name in seconds[0]}

    def leave(self) -> None:
        """Take no more, and leave what there is on the disk, to be rescued."""
        with self._lock:
            self._closed = True
        if self.rows == 0:
            self.abandon().result()
        elif self._finished is None:
            if self._latest:
                self._write_rows()
            for film in self._films.values():
                film.leave().result()

    def abandon(self) -> Future[None]:
        """Throw everything away; the future is done when nothing is left of it."""
        with self._lock:
            self._closed = True
        removals = [film.abandon() for film in self._films.values()]
        return self._place.disk.submit(self._remove, removals)

    def _remove(self, removals: list[Future[None]]) -> None:
        for removal in removals:
            removal.result()
        shutil.rmtree(self._place.folder)


def with_places(columns: Columns, fps: int) -> Columns:
    """Return `columns` with the two that count the rows of an episode."""
    number = np.arange(len(next(iter(columns.values()))))
    return columns | {"frame_index": number, "timestamp": (number / fps).astype(np.float32)}


def films_of_camera(camera: str, films: FilmFormat) -> dict[str, Codec]:
    """Return the films of a camera: their names, and what they are encoded with."""
    depth = {camera + names.DEPTH_SUFFIX: DEPTH} if camera in films.depth else {}
    return {camera: films.codec} | depth
