"""Where a dataset ends, and the one way in which it gets longer: by a whole episode."""

import json
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recordings import layout
from recordings.batch import Batch
from recordings.disk import RecordingError, append_line
from recordings.episode import Columns, FinishedEpisode
from recordings.episode_table import Row, as_episode_table, task_table
from recordings.features import (
    MOTION,
    Features,
    arrow_schema,
    as_table,
    stored_in_table,
    with_motion,
)
from recordings.journal import say_nothing_of_saving, say_saving
from recordings.opening import Existing
from recordings.parquet_tail import ParquetTail
from recordings.statistics import Statistics, as_json, statistics_of, together


@dataclass(frozen=True, slots=True)
class End:
    """What a dataset says of all its episodes together."""

    info: dict[str, Any]
    tasks: list[str]
    statistics: Mapping[str, Statistics]
    """Of every feature; empty while there is no episode."""


class DatasetTail:
    """Takes episodes in, in an order that stock LeRobot can load at every instant.

    Everything is written aside and brought to the disk first. Then films, tasks, statistics and
    the episode table appear, then the data, and info.json last (docs/decisions/0006).
    """

    def __init__(
        self, folder: Path, found: Existing, features: Features, executor: Executor
    ) -> None:
        self._folder = folder
        self._features = features
        self._schema = arrow_schema(features)
        self._executor = executor
        self._end = End(found.info, found.tasks, found.statistics)
        self._film_number = found.next_film
        self._table = ParquetTail(folder, layout.episodes_file, found.next_table, merged=True)
        self._data = ParquetTail(folder, layout.data_file, found.next_data)

    @property
    def num_episodes(self) -> int:
        """Episodes saved."""
        return int(self._end.info["total_episodes"])

    @property
    def num_frames(self) -> int:
        """Rows saved, of all episodes."""
        return int(self._end.info["total_frames"])

    @property
    def motion(self) -> bool | None:
        """Whether rows have the joints' velocity and effort; None before the first episode."""
        return MOTION[0] in self._features if self.num_episodes else None

    def take_in(self, episode: FinishedEpisode) -> int:
        """Put `episode` on the disk and return its index; if this raises, it is not there.

        The first episode says whether the joints' velocity and effort are kept.
        """
        index = self.num_episodes
        self._fit_features(episode)
        columns = self._counted(episode)
        table_columns = stored_in_table(self._features)
        counted = {name: statistics_of(columns[name]) for name in table_columns}
        counted |= episode.film_statistics
        counted = {name: counted[name] for name in self._features}
        end = self._end_after(episode, counted)
        rows = as_table(columns, self._schema)
        entry = as_episode_table(self._row(episode), counted)
        card = {"episode_index": index} | episode.quality.to_json()
        said = (
            partial(append_line, self._folder / layout.QUALITY, card),
            partial(say_saving, episode.journal, index),
        )
        try:
            with Batch(self._executor) as batch:
                films = self._write_aside(batch, episode, end)
                self._show(batch, films, (entry, rows), said)
        except Exception:
            say_nothing_of_saving(episode.journal)  # or the next one would pass for this one
            raise
        self._end = end
        self._film_number += 1
        return index

    def _fit_features(self, episode: FinishedEpisode) -> None:
        """Raise `RecordingError` when the episode lacks a column; see about those of the first."""
        if not self.num_episodes:
            self._features = with_motion(self._features, episode.columns)
            self._schema = arrow_schema(self._features)
        lacking = [n for n in MOTION if n in self._features and n not in episode.columns]
        if lacking:
            raise RecordingError(
                f"This dataset has {' and '.join(lacking)} of the joints, and these arms do not "
                f"measure that. Record into a new folder. Folder: {self._folder}"
            )

    def _end_after(self, episode: FinishedEpisode, counted: Mapping[str, Statistics]) -> End:
        tasks, before = self._tasks_with(episode.task), self._end.statistics
        episodes = self.num_episodes + 1
        info = dict(self._end.info) | {
            "total_episodes": episodes,
            "total_frames": self.num_frames + episode.rows,
            "total_tasks": len(tasks),
            "splits": {"train": f"0:{episodes}"},
            "features": self._features,
        }
        statistics = {
            name: together([before[name], new]) if before else new for name, new in counted.items()
        }
        return End(info, tasks, statistics)

    def _write_aside(self, batch: Batch, episode: FinishedEpisode, end: End) -> list[Path]:
        """Write what is small; return the places of the films."""
        if end.tasks is not self._end.tasks:
            pq.write_table(task_table(end.tasks), batch.aside(self._folder / layout.TASKS))
        stats = json.dumps(as_json(end.statistics))  # with no indent, ten times as fast
        batch.aside(self._folder / layout.STATS).write_text(stats + "\n")
        info = json.dumps(end.info, indent=4, ensure_ascii=False)
        batch.aside(self._folder / layout.INFO).write_text(info + "\n")
        films = []
        for key, film in episode.films.items():
            films.append(self._folder / layout.video_file(key, self._film_number))
            batch.link(film, films[-1])
        return films

    def _show(
        self,
        batch: Batch,
        films: list[Path],
        tables: tuple[pa.Table, pa.Table],
        said: tuple[partial[None], ...],
    ) -> None:
        tails = self._table, self._data
        before, after = [tail.mark for tail in tails], list(map(ParquetTail.longer, tails, tables))
        paths = [tail.path_of(mark[0]) for tail, mark in zip(tails, after, strict=True)]
        for tail, mark, path in zip(tails, after, paths, strict=True):
            tail.write(mark, batch.aside(path))
        batch.settle(*said)
        try:
            self._table.go_on(after[0])
            small = (self._folder / layout.TASKS, self._folder / layout.STATS)
            batch.show(*films, *(path for path in small if path in batch), paths[0])
            self._data.go_on(after[1])
            batch.show(paths[1])
            batch.show(self._folder / layout.INFO)
        except BaseException:
            for tail, mark in zip(tails, before, strict=True):
                tail.go_back(mark)
            raise

    def _tasks_with(self, task: str) -> list[str]:
        tasks = self._end.tasks
        return tasks if task in tasks else [*tasks, task]

    def _counted(self, episode: FinishedEpisode) -> Columns:
        """Return the columns with the three that only the dataset knows."""
        task = self._tasks_with(episode.task).index(episode.task)
        return dict(episode.columns) | {
            "episode_index": np.full(episode.rows, self.num_episodes),
            "index": self.num_frames + np.arange(episode.rows),
            "task_index": np.full(episode.rows, task),
        }

    def _row(self, episode: FinishedEpisode) -> Row:
        begins = self.num_frames
        row: Row = {"episode_index": self.num_episodes, "tasks": [episode.task]}
        row["length"] = episode.rows
        data = layout.place(self._data.next_number(episode.rows))
        row |= {f"data/{name}": value for name, value in data.items()}
        row |= {"dataset_from_index": begins, "dataset_to_index": begins + episode.rows}
        for key in episode.films:
            film = layout.place(self._film_number)
            row |= {f"videos/{key}/{name}": value for name, value in film.items()}
            row[f"videos/{key}/from_timestamp"] = 0.0
            row[f"videos/{key}/to_timestamp"] = episode.rows / self._end.info["fps"]
        table = layout.place(self._table.next_number(1))
        return row | {f"meta/episodes/{name}": value for name, value in table.items()}
