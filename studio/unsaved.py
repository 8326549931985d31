"""Episodes that were open when an earlier studio ended, of every dataset of the catalogue."""

import logging
from dataclasses import dataclass

from recordings import layout
from recordings.catalogue import DATASETS, Catalogue
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

        Raises `ValueError` when there is none, when an episode is open, when the dataset is of
        another body or cannot be read; `RecordingError` when the disk refuses it.
        """
        waiting = self._opened()
        index = self._recorder.rescue(waiting.episode)
        self._catalogue.note_dataset(self._catalogue.dataset_folder(waiting.dataset))
        self._waiting.remove(waiting)
        return f"{waiting.episode.head.task!r} is saved as episode {index} of {waiting.dataset}."

    def throw_away(self) -> str:
        """Remove the one that is offered for good; return words for the operator."""
        waiting = self._opened()
        self._recorder.throw_away(waiting.episode)
        self._waiting.remove(waiting)
        return f"{waiting.episode.head.task!r} of {waiting.dataset} is thrown away."

    def _opened(self) -> Waiting:
        """Open the dataset of the one that is offered, so that no other program has it."""
        if not self._waiting:
            raise ValueError("No episode waits for rescue.")
        waiting = self._waiting[0]
        folder = self._catalogue.dataset_folder(waiting.dataset)
        self._recorder.open_dataset(folder, layout.read_info(folder)["fps"])
        if waiting.episode not in self._recorder.unsaved():
            self._waiting.remove(waiting)
            raise ValueError(f"It is gone: another program took care of it. {waiting}")
        return waiting

    def _found(self) -> list[Waiting]:
        found = []
        folders = (self._catalogue.data_dir / DATASETS).glob("[!.]*")
        for folder in sorted(each for each in folders if (each / layout.INFO).exists()):
            try:
                found += [Waiting(folder.name, each) for each in unsaved_in(folder)]
            except (ValueError, OSError):
                logger.warning("What %s left unsaved cannot be read.", folder, exc_info=True)
        return found
