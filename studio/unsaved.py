"""Episodes that were open when an earlier studio ended, of every dataset of the catalogue."""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from recordings import layout
from recordings.catalogue import DATASETS, Catalogue
from recordings.disk import RecordingError
from recordings.journal import HEAD, read_head
from recordings.opening import claim
from recordings.recorder import Recorder
from recordings.rescue import Unsaved, unsaved_in

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One of them, and where it is."""

    dataset: str
    episode: Unsaved

    def __str__(self) -> str:
        secs = f"{self.episode.secs:.0f} s"
        return f"Never saved: {self.episode.head.task!r}, {secs}, in {self.dataset}"


class UnsavedEpisodes:
    """Offers the oldest of them to be rescued or thrown away, one after another."""

    def __init__(self, recorder: Recorder, catalogue: Catalogue) -> None:
        self._recorder = recorder
        self._catalogue = catalogue
        self._waiting = self._found()

    @property
    def first(self) -> Waiting | None:
        """The one that is offered."""
        return self._waiting[0] if self._waiting else None

    def rescue(self) -> str:
        """Save the one that is offered; return words for the operator.

        Raises `ValueError` when there is none, when an episode is open or the last seconds are
        held, when the dataset is of another body or cannot be read; `RecordingError` when the disk
        refuses it. One that could not be rescued is offered again after all others.
        """
        if self._recorder.recording:
            raise ValueError("An episode is open. Save or discard it first.")
        waiting, folder = self._offered()
        self._require_nothing_held(folder)
        try:
            self._recorder.open_dataset(folder, layout.read_info(folder)["fps"])
            index = self._recorder.rescue(waiting.episode)
        except (ValueError, OSError, RecordingError):
            self._waiting.remove(waiting)
            self._waiting.append(waiting)  # at the end: it keeps no other from being rescued
            raise
        self._waiting.remove(waiting)
        self._catalogue.note_dataset(folder)
        return f"{waiting.episode.head.task!r} is saved as episode {index} of {waiting.dataset}."

    def throw_away(self) -> str:
        """Remove the one that is offered for good; return words for the operator.

        Whatever its dataset is of, and whether it can be read or not. Raises `ValueError` when
        there is none, or another program writes to the dataset.
        """
        waiting, folder = self._offered()
        if self._recorder.dataset == folder:
            self._recorder.throw_away(waiting.episode)
        else:
            with claim(folder):
                shutil.rmtree(waiting.episode.folder)
        self._waiting.remove(waiting)
        return f"{waiting.episode.head.task!r} of {waiting.dataset} is thrown away."

    def _offered(self) -> tuple[Waiting, Path]:
        """Return the one that is offered and its dataset's folder, if it is still there."""
        if not self._waiting:
            raise ValueError("No episode waits for rescue.")
        waiting = self._waiting[0]
        left = waiting.episode.folder
        if not (left / HEAD).exists() or read_head(left) != waiting.episode.head:
            self._waiting.remove(waiting)
            raise ValueError(f"It is gone: another program took care of it. {waiting}")
        return waiting, self._catalogue.dataset_folder(waiting.dataset)

    def _require_nothing_held(self, folder: Path) -> None:
        """Raise `ValueError` if opening the dataset `folder` would let go of what is held."""
        held = self._recorder.status().held_secs is not None
        if held and self._recorder.dataset != folder:
            raise ValueError(
                "The last seconds are held for another dataset, and rescuing would throw them "
                "away. Press Keep if they are worth it, then Hold no more."
            )

    def _found(self) -> list[Waiting]:
        found = []
        folders = (self._catalogue.data_dir / DATASETS).glob("[!.]*")
        for folder in sorted(each for each in folders if (each / layout.INFO).exists()):
            try:
                found += [Waiting(folder.name, each) for each in unsaved_in(folder)]
            except (ValueError, OSError):
                logger.warning("What %s left unsaved cannot be read.", folder, exc_info=True)
        return found
