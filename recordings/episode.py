"""The episode being recorded: control ticks in, columns and films out. Knows no dataset."""

import shutil
import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Frame, Observation
from recordings import features as names
from recordings.disk import RecordingError, free_bytes
from recordings.layout import IMAGE_PREFIX
from recordings.quality import Quality, QualityCount
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


@dataclass(frozen=True, slots=True)
class EpisodePlace:
    """Where an open episode puts its films, and what it must leave free there."""

    folder: Path
    floor_bytes: int
    encoders: Mapping[str, Executor]
    """One executor of one worker per camera, by camera name."""
    disk: Executor


class OpenEpisode:
    """Takes control ticks from the control thread; finished or abandoned from another.

    One row is every `stride`-th tick of the loop. `add` never waits for the disk or an encoder,
    unless `realtime` is false: then a simulation that outruns its encoders waits for them.

    A row's action is what was sent to the motors. A tick at which nothing was sent repeats the
    last action sent in this episode; before any, it holds the measured state (a body whose state
    is not like its actions is recorded from the first action on). The column `sent` tells.
    """

    def __init__(
        self, task: str, embodiment: Embodiment, fps: int, place: EpisodePlace, *, realtime: bool
    ) -> None:
        self.task = task
        self._body = embodiment
        self._fps = fps
        self._stride = stride_of(embodiment.control_hz, fps)
        self._place = place
        self._realtime = realtime
        self._lock = threading.Lock()
        self._closed = False
        self._finished: FinishedEpisode | None = None
        self._failure: RecordingError | None = None
        self._full: str | None = None
        self._space: Future[int] = place.disk.submit(free_bytes, place.folder)
        self._count = QualityCount(embodiment.control_hz)
        self._acts_like_state = [c.name for c in embodiment.state_channels] == [
            c.name for c in embodiment.action_channels
        ]
        self._last_sent: Action | None = None
        self._next_index: int | None = None
        self._last_index = 0
        self._origin = 0.0
        self._stored: dict[str, Frame] = {}
        self._columns: dict[str, list[np.ndarray | float]] = {}
        self._rows = 0
        place.folder.mkdir(parents=True, exist_ok=True)
        self._films = {
            camera.name: VideoWriter(
                place.folder / f"{camera.name}.mp4",
                fps,
                (camera.height, camera.width, 3),
                place.encoders[camera.name],
            )
            for camera in embodiment.cameras
        }

    @property
    def rows(self) -> int:
        """Rows recorded so far."""
        return self._rows

    @property
    def secs(self) -> float:
        """Length so far, in rows at the dataset's rate."""
        return self._rows / self._fps

    @property
    def began(self) -> float | None:
        """When the first row was, on the robot's clock; None before."""
        return None if self._next_index is None else self._origin

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
        return self._count.card(self.dropped)

    @property
    def dropped(self) -> dict[str, int]:
        """Pictures that found the encoder too far behind, by camera."""
        return {name: film.dropped for name, film in self._films.items()}

    def add(self, tick: Tick) -> None:
        """Record one turn of the loop."""
        with self._lock:
            if self._closed or self.error:
                return
            if tick.action is not None:
                self._last_sent = tick.action
            action = self._standing_action(tick.observation)
            if action is None:
                return
            try:
                self._take(tick, action)
            except RecordingError as error:
                self._failure = error

    def _standing_action(self, observation: Observation) -> Action | None:
        """Return what the arms are commanded to do, or else what they do; None if unlike it."""
        if self._last_sent is not None:
            return self._last_sent
        return observation.state if self._acts_like_state else None

    def _take(self, tick: Tick, action: Action) -> None:
        if self._next_index is None:
            self._origin = tick.observation.timestamp
            self._next_index = tick.index
        else:
            self._count.missed += tick.index - self._last_index - 1
        self._last_index = tick.index
        self._count.see_tick(tick.observation.timestamp, tick.late_secs)
        if tick.index < self._next_index:
            return
        strides = (tick.index - self._next_index) // self._stride + 1
        self._next_index += strides * self._stride
        self._look_at_space()
        self._store(tick, action)

    def _look_at_space(self) -> None:
        if self._rows % self._fps == 0 and self._space.done():
            error = self._space.exception()
            if error is not None:
                raise RecordingError(f"The disk does not answer: {error}") from error
            if self._space.result() < self._place.floor_bytes:
                self._full = (
                    "The disk is nearly full, so the recording ended. "
                    "Save or discard what there is, then free some space."
                )
            self._space = self._place.disk.submit(free_bytes, self._place.folder)

    def _store(self, tick: Tick, action: Action) -> None:
        seen, sent = tick.observation, tick.action is not None
        pictures = {name: self._store_picture(name, seen) for name in self._films}
        values: dict[str, np.ndarray | float] = {
            names.STATE: seen.state,
            names.ACTION: action,
            names.TIME: seen.timestamp - self._origin,
            names.LATE: tick.late_secs,
            names.SENT: float(sent),
            names.INTERVENTION: float(tick.intervention),
        }
        for name, frame in pictures.items():
            values[names.CAPTURE_PREFIX + name] = frame.captured_at - self._origin
        for name, value in values.items():
            self._columns.setdefault(name, []).append(value)
        self._count.not_sent += not sent
        self._rows += 1

    def _store_picture(self, camera: str, seen: Observation) -> Frame:
        frame = seen.frames.get(camera)
        if frame is None:
            raise RecordingError(
                f"Expected pictures of {list(self._films)}, got {sorted(seen.frames)}. "
                f"Is {camera} connected?"
            )
        before = self._stored.get(camera)
        same = before is not None and before.captured_at == frame.captured_at
        if not same and self._films[camera].add(self._rows, frame.image, wait=not self._realtime):
            self._stored[camera] = frame
        stored = self._stored[camera]
        self._count.see_picture(camera, seen.timestamp - stored.captured_at, same=same)
        return stored

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
        if self._rows == 0 and not self.error:
            raise ValueError("Nothing was recorded yet: the control loop gave no tick.")
        try:
            statistics = self._finish_films()
        except RecordingError as error:
            raise RecordingError(f"This episode cannot be saved. {error}") from error
        columns: Columns = {
            name: np.stack([np.asarray(value, np.float32) for value in values])
            for name, values in self._columns.items()
        }
        number = np.arange(self._rows)
        columns["frame_index"] = number
        columns["timestamp"] = (number / self._fps).astype(np.float32)
        return FinishedEpisode(
            task=self.task,
            rows=self._rows,
            columns=columns,
            films={IMAGE_PREFIX + name: film.path for name, film in self._films.items()},
            film_statistics=statistics,
            quality=self.quality,
        )

    def _finish_films(self) -> dict[str, Statistics]:
        if self._failure:
            raise self._failure
        closing = {name: film.finish(self._rows) for name, film in self._films.items()}
        return {IMAGE_PREFIX + name: future.result() for name, future in closing.items()}

    def abandon(self) -> None:
        """Throw everything away."""
        with self._lock:
            self._closed = True
        for removal in [film.abandon() for film in self._films.values()]:
            removal.result()
        shutil.rmtree(self._place.folder, ignore_errors=True)


def stride_of(control_hz: float, fps: int) -> int:
    """Return how many control ticks make one row. Raises `ValueError` unless a whole number."""
    stride = control_hz / fps if fps > 0 else 0.0
    if stride < 1 or abs(stride - round(stride)) > 1e-6:
        whole = [rate for rate in range(1, int(control_hz) + 1) if control_hz % rate == 0]
        raise ValueError(
            f"Expected rows at a whole fraction of the control rate, {control_hz:g} Hz, "
            f"got {fps} fps. Choose one of {whole}."
        )
    return round(stride)
