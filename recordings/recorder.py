"""Turns control ticks into saved episodes without slowing the loop."""

import threading
from dataclasses import dataclass
from pathlib import Path

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from recordings.dataset_writer import DatasetWriter
from recordings.disk import SPACE_FLOOR_BYTES, free_bytes
from recordings.episode import OpenEpisode
from recordings.quality import Quality


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

    def __call__(self, tick: Tick) -> None:
        """Take one tick of the control loop."""
        episode = self._episode
        if episode is not None:
            episode.add(tick)

    @property
    def recording(self) -> bool:
        """Whether an episode is open."""
        return self._episode is not None

    @property
    def began(self) -> float | None:
        """When the first row of the open episode was, on the robot's clock; None before."""
        episode = self._episode
        return episode.began if episode is not None else None

    @property
    def dataset(self) -> Path | None:
        """The open dataset's folder."""
        return self._writer.folder if self._writer else None

    def open_dataset(self, folder: Path, fps: int) -> None:
        """Record into `folder` from now on: a new dataset, or one of this body to continue.

        Raises `ValueError` when an episode is open, when `fps` is not a whole fraction of the
        control rate, when the folder is something else or of another body; `RecordingError` when
        the disk is too full.
        """
        with self._calls:
            if self.recording:
                raise ValueError("An episode is open. Save or discard it first.")
            if self._writer is not None:
                if self._writer.folder.resolve() == folder.resolve() and self._writer.fps == fps:
                    return
                self._writer.close()
                self._writer = None
            self._writer = DatasetWriter(
                folder, self.embodiment, fps, floor_bytes=self._floor_bytes
            )
            self._error = None

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
            self._episode = self._writer.start_episode(task, realtime=self._realtime)

    def save_episode(self) -> int:
        """Put the open episode on disk and return its index.

        Raises `ValueError` when none is open or it is empty, `RecordingError` when the disk or an
        encoder failed. An episode that the disk refused stays open: save it again when there is
        space, or discard it. One beyond saving is gone.
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
            return finished_index

    def discard_episode(self) -> None:
        """Throw the open episode away. Raises `ValueError` when none is open."""
        with self._calls:
            _, episode = self._take_episode()
            self._error = None
            episode.abandon().result()

    def close(self) -> None:
        """Discard what is open and let go of the dataset. Safe to call twice."""
        with self._calls:
            if self.recording:
                self.discard_episode()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def status(self) -> RecorderStatus:
        """Say what is going on; never waits for a save in progress."""
        writer, episode = self._writer, self._episode
        return RecorderStatus(
            dataset=writer.folder if writer else None,
            recording=episode is not None,
            task=episode.task if episode else None,
            episode_index=writer.num_episodes if writer else 0,
            frames=episode.rows if episode else 0,
            secs=episode.secs if episode else 0.0,
            dropped=sum(episode.dropped.values()) if episode else 0,
            free_bytes=free_bytes(writer.folder) if writer else None,
            error=(episode.error if episode else None) or self._error,
            quality=self._quality,
        )

    def _take_episode(self) -> tuple[DatasetWriter, OpenEpisode]:
        writer, episode = self._writer, self._episode
        if writer is None or episode is None:
            raise ValueError("No episode is open. Start one first.")
        self._episode = None
        return writer, episode
