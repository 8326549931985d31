"""Episodes that another format held, as a source to make a dataset of. Reads no format itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recordings import layout
from recordings.episode_table import Row
from recordings.features import Features, arrow_schema, as_table, film_keys, numbers
from recordings.source import Source


@dataclass(frozen=True, slots=True)
class ImportedEpisode:
    """One episode of another format."""

    task: str
    length: int
    columns: Callable[[], Mapping[str, np.ndarray]]
    """Gives the columns, (rows,) or (rows, length), but for those that count."""
    films: Mapping[str, Path]
    """A film for each camera's feature, of which frame i shows row i."""


class Imported(Source):
    """Episodes of another format in the place of a dataset. Nothing is known of them but rows.

    `folder` holds what else is to be copied into the dataset, such as meta files.
    """

    def __init__(
        self,
        folder: Path,
        robot_type: str,
        fps: int,
        features: Features,
        episodes: Sequence[ImportedEpisode],
    ) -> None:
        if not episodes:
            raise ValueError("There are no episodes to import.")
        self.folder = folder
        self.fps = fps
        self.info: dict[str, Any] = layout.new_info(robot_type, fps, with_counting(features))
        self.info |= {"total_episodes": len(episodes)}
        self.tasks = list(dict.fromkeys(episode.task for episode in episodes))
        self.film_keys = film_keys(features)
        self.episode_table = pa.table({"episode_index": pa.array(range(len(episodes)))})
        self.entries: list[Row] = [self._row(index, each) for index, each in enumerate(episodes)]
        self.cards, self.marks, self.drives, self._data = {}, {}, {}, None
        self._episodes = episodes

    @property
    def schema(self) -> pa.Schema:
        """Columns of the data files that are to be."""
        return arrow_schema(self.info["features"])

    def data_files(self) -> dict[Path, list[int]]:
        """There are none of this format yet."""
        return {}

    def table(self, episode: int) -> pa.Table:
        """Return the rows of `episode`."""
        each = self._episodes[episode]
        number = np.arange(each.length)
        counting: dict[str, np.ndarray] = {
            "timestamp": (number / self.fps).astype(np.float32),
            "frame_index": number,
            "episode_index": np.full(each.length, episode),
            "index": number,
            "task_index": np.full(each.length, self.tasks.index(each.task)),
        }
        return as_table(dict(each.columns()) | counting, self.schema)

    def film(self, key: str, episode: int) -> Path:
        """Return the film of the feature `key`."""
        return self._episodes[episode].films[key]

    def _row(self, index: int, episode: ImportedEpisode) -> Row:
        row: Row = {"episode_index": index, "tasks": [episode.task], "length": episode.length}
        for key in self.film_keys:
            row |= {f"videos/{key}/{name}": value for name, value in layout.place(index).items()}
            row[f"videos/{key}/from_timestamp"] = 0.0
        return row


def with_counting(features: Features) -> Features:
    """Return `features` with those that every dataset has, at the end."""
    kept = {name: f for name, f in features.items() if name not in COUNTING}
    return kept | COUNTING


COUNTING: Features = {
    "timestamp": numbers("float32"),
    "frame_index": numbers("int64"),
    "episode_index": numbers("int64"),
    "index": numbers("int64"),
    "task_index": numbers("int64"),
}
