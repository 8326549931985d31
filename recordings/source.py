"""A dataset that episodes are taken from, opened for what an edit moves. Changes nothing."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recordings import layout
from recordings.data_file import DataFile
from recordings.drives import DriveRecord, read_drives
from recordings.episode_lines import read_episode_lines
from recordings.episode_table import Row, read_tasks, rows_of
from recordings.features import counted_features, film_keys
from recordings.marks import Marks, read_marks
from recordings.saved_episodes import saved_episodes
from recordings.statistics import NAMES


class Source:
    """The tables of one dataset, ours or another tool's, as they were when it was opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info: dict[str, Any] = layout.read_info(folder)
        self.fps: int = self.info["fps"]
        self.tasks = read_tasks(folder)
        self.episode_table = saved_episodes(folder, self.info, statistics=True)
        self.entries: list[Row] = rows_of(self.episode_table)
        self.film_keys = film_keys(self.info["features"])
        self.cards: dict[int, dict[str, Any]] = read_episode_lines(folder / layout.QUALITY)
        self.marks: dict[int, Marks] = read_marks(folder)
        self.drives: dict[int, DriveRecord] = read_drives(folder)
        self._data: DataFile | None = None

    @cached_property
    def has_statistics(self) -> bool:
        """Whether all ten statistics of every feature are in the episode table."""
        names = set(self.episode_table.column_names)
        wanted = counted_features(self.info["features"])
        return all(f"stats/{f}/{kind}" in names for f in wanted for kind in NAMES)

    def length(self, episode: int) -> int:
        """Return how many rows `episode` has. Raises `ValueError` when there is no such episode."""
        return int(self._entry(episode)["length"])

    def data_path(self, episode: int) -> Path:
        """Return the data file that holds `episode`."""
        entry = self._entry(episode)
        return self.folder / str(self.info["data_path"]).format(
            chunk_index=entry["data/chunk_index"], file_index=entry["data/file_index"]
        )

    @property
    def schema(self) -> pa.Schema:
        """Columns of the data files, with the metadata that `datasets` looks for."""
        return pq.read_schema(self.data_path(0))

    def data_files(self) -> dict[Path, list[int]]:
        """Return which episodes each data file holds; none if they are not files of this format."""
        held: dict[Path, list[int]] = {}
        for episode in range(len(self.entries)):
            held.setdefault(self.data_path(episode), []).append(episode)
        return held

    def table(self, episode: int) -> pa.Table:
        """Return the rows of `episode`, all columns as they are on the disk."""
        path = self.data_path(episode)
        if self._data is None or self._data.path != path:
            self.close()
            self._data = DataFile(path)
        table = self._data.rows(episode)
        if table.num_rows != self.length(episode):
            raise ValueError(
                f"Expected {self.length(episode)} rows of episode {episode}, got "
                f"{table.num_rows}. Run: python -m recordings.repair {self.folder}"
            )
        return table

    def film(self, key: str, episode: int) -> Path:
        """Return the film of the feature `key` that shows `episode`, among others maybe."""
        entry = self._entry(episode)
        place = {name: entry[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
        return self.folder / str(self.info["video_path"]).format(video_key=key, **place)

    def film_number(self, key: str, episode: int) -> int:
        """Return the running number of that film."""
        entry = self._entry(episode)
        chunk, file = (int(entry[f"videos/{key}/{kind}_index"]) for kind in ("chunk", "file"))
        return layout.number_of(chunk, file)

    def first_frame(self, key: str, episode: int) -> int:
        """Return the number, in that film, of the first frame of `episode`."""
        starts: float = self._entry(episode)[f"videos/{key}/from_timestamp"]
        return round(starts * self.fps)

    def close(self) -> None:
        """Close every file. Safe to call twice."""
        if self._data is not None:
            self._data.close()
            self._data = None

    def _entry(self, episode: int) -> Row:
        if not 0 <= episode < len(self.entries):
            raise ValueError(
                f"This dataset has {len(self.entries)} episodes, counted from 0; "
                f"asked for {episode}. Folder: {self.folder}"
            )
        return self.entries[episode]
