"""Recorded episodes as the Data tab shows them: lists, films, curves, and replay."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from recordings.catalogue import Catalogue, DatasetSummary
from recordings.dataset import Dataset
from recordings.history import version_of
from recordings.marks import NO_MARKS, Marks, read_marks
from recordings.selection import said, select
from recordings.source import Source
from studio.replay import ReplayAgent

MAX_ROWS = 240
"""Rows of a curve sent to the page."""


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
        if dataset:
            self._note_edits(dataset)
        episodes = self._catalogue.episodes(dataset) if dataset else []
        conditions = [part for part in where.split(",") if part.strip()]
        marks: dict[int, Marks] = {}
        if dataset and episodes:
            folder = self._catalogue.dataset_folder(dataset)
            marks = read_marks(folder)
            if conditions:
                meant = set(select(Source(folder), conditions))
                episodes = [each for each in episodes if each.index in meant]
        return json.dumps(
            [
                {
                    "episode": each.index,
                    "task": each.task,
                    "secs": each.secs,
                    "verdict": each.verdict or "unknown",
                    "reason": each.reason,
                    "success": said(marks.get(each.index, NO_MARKS)),
                    "tags": list(marks.get(each.index, NO_MARKS).tags),
                }
                for each in reversed(episodes)
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
            return opened.film_path(episode, camera)

    def to_watch(self, dataset: str, episode: int) -> str:
        """Return, as JSON, what the page needs to play an episode: films and joint curves."""
        with self._open(dataset) as opened:
            summary = opened.episodes()[episode]
            rows = opened.rows(episode)
            every = max(1, math.ceil(summary.num_frames / MAX_ROWS))
            content = {
                "title": f"{dataset} · episode {episode}",
                "task": summary.task,
                "secs": summary.secs,
                "films": [self._clip(opened, dataset, episode, name) for name in opened.cameras],
                "channels": [channel.name for channel in opened.embodiment.state_channels],
                "state": _rounded(rows["observation.state"][::every]),
                "action": _rounded(rows["action"][::every]),
            }
        return json.dumps(content)

    def replay(self, dataset: str, episode: int) -> ReplayAgent:
        """Return an agent that drives the recorded actions once more."""
        with self._open(dataset) as opened:
            return ReplayAgent(np.asarray(opened.rows(episode)["action"], np.float32), opened.fps)

    def _clip(self, opened: Dataset, dataset: str, episode: int, camera: str) -> dict[str, Any]:
        film = opened.film_path(episode, camera)  # another after an edit: no browser keeps it
        return {
            "camera": camera,
            "url": f"/film/{dataset}/{episode}/{camera}?of={film.stat().st_ino}",
            "from": opened.first_frame(episode, camera) / opened.fps,
        }

    def _open(self, dataset: str) -> Dataset:
        return Dataset(self._catalogue.dataset_folder(dataset))


def in_words(dataset: DatasetSummary) -> str:
    """What a person reads of a dataset in a list."""
    episodes = "1 episode" if dataset.num_episodes == 1 else f"{dataset.num_episodes} episodes"
    return f"{dataset.name} · {episodes}, {dataset.secs:.0f} s"


def _rounded(values: np.ndarray) -> list[list[float]]:
    return [[round(float(value), 3) for value in row] for row in values]
