"""Recording as the page offers it: one episode at a time, into a named dataset."""

import logging
import re
from dataclasses import replace
from pathlib import Path

from recordings import layout
from recordings.catalogue import Catalogue
from recordings.codec import H264, Codec, FilmFormat
from recordings.disk import free_bytes
from recordings.features import films_of
from recordings.marks import NO_MARKS, mark, read_marks
from recordings.recorder import Recorder
from recordings.sizes import expected_size
from studio.drive_log import DriveLog
from studio.unsaved import UnsavedEpisodes

logger = logging.getLogger(__name__)

RECORD_FPS = 10
"""Rows a second; the rate that the shipped checkpoint was trained at."""

LOOKBACK_SECS = 30.0
"""Held of what just happened."""

DEFAULT_DATASET = "demonstrations"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RecordDesk:
    """Starts, saves and discards episodes. Calls wait for the disk: not for the control thread."""

    def __init__(
        self,
        recorder: Recorder,
        catalogue: Catalogue,
        drives: DriveLog | None = None,
        codec: Codec = H264,
    ) -> None:
        """Record films of new datasets as `codec`."""
        self.recorder = recorder
        self.unsaved = UnsavedEpisodes(recorder, catalogue)
        self._catalogue = catalogue
        self._drives = drives
        self._codec = codec
        self._operator = ""
        """Who records the open episode."""

    def start(self, dataset: str, task: str, operator: str = "") -> None:
        """Record into `dataset` from now on, under the words `task`; `operator` says who does.

        Raises `ValueError` when the name cannot be a folder's, or nothing says what is done;
        `RecordingError` when the disk is too full.
        """
        if not task.strip():
            raise ValueError("Say what is being demonstrated before recording it.")
        self._open(dataset)
        self.recorder.start_episode(task.strip())
        self._operator = operator

    def hold(self, dataset: str) -> None:
        """From now on hold the last seconds while nothing is recorded, to be kept in `dataset`.

        Raises what `start` does.
        """
        self._open(dataset)
        self.recorder.look_back(LOOKBACK_SECS)

    def hold_nothing(self) -> None:
        """Hold the last seconds no more."""
        self.recorder.look_back(None)

    def keep(self, task: str, operator: str = "") -> str:
        """Save what just happened as an episode of `task`; return words for the operator."""
        if not task.strip():
            raise ValueError("Say what just happened, in the box above, before keeping it.")
        index = self.recorder.keep_last(task.strip())
        said = f"What just happened is episode {index} of {self._dataset().name}."
        return said + self._note(index, operator)

    def room(self) -> dict[str, float]:
        """Return what recording takes, MB a minute, and for how many minutes there is room."""
        recorder = self.recorder
        status = recorder.status()
        if status.bytes_per_sec is not None and status.secs_left is not None:
            return _minutes(status.bytes_per_sec, status.secs_left)
        films = FilmFormat(self._codec, recorder.depth_cameras)
        size = expected_size(recorder.embodiment, RECORD_FPS, films)
        free = free_bytes(self._catalogue.data_dir)
        return _minutes(size.bytes_per_sec, size.secs_in(free, recorder.floor_bytes))

    def save(self) -> str:
        """Put the open episode on disk; return words for the operator."""
        operator, index = self._operator, self.recorder.save_episode()
        said = f"Episode {index} is saved in {self._dataset().name}."
        return said + self._note(index, operator)

    def _note(self, index: int, operator: str) -> str:
        """Note a saved episode; return what went wrong with what is kept beside it, in words."""
        dataset, words = self._dataset(), ""
        if self._drives is not None:
            try:
                self._drives.keep(dataset, index, operator)
            except OSError as error:
                words = f" Who drove could not be kept beside it: {error}"
        self._catalogue.note_dataset(dataset)
        return words

    def _open(self, dataset: str) -> None:
        name = dataset.strip() or DEFAULT_DATASET
        if not NAME.fullmatch(name):
            raise ValueError(
                "A dataset's name has letters, digits, dots, dashes and underscores, "
                f"got {dataset!r}."
            )
        folder = self._catalogue.dataset_folder(name)
        self.recorder.open_dataset(folder, RECORD_FPS, self._films(folder))

    def _films(self, folder: Path) -> FilmFormat | None:
        """Return how films shall be made: as the dataset has them, or as chosen for new ones."""
        if not (folder / layout.INFO).exists():
            return FilmFormat(self._codec, self.recorder.depth_cameras)
        theirs = films_of(layout.read_info(folder)["features"])
        same = theirs.codec.stored_as == self._codec.stored_as
        return replace(theirs, codec=self._codec) if same else None

    def _dataset(self) -> Path:
        if self.recorder.dataset is None:
            raise RuntimeError("An episode was saved into no dataset.")
        return self.recorder.dataset

    def refuse_while_recording(self, what: str) -> None:
        """Raise `ValueError` if an episode is open; `what` would make it say something false."""
        if self.recorder.recording:
            raise ValueError(f"{what} would tear the open episode. Save or discard it first.")

    def let_go(self, folder: Path) -> None:
        """Close the dataset at `folder` if it is open, so that it can be edited.

        Raises `ValueError` while an episode of it is open, or while its last seconds are held.
        """
        if self.recorder.dataset == folder:
            self.refuse_while_recording("Editing this dataset")
            if self.holding:
                raise ValueError(
                    "The last seconds are held for this dataset, and editing it would throw them "
                    "away. Press Keep if they are worth it, then Hold no more."
                )
            self.recorder.close()

    @property
    def holding(self) -> bool:
        """Whether the last seconds are held, to be kept if they were worth it."""
        return self.recorder.status().held_secs is not None

    def works_in(self, dataset: str) -> bool:
        """Whether an episode of `dataset` is open, or its last seconds are held."""
        ours = self.recorder.dataset == self._catalogue.dataset_folder(dataset)
        return ours and (self.recorder.recording or self.holding)

    def judge(self, dataset: str, episode: int, *, success: bool) -> str:
        """Say of a saved episode of the open dataset what became of it; return words for it.

        No edit: nothing is rewritten, so the recorder need not let go, and Undo has no part in it.
        """
        folder = self._catalogue.dataset_folder(dataset)
        before = read_marks(folder).get(episode, NO_MARKS)
        mark(folder, episode, replace(before, success=success))
        self._catalogue.note_dataset(folder)
        return (
            f"Episode {episode} of {dataset} is marked: {'it worked' if success else 'it failed'}."
        )

    def discard(self) -> None:
        """Throw the open episode away."""
        self.recorder.discard_episode()

    def close(self) -> None:
        """Save an episode that is still open, so that nothing is lost; let go of the dataset."""
        try:
            if self.recorder.recording:
                logger.info("An episode was open at the end. %s", self.save())
        finally:
            self.recorder.close()


def _minutes(bytes_per_sec: float, secs_left: float) -> dict[str, float]:
    return {
        "mb_per_min": round(bytes_per_sec * 60 / 2**20, 1),
        "minutes_left": round(secs_left / 60),
    }
