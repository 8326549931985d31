"""Writes a LeRobotDataset v3.0, one whole episode at a time. Knows nothing of the control loop."""

import logging
import shutil
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.closing import Closing
from recordings.codec import Codec, FilmFormat, require_usable
from recordings.dataset_tail import DatasetTail
from recordings.disk import SPACE_FLOOR_BYTES, RecordingError, require_space, write_json
from recordings.episode import EpisodePlace, FinishedEpisode, OpenEpisode, films_of_camera
from recordings.episode_table import write_tasks
from recordings.features import features_of, films_of
from recordings.history import History
from recordings.opening import claim, open_existing, require_same_body
from recordings.rescue import Unsaved, forget_saved, rescued, unsaved_in
from recordings.rows import stride_of
from recordings.sizes import expected_size

logger = logging.getLogger(__name__)

SETTLING = 8
"""Files of a save that are brought to the disk at once."""


@runtime_checkable
class Savable(Protocol):
    """Something that becomes an episode."""

    @property
    def complete(self) -> bool:
        """Whether `finish` has succeeded."""

    def finish(self) -> FinishedEpisode:
        """Complete the films and return everything; again the same when called again."""

    def leave(self) -> None:
        """Leave what there is on the disk, to be rescued."""

    def abandon(self) -> object:
        """Throw everything away that is not in a dataset by now."""


