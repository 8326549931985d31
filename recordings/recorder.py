"""Turns control ticks into saved episodes without slowing the loop."""

import threading
from dataclasses import dataclass
from pathlib import Path

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from recordings.codec import FilmFormat
from recordings.dataset_writer import DatasetWriter, said
from recordings.disk import SPACE_FLOOR_BYTES, RecordingError, free_bytes
from recordings.episode import OpenEpisode
from recordings.lookback import Lookback
from recordings.quality import Quality
from recordings.rescue import Unsaved


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """What the recorder is doing, for people."""

    dataset: Path | None
    recording: bool
    task: str | None
    """Of the open episode."""
    episode_index: int
    """That the open or next episode will have once saved."""
    frames: int
    """Rows of the open episode."""
    secs: float
    dropped: int
    """Pictures of the open episode that the encoders were too slow for."""
    free_bytes: int | None
    """Left on the dataset's disk."""
    bytes_per_sec: float | None
    """About what recording into the open dataset takes."""
    secs_left: float | None
    """About how long can be recorded until the disk is too full; None while no dataset is open."""
    held_secs: float | None
    """How much of what just happened can be kept; None while nothing is held."""
    error: str | None
    """Why the open episode takes no more rows, or why the last save failed."""
    quality: Quality | None
    """Of the last saved episode."""


