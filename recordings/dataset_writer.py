"""Writes a LeRobotDataset v3.0, one whole episode at a time. Knows nothing of the control loop."""

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.disk import (
    SPACE_FLOOR_BYTES,
    RecordingError,
    append_line,
    put_in_place,
    require_space,
    write_json,
)
from recordings.episode import EpisodePlace, FinishedEpisode, OpenEpisode, stride_of
from recordings.episode_table import Row, as_episode_table, write_tasks
from recordings.features import (
    ADDED_LATER,
    arrow_schema,
    as_table,
    features_of,
    stored_in_table,
)
from recordings.history import History
from recordings.opening import claim, open_existing, require_same_body
from recordings.parquet_tail import ParquetTail
from recordings.statistics import Statistics, as_json, statistics_of, together

logger = logging.getLogger(__name__)


class DatasetWriter:
    """Adds episodes to a dataset folder, new or continued; one writer per folder at a time.

    An episode is put on disk in an order that stock LeRobot can load at every instant: films,
    tasks, quality, statistics, episode table, data, and info.json last (docs/decisions/0006).
    """

    def __init__(
        self,
        folder: Path,
        embodiment: Embodiment,
        fps: int,
        *,
        floor_bytes: int = SPACE_FLOOR_BYTES,
    ) -> None:
        stride_of(embodiment.control_hz, fps)
        self.folder = folder
        self.embodiment = embodiment
        self.fps = fps
        self._floor_bytes = floor_bytes
        self._features = features_of(embodiment, fps)
        require_space(folder, floor_bytes)
        self._prepare_folder()
        self._claim = claim(folder)
        try:
            self._begin()
        except BaseException:
            self._claim.close()
            raise

    @property
    def num_episodes(self) -> int:
        """Episodes saved."""
        return int(self._info["total_episodes"])

    @property
    def num_frames(self) -> int:
        """Rows saved, of all episodes."""
        return int(self._info["total_frames"])

    def start_episode(self, task: str, *, realtime: bool = True) -> OpenEpisode:
        """Return a new episode to add ticks to. Raises `RecordingError` if the disk is too full.

        With `realtime` false, adding to it waits for the encoders instead of dropping pictures.
        """
        if not task.strip():
            raise ValueError("Expected a task in words, such as 'pick up the red cube', got none.")
        require_space(self.folder, self._floor_bytes)
        self._started += 1
        place = EpisodePlace(
            self.folder / layout.OPEN / str(self._started),
            self._floor_bytes,
            self._encoders,
            self._disk,
        )
        return OpenEpisode(task.strip(), self.embodiment, self.fps, place, realtime=realtime)

    def save_episode(self, episode: OpenEpisode) -> int:
        """Put `episode` on disk, whole, and return its index; if this raises, it is not there.

        Raises `ValueError` when it is empty, `RecordingError` when an encoder failed or the disk
        refused it. An episode that is complete is then kept, to be saved again or abandoned; one
        that is not is beyond saving and abandoned.
        """
        try:
            index = self._take_in(episode.finish())
        except OSError as error:
            raise RecordingError(
                f"The episode could not be saved: {error}. It is kept: free some space and save "
                "again, or discard it. Saved episodes are whole."
            ) from error
        except (RecordingError, ValueError):
            if not episode.complete:
                episode.abandon()
            raise
        episode.abandon()
        return index

    def close(self) -> None:
        """Let go of the folder. Safe to call twice."""
        for executor in (*self._encoders.values(), self._disk):
            executor.shutdown()
        shutil.rmtree(self.folder / layout.OPEN, ignore_errors=True)
        self._claim.close()

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare_folder(self) -> None:
        if not self.folder.exists():
            History(self.folder).settle()  # a killed edit may have left it beside its place
        if (self.folder / layout.INFO).exists():
            require_same_body(self.folder, self.embodiment, self.fps)
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"Expected a folder to record into, got a file: {self.folder}")
        others = (layout.LOCK, layout.OPEN, Path("meta"))
        if self.folder.exists() and any(
            path for path in self.folder.iterdir() if path.name not in map(str, others)
        ):
            raise ValueError(
                f"This folder holds files and is not a dataset ({layout.INFO} is lacking). "
                f"Choose a new or empty folder. Folder: {self.folder}"
            )
        self.folder.mkdir(parents=True, exist_ok=True)

    def _begin(self) -> None:
        shutil.rmtree(self.folder / layout.OPEN, ignore_errors=True)
        if not (self.folder / layout.INFO).exists():
            (self.folder / "meta").mkdir(exist_ok=True)
            self.embodiment.save(self.folder / layout.EMBODIMENT)
            write_tasks(self.folder, [])
            write_json(
                self.folder / layout.INFO,
                layout.new_info(self.embodiment.name, self.fps, self._features),
            )
        pa.array([0])  # the first conversion loads pandas: a second that no save shall wait for
        found = open_existing(self.folder)
        self._info = found.info
        older = [name for name in ADDED_LATER if name not in self._info["features"]]
        self._features = {k: v for k, v in self._features.items() if k not in older}
        self._schema = arrow_schema(self._features)
        self._tasks = found.tasks
        self._statistics: dict[str, Statistics] = found.statistics
        self._film_number = found.next_film
        self._table_tail = ParquetTail(
            self.folder, layout.episodes_file, found.next_table, merged=True
        )
        self._data_tail = ParquetTail(self.folder, layout.data_file, found.next_data)
        self._started = 0
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="recording-disk")
        self._encoders = {
            name: ThreadPoolExecutor(1, thread_name_prefix=f"encode-{name}")
            for name in self.embodiment.camera_names
        }

    def _take_in(self, episode: FinishedEpisode) -> int:
        index = self.num_episodes
        if episode.task not in self._tasks:
            write_tasks(self.folder, [*self._tasks, episode.task])
            self._tasks.append(episode.task)
        self._number_rows(episode, index)
        statistics = dict(episode.film_statistics) | {
            name: statistics_of(episode.columns[name]) for name in stored_in_table(self._features)
        }
        statistics = {name: statistics[name] for name in self._features}
        row = self._row(episode, index)
        for key, path in episode.films.items():
            self._place_film(path, self.folder / layout.video_file(key, self._film_number))
        append_line(
            self.folder / layout.QUALITY, {"episode_index": index} | episode.quality.to_json()
        )
        together_now = {
            name: together([self._statistics[name], new]) if self._statistics else new
            for name, new in statistics.items()
        }
        write_json(self.folder / layout.STATS, as_json(together_now))
        self._commit(as_episode_table(row, statistics), as_table(episode.columns, self._schema))
        self._statistics = together_now
        self._film_number += 1
        return index

    def _place_film(self, film: Path, path: Path) -> None:
        """Put a film where it belongs, unless an earlier try to save its episode did so."""
        if film.exists() or not path.exists():
            put_in_place(film, path)

    def _commit(self, row: pa.Table, data: pa.Table) -> None:
        marks = self._table_tail.mark(), self._data_tail.mark()
        try:
            self._table_tail.append(row)
            self._data_tail.append(data)
            self._write_info(data.num_rows)
        except BaseException:
            self._table_tail.go_back(marks[0])
            self._data_tail.go_back(marks[1])
            raise

    def _number_rows(self, episode: FinishedEpisode, index: int) -> None:
        task = self._tasks.index(episode.task)
        episode.columns["episode_index"] = np.full(episode.rows, index)
        episode.columns["index"] = self.num_frames + np.arange(episode.rows)
        episode.columns["task_index"] = np.full(episode.rows, task)

    def _row(self, episode: FinishedEpisode, index: int) -> Row:
        row: Row = {"episode_index": index, "tasks": [episode.task], "length": episode.rows}
        data = layout.place(self._data_tail.next_number(episode.rows))
        row |= {f"data/{name}": value for name, value in data.items()}
        row["dataset_from_index"] = self.num_frames
        row["dataset_to_index"] = self.num_frames + episode.rows
        for key in episode.films:
            film = layout.place(self._film_number)
            row |= {f"videos/{key}/{name}": value for name, value in film.items()}
            row[f"videos/{key}/from_timestamp"] = 0.0
            row[f"videos/{key}/to_timestamp"] = episode.rows / self.fps
        table = layout.place(self._table_tail.next_number(1))
        return row | {f"meta/episodes/{name}": value for name, value in table.items()}

    def _write_info(self, rows: int) -> None:
        episodes = self.num_episodes + 1
        info = dict(self._info) | {
            "total_episodes": episodes,
            "total_frames": self.num_frames + rows,
            "total_tasks": len(self._tasks),
            "splits": {"train": f"0:{episodes}"},
        }
        write_json(self.folder / layout.INFO, info)
        self._info = info
