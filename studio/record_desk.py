"""Recording as the page offers it: one episode at a time, into a named dataset."""

import logging
import re
from pathlib import Path

from recordings.catalogue import Catalogue
from recordings.recorder import Recorder
from studio.drive_log import DriveLog

logger = logging.getLogger(__name__)

RECORD_FPS = 10
"""Rows a second; the rate that the shipped checkpoint was trained at."""

DEFAULT_DATASET = "demonstrations"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RecordDesk:
    """Starts, saves and discards episodes. Calls wait for the disk: not for the control thread."""

    def __init__(
        self, recorder: Recorder, catalogue: Catalogue, drives: DriveLog | None = None
    ) -> None:
        self.recorder = recorder
        self._catalogue = catalogue
        self._drives = drives

    def start(self, dataset: str, task: str) -> None:
        """Record into `dataset` from now on, under the words `task`.

        Raises `ValueError` when the name cannot be a folder's, or nothing says what is done;
        `RecordingError` when the disk is too full.
        """
        name = dataset.strip() or DEFAULT_DATASET
        if not NAME.fullmatch(name):
            raise ValueError(
                "A dataset's name has letters, digits, dots, dashes and underscores, "
                f"got {dataset!r}."
            )
        if not task.strip():
            raise ValueError("Say what is being demonstrated before recording it.")
        self.recorder.open_dataset(self._catalogue.dataset_folder(name), RECORD_FPS)
        self.recorder.start_episode(task.strip())

    def save(self) -> str:
        """Put the open episode on disk; return words for the operator."""
        index = self.recorder.save_episode()
        dataset = self.recorder.dataset
        if dataset is None:
            raise RuntimeError("An episode was saved into no dataset.")
        words = f"Episode {index} is saved in {dataset.name}."
        if self._drives is not None:
            try:
                self._drives.keep(dataset, index)
            except OSError as error:
                words += f" Who drove could not be kept beside it: {error}"
        self._catalogue.note_dataset(dataset)
        return words

    def refuse_while_recording(self, what: str) -> None:
        """Raise `ValueError` if an episode is open; `what` would make it say something false."""
        if self.recorder.recording:
            raise ValueError(f"{what} would tear the open episode. Save or discard it first.")

    def let_go(self, folder: Path) -> None:
        """Close the dataset at `folder` if it is open, so that it can be edited.

        Raises `ValueError` while an episode of it is open.
        """
        if self.recorder.dataset == folder:
            self.refuse_while_recording("Editing this dataset")
            self.recorder.close()

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