class Recorder:
    """A control-loop listener that records while an episode is open.

    Ticks come from the control thread, everything else from any other; a tick never waits for the
    disk, an encoder, or a call in another thread.

    A simulation faster than real time passes `realtime=False`: then it waits for encoders where
    a real robot would lose pictures.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        *,
        realtime: bool = True,
        floor_bytes: int = SPACE_FLOOR_BYTES,
    ) -> None:
        self.embodiment = embodiment
        self._realtime = realtime
        self._floor_bytes = floor_bytes
        self._calls = threading.RLock()
        self._writer: DatasetWriter | None = None
        self._episode: OpenEpisode | None = None
        self._quality: Quality | None = None
        self._error: str | None = None
        self._measured: tuple[str, ...] = ()
        self._saved_span: tuple[float, float] | None = None
        self._looks_back: float | None = None
        self._lookback: Lookback | None = None

    def __call__(self, tick: Tick) -> None:
        """Take one tick of the control loop."""
        frames = tick.observation.frames
        self._measured = tuple(name for name in frames if frames[name].depth is not None)
        episode = self._episode
        if episode is not None:
            episode.add(tick)
            return
        lookback = self._lookback
        if lookback is not None:
            lookback.add(tick)

    @property
    def recording(self) -> bool:
        """Whether an episode is open."""
        return self._episode is not None

    @property
    def saved_span(self) -> tuple[float, float] | None:
        """When the first and the last row of the last saved episode were, on the robot's clock."""
        return self._saved_span

    @property
    def depth_cameras(self) -> tuple[str, ...]:
        """Cameras that measured depth at the last tick."""
        return self._measured

    @property
    def floor_bytes(self) -> int:
        """Free space below which nothing is recorded."""
        return self._floor_bytes

    @property
    def dataset(self) -> Path | None:
        """The open dataset's folder."""
        return self._writer.folder if self._writer else None

    def open_dataset(self, folder: Path, fps: int, films: FilmFormat | None = None) -> None:
        """Record into `folder` from now on: a new dataset, or one of this body to continue.

        Its films are made as `films` says; by default, as they are already, or in H.264. Raises
        `ValueError` when an episode is open, when `fps` is not a whole fraction of the control
        rate, when the folder is something else, of another body or other films, or this machine
        cannot encode them; `RecordingError` when the disk is too full.
        """
        with self._calls:
            if self.recording:
                raise ValueError("An episode is open. Save or discard it first.")
            if self._writer is not None:
                if self._is_open(self._writer, folder, fps, films):
                    return
                self._let_go(self._writer)
            self._writer = DatasetWriter(
                folder, self.embodiment, fps, films=films, floor_bytes=self._floor_bytes
            )
            self._error = None
            self._begin_looking_back()

    def start_episode(self, task: str) -> None:
        """Record ticks under `task` from the next one on.

        Raises `ValueError` when no dataset or already an episode is open, or `task` is empty;
        `RecordingError` when the disk is too full.
        """
        with self._calls:
            if self._writer is None:
                raise ValueError("No dataset is open. Choose a folder to record into first.")
            if self.recording:
                raise ValueError("An episode is already open. Save or discard it first.")
            self._error = None
            episode = self._writer.start_episode(task, realtime=self._realtime)
            self._end_looking_back()
            self._episode = episode

    def save_episode(self) -> int:
        """Put the open episode on disk and return its index.

        Raises `ValueError` when none is open or it is empty, `RecordingError` when the disk or an
        encoder failed. An episode that the disk refused stays open: save it again when there is
        space, or discard it. Another waits for rescue.
        """
        with self._calls:
            writer, episode = self._take_episode()
            try:
                finished_index = writer.save_episode(episode)
            except Exception as error:
                self._error = str(error)
                self._episode = episode if episode.complete else None
                raise
            self._quality, self._error = episode.quality, None
            self._saved_span = episode.span
            self._begin_looking_back()
            return finished_index

    def discard_episode(self) -> None:
        """Throw the open episode away. Raises `ValueError` when none is open."""
        with self._calls:
            _, episode = self._take_episode()
            self._error = None
            episode.abandon().result()
            self._begin_looking_back()

    def look_back(self, secs: float | None) -> None:
        """Hold the last `secs` of what happens while no episode is open; None to hold nothing.

        It takes as much of the processor as recording, and only while a dataset is open.
        """
        with self._calls:
            self._end_looking_back()
            self._looks_back = secs
            if not self.recording:
                self._begin_looking_back()

    def keep_last(self, task: str) -> int:
        """Save what is held of what just happened as an episode of `task`; return its index.

        Raises `ValueError` when nothing is held or an episode is open, `RecordingError` when the
        disk or an encoder failed; what was refused waits for rescue at the next opening.
        """
        with self._calls:
            writer, lookback, words = self._writer, self._lookback, said(task)
            if self.recording:
                raise ValueError("An episode is open, and has what just happened. Save it.")
            if writer is None or lookback is None:
                raise ValueError("Nothing is held of what just happened. Let it be held first.")
            self._lookback = None
            try:
                kept = lookback.keep(words)
                index = writer.save_episode(kept)
            except RecordingError as error:
                self._error = str(error)
                raise
            finally:
                self._begin_looking_back()
            self._quality, self._error = kept.finish().quality, None
            self._saved_span = kept.span
            return index

    def unsaved(self) -> list[Unsaved]:
        """Return the episodes of the open dataset that an earlier program left unsaved."""
        with self._calls:
            return self._writer.unsaved() if self._writer else []

    def rescue(self, unsaved: Unsaved) -> int:
        """Save one of `unsaved` as far as it is on the disk, and return its index.

        Raises `ValueError` when no dataset is open or it cannot be read after all,
        `RecordingError` when the disk refuses it. It is then still there.
        """
        with self._calls:
            return self._opened().rescue(unsaved)

    def throw_away(self, unsaved: Unsaved) -> None:
        """Remove one of `unsaved` for good. Raises `ValueError` when no dataset is open."""
        with self._calls:
            self._opened().throw_away(unsaved)

    def close(self) -> None:
        """Discard what is open, unless a save was refused: that waits for rescue. Safe twice."""
        with self._calls:
            if self._episode is not None and not self._episode.complete:
                self.discard_episode()
            self._episode = None
            if self._writer is not None:
                self._let_go(self._writer)

    def status(self) -> RecorderStatus:
        """Say what is going on; never waits for a save in progress."""
        writer, episode, lookback = self._writer, self._episode, self._lookback
        free = free_bytes(writer.folder) if writer else None
        size = writer.size if writer else None
        return RecorderStatus(
            dataset=writer.folder if writer else None,
            recording=episode is not None,
            task=episode.task if episode else None,
            episode_index=writer.num_episodes if writer else 0,
            frames=episode.rows if episode else 0,
            secs=episode.secs if episode else 0.0,
            dropped=sum(episode.dropped.values()) if episode else 0,
            free_bytes=free,
            bytes_per_sec=size.bytes_per_sec if size else None,
            secs_left=size.secs_in(free, self._floor_bytes) if size and free is not None else None,
            held_secs=lookback.secs if lookback else None,
            error=next((e.error for e in (episode, lookback) if e and e.error), self._error),
            quality=self._quality,
        )

    def _opened(self) -> DatasetWriter:
        if self._writer is None:
            raise ValueError("No dataset is open. Choose a folder to record into first.")
        return self._writer

    def _is_open(
        self, writer: DatasetWriter, folder: Path, fps: int, films: FilmFormat | None
    ) -> bool:
        same = writer.folder.resolve() == folder.resolve() and writer.fps == fps
        return same and films in (None, writer.films)

    def _let_go(self, writer: DatasetWriter) -> None:
        self._end_looking_back()
        writer.close()
        self._writer = None

    def _begin_looking_back(self) -> None:
        if self._looks_back is not None and self._writer is not None and self._lookback is None:
            self._lookback = Lookback(
                self.embodiment,
                self._writer.fps,
                self._writer.place(),
                secs=self._looks_back,
                realtime=self._realtime,
            )

    def _end_looking_back(self) -> None:
        lookback, self._lookback = self._lookback, None
        if lookback is not None:
            lookback.forget()

    def _take_episode(self) -> tuple[DatasetWriter, OpenEpisode]:
        writer, episode = self._writer, self._episode
        if writer is None or episode is None:
            raise ValueError("No episode is open. Start one first.")
        self._episode = None
        return writer, episode
