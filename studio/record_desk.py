"""Recording as the page offers it: into a named dataset of the data folder, one episode at a time."""

import re
from pathlib import Path

from recordings.recorder import Recorder

RECORD_FPS = 10
"""Rows a second; the rate that the shipped checkpoint was trained at."""

DEFAULT_DATASET = "demonstrations"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RecordDesk:
    """Starts, saves and discards episodes. Calls wait for the disk: not for the control thread."""

    def __init__(self, recorder: Recorder, datasets: Path) -> None:
        self.recorder = recorder
        self._datasets = datasets

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
        self.recorder.open_dataset(self._datasets / name, RECORD_FPS)
        self.recorder.start_episode(task.strip())

    def save(self) -> str:
        """Put the open episode on disk; return words for the operator."""
        index = self.recorder.save_episode()
        dataset = self.recorder.dataset
        return f"Episode {index} is saved in {dataset.name if dataset else 'its dataset'}."

    def discard(self) -> None:
        """Throw the open episode away."""
        self.recorder.discard_episode()