class DatasetWriter(Closing):
    """Adds episodes to a dataset folder, new or continued; one writer per folder at a time."""

    def __init__(
        self,
        folder: Path,
        embodiment: Embodiment,
        fps: int,
        *,
        films: FilmFormat | None = None,
        floor_bytes: int = SPACE_FLOOR_BYTES,
    ) -> None:
        """Open the dataset at `folder`, or begin one there, with `films` as its films are.

        Raises `ValueError` when the folder is something else, of another body or other films, or
        this machine cannot encode them; `RecordingError` when the disk is too full.
        """
        stride_of(embodiment.control_hz, fps)
        self.folder = folder
        self.embodiment = embodiment
        self.fps = fps
        self._floor_bytes = floor_bytes
        require_space(folder, floor_bytes)
        self.films = self._prepare_folder(films)
        self.size = expected_size(embodiment, fps, self.films)
        self._claim = claim(folder)
        try:
            self._begin()
        except BaseException:
            self._claim.close()
            raise

    @property
    def num_episodes(self) -> int:
        """Episodes saved."""
        return self._tail.num_episodes

    @property
    def num_frames(self) -> int:
        """Rows saved, of all episodes."""
        return self._tail.num_frames

    def place(self) -> EpisodePlace:
        """Return a place for a new episode."""
        self._started += 1
        return EpisodePlace(
            self.folder / layout.OPEN / str(self._started),
            self._floor_bytes,
            self._encoders,
            self._disk,
            self.films,
            self._tail.motion,
        )

    def start_episode(self, task: str, *, realtime: bool = True) -> OpenEpisode:
        """Return a new episode to add ticks to. Raises `RecordingError` if the disk is too full.

        With `realtime` false, adding to it waits for the encoders instead of dropping pictures.
        """
        task = said(task)
        require_space(self.folder, self._floor_bytes)
        return OpenEpisode(task, self.embodiment, self.fps, self.place(), realtime=realtime)

    def save_episode(self, episode: Savable) -> int:
        """Put `episode` on disk, whole, and return its index; if this raises, it is not there.

        Raises `ValueError` when it is empty, `RecordingError` when an encoder failed or the disk
        refused it. An episode that is complete is then kept, to be saved again or abandoned; what
        there is of one that is not waits for rescue, when the folder is opened again.
        """
        try:
            index = self._tail.take_in(episode.finish())
        except OSError as error:
            raise RecordingError(
                f"The episode could not be saved: {error}. It is kept: free some space and save "
                "again, or discard it. Saved episodes are whole."
            ) from error
        except RecordingError:
            if not episode.complete:
                episode.leave()
            raise
        except ValueError:
            if not episode.complete:
                episode.abandon()
            raise
        episode.abandon()
        return index

    def unsaved(self) -> list[Unsaved]:
        """Return the episodes that were open when an earlier program ended, oldest first."""
        return [each for each in unsaved_in(self.folder) if each.number not in self._ours]

    def rescue(self, unsaved: Unsaved) -> int:
        """Save one of `unsaved`, as far as it is on the disk; return its index.

        Raises `ValueError` when it cannot be read after all, `RecordingError` when the disk
        refuses it. It is then still there.
        """
        try:
            index = self._tail.take_in(rescued(unsaved, self.embodiment))
        except OSError as error:
            raise RecordingError(f"The episode could not be rescued: {error}.") from error
        self.throw_away(unsaved)
        return index

    def throw_away(self, unsaved: Unsaved) -> None:
        """Remove one of `unsaved` for good."""
        shutil.rmtree(unsaved.folder)

    def close(self) -> None:
        """Let go of the folder. Safe to call twice."""
        for executor in (*self._encoders.values(), self._disk, self._settling):
            executor.shutdown()
        if (self.folder / layout.OPEN).exists() and not any((self.folder / layout.OPEN).iterdir()):
            (self.folder / layout.OPEN).rmdir()
        self._claim.close()

    @property
    def _ours(self) -> range:
        """Numbers of the episodes that this writer opened."""
        return range(self._before + 1, self._started + 1)

    def _prepare_folder(self, asked: FilmFormat | None) -> FilmFormat:
        """Make the folder, or look whether it can be continued; return how its films are made."""
        if not self.folder.exists():
            History(self.folder).settle()  # a killed edit may have left it beside its place
        if (self.folder / layout.INFO).exists():
            require_same_body(self.folder, self.embodiment, self.fps)
            return self._films_to_continue(asked)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"Expected a folder to record into, got a file: {self.folder}")
        others = (layout.LOCK, layout.OPEN, Path("meta"))
        if self.folder.exists() and any(
            path for path in self.folder.iterdir() if path.name not in map(str, others)
        ):
            raise ValueError(
                f"This folder holds files and is not a dataset ({layout.INFO} is lacking). "
                f"Choose a new or empty folder. Folder: {self.folder}"
            )
        self._require_usable((asked or FilmFormat()).codec)
        self.folder.mkdir(parents=True, exist_ok=True)
        return asked or FilmFormat()

    def _films_to_continue(self, asked: FilmFormat | None) -> FilmFormat:
        theirs = films_of(layout.read_info(self.folder)["features"])
        if asked is not None:
            pairs = {
                "films as": (theirs.codec.stored_as, asked.codec.stored_as),
                "depth of": (list(theirs.depth), list(asked.depth)),
            }
            for what, (has, wanted) in pairs.items():
                if has != wanted:
                    raise ValueError(
                        f"This dataset has {what} {has}, asked for {wanted}. Leave the choice out "
                        f"to continue it, or record into a new folder. Folder: {self.folder}"
                    )
        self._require_usable((asked or theirs).codec)
        return asked or theirs

    def _require_usable(self, codec: Codec) -> None:
        if codec.device:
            for size in {(camera.height, camera.width) for camera in self.embodiment.cameras}:
                require_usable(codec, size)

    def _begin(self) -> None:
        if not (self.folder / layout.INFO).exists():
            (self.folder / "meta").mkdir(exist_ok=True)
            self.embodiment.save(self.folder / layout.EMBODIMENT)
            write_tasks(self.folder, [])
            features = features_of(self.embodiment, self.fps, self.films)
            info = layout.new_info(self.embodiment.name, self.fps, features)
            write_json(self.folder / layout.INFO, info)
        pa.array([0])  # the first conversion loads pandas: a second that no save shall wait for
        found = open_existing(self.folder)
        self._before = self._started = forget_saved(self.folder, found.info["total_episodes"])
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="recording-disk")
        self._settling = ThreadPoolExecutor(SETTLING, thread_name_prefix="recording-save")
        self._tail = DatasetTail(self.folder, found, found.info["features"], self._settling)
        self._encoders: dict[str, Executor] = {
            film: ThreadPoolExecutor(1, thread_name_prefix=f"encode-{film}")
            for camera in self.embodiment.camera_names
            for film in films_of_camera(camera, self.films)
        }


def said(task: str) -> str:
    """Return the words of a task. Raises `ValueError` when there are none."""
    if not task.strip():
        raise ValueError("Expected a task in words, such as 'pick up the red cube', got none.")
    return task.strip()
