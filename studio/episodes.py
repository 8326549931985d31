"""Recorded episodes as the Data tab shows them: lists, films, curves, and replay."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from hardware.embodiment import Embodiment
from policy.data.left_out import left_out
from recordings.catalogue import Catalogue, DatasetSummary
from recordings.dataset import Dataset
from recordings.disk import SPACE_FLOOR_BYTES, require_space
from recordings.episode_search import Search
from recordings.features import ACTION
from recordings.history import version_of
from studio.episode_view import episode_view
from studio.replay import ReplayAgent, require_playable
from studio.rrd import EpisodeFile


class Episodes:
    """Looks things up in the catalogue and in the dataset folders it names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._versions: dict[str, str | None] = {}

    def datasets(self) -> list[tuple[str, str]]:
        """Return every dataset: words for a person, and its name."""
        return [(in_words(each), each.name) for each in self._catalogue.datasets()]

    def listing(self, dataset: str | None, where: str = "") -> str:
        """Return, as JSON, a line for every episode of a dataset, the newest first.

        `where` is conditions of `recordings.selection` with commas between, which must all hold.
        Raises `ValueError` when it cannot be understood.
        """
        if not dataset:
            return "[]"
        self._note_edits(dataset)
        out = left_out(self._catalogue.dataset_folder(dataset))
        wanted = Search(dataset, conditions_in(where), descending=True)
        return json.dumps(
            [
                {
                    "episode": each.index,
                    "task": each.task,
                    "secs": each.secs,
                    "verdict": each.verdict or "unknown",
                    "reason": each.reason,
                    "success": each.success,
                    "tags": list(each.tags),
                    "left_out": out.get(each.index, ""),
                }
                for each in self._catalogue.search(wanted)
            ]
        )

    def version(self, dataset: str | None) -> str | None:
        """Return the version that a dataset is now; None while it was never edited."""
        return version_of(self._catalogue.dataset_folder(dataset)) if dataset else None

    def _note_edits(self, dataset: str) -> None:
        """Bring the catalogue up to date with edits by command, which it is not told of."""
        folder = self._catalogue.dataset_folder(dataset)
        version = version_of(folder)
        if self._versions.get(dataset) != version:
            self._catalogue.note_dataset(folder)
            self._versions[dataset] = version

    def film(self, dataset: str, episode: int, camera: str) -> Path:
        """Return the film of one camera. Raises `ValueError` when there is none."""
        with self._open(dataset) as opened:
            path = opened.film_path(episode, camera)
        if not path.is_file():
            raise ValueError(f"The film of {camera} is missing. File: {path}")
        return path

    def to_watch(self, dataset: str, episode: int) -> str:
        """Return, as JSON, what the page needs to show an episode."""
        with self._open(dataset) as opened:
            films = [self._clip(opened, dataset, episode, name) for name in opened.cameras]
            view = episode_view(opened, episode, films)
        missing = [film["camera"] for film in films if not film["url"]]
        if missing:
            lost = f"The film of {' and of '.join(missing)} cannot be read."
            view["trouble"] = " ".join(part for part in (lost, view["trouble"]) if part)
        head = {"title": f"{dataset} · episode {episode}", "rrd": self.rrd_path(dataset, episode)}
        return json.dumps(head | view, allow_nan=False)

    def rrd_path(self, dataset: str, episode: int) -> str:
        """Return where the page finds an episode as a file for Rerun; another after an edit."""
        return f"/rrd/{dataset}/{episode}.rrd?of={self.version(dataset) or 'first'}"

    def replay(self, dataset: str, episode: int, body: Embodiment) -> ReplayAgent:
        """Return an agent that drives the recorded actions once more, on `body`.

        Raises `ValueError` when the episode was recorded on another body.
        """
        with self._open(dataset) as opened:
            actions = np.asarray(opened.rows(episode)[ACTION], np.float32)
            require_playable(actions, opened.embodiment, body)
            return ReplayAgent(actions, opened.fps)

    def write_rrd(self, dataset: str, episode: int, path: Path) -> None:
        """Write an episode as a file that Rerun opens.

        Raises `ValueError` when it is torn, `RecordingError` when the disk has no room for it.
        """
        with self._open(dataset) as opened:
            file = EpisodeFile(opened, episode)
            require_space(path.parent, SPACE_FLOOR_BYTES + file.film_bytes)
            file.write(path)

    def _clip(self, opened: Dataset, dataset: str, episode: int, camera: str) -> dict[str, Any]:
        """Return what one camera filmed; its `url` is empty when the film is not there."""
        try:
            number = opened.film_path(episode, camera).stat().st_ino
        except OSError:
            return {"camera": camera, "url": "", "from": 0.0}
        return {
            "camera": camera,  # the address is another after an edit: no browser keeps the film
            "url": f"/film/{dataset}/{episode}/{camera}?of={number}",
            "from": opened.first_frame(episode, camera) / opened.fps,
        }

    def _open(self, dataset: str) -> Dataset:
        return Dataset(self._catalogue.dataset_folder(dataset))


def conditions_in(*texts: str) -> list[str]:
    """Return the conditions in texts that have commas between them."""
    return [part for text in texts for part in text.split(",") if part.strip()]


def in_words(dataset: DatasetSummary) -> str:
    """What a person reads of a dataset in a list."""
    episodes = "1 episode" if dataset.num_episodes == 1 else f"{dataset.num_episodes} episodes"
    return f"{dataset.name} · {episodes}, {dataset.secs:.0f} s"
