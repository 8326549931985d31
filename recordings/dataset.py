"""Reads a LeRobotDataset v3.0: what it is, its episodes, their rows, and single pictures."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Image
from recordings import layout
from recordings.data_file import DataFile
from recordings.disk import read_lines
from recordings.episode_table import Row, read_episodes, read_tasks, rows_of
from recordings.features import as_arrays, film_keys
from recordings.marks import NO_MARKS, Marks, read_marks
from recordings.quality import Quality
from recordings.video_reader import VideoReader

OPEN_FILMS = 8
"""Films kept open between reads; opening one costs more than ten frames."""


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """One episode of a dataset."""

    index: int
    task: str
    num_frames: int
    secs: float
    quality: Quality | None
    """None if another tool recorded it."""
    marks: Marks
    """What people said of it."""


class Dataset:
    """A dataset folder, ours or another tool's. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info: dict[str, Any] = layout.read_info(folder)
        self.fps: int = self.info["fps"]
        self.tasks = read_tasks(folder)
        table = read_episodes(folder, statistics=False)
        self._rows: list[Row] = rows_of(table)[: self.info["total_episodes"]]
        if len(self._rows) < self.info["total_episodes"]:
            raise ValueError(
                f"Expected {self.info['total_episodes']} episodes in meta/episodes, got "
                f"{len(self._rows)}. Run: python -m recordings.repair {folder}"
            )
        self._data: DataFile | None = None
        self._films: OrderedDict[Path, VideoReader] = OrderedDict()

    @property
    def embodiment(self) -> Embodiment:
        """The body that was recorded. Raises `ValueError` if another tool recorded it."""
        return Embodiment.load(self.folder / layout.EMBODIMENT)

    @property
    def cameras(self) -> list[str]:
        """Camera names, in the order of the features."""
        return [key.removeprefix(layout.IMAGE_PREFIX) for key in film_keys(self.info["features"])]

    @property
    def num_frames(self) -> int:
        """Rows of all episodes."""
        return int(self.info["total_frames"])

    def __len__(self) -> int:
        return len(self._rows)

    def episodes(self) -> list[EpisodeSummary]:
        """Return every episode, in order."""
        cards = {line["episode_index"]: line for line in read_lines(self.folder / layout.QUALITY)}
        marks = read_marks(self.folder)
        return [
            self._summary(row, cards.get(index), marks.get(index, NO_MARKS))
            for row in self._rows
            for index in [row["episode_index"]]
        ]

    def rows(self, episode: int) -> dict[str, np.ndarray]:
        """Return the columns of one episode, (rows,) or (rows, length), by feature name."""
        row = self._row(episode)
        path = self.folder / self._path("data_path", row, "data")
        try:
            table = self._data_file(path).rows(episode)
        except ValueError as error:
            raise ValueError(
                f"Cannot read episode {episode}: {error} "
                f"Run: python -m recordings.repair {self.folder}"
            ) from error
        if table.num_rows != row["length"]:
            raise ValueError(
                f"Expected {row['length']} rows of episode {episode}, got {table.num_rows}. "
                f"Run: python -m recordings.repair {self.folder}"
            )
        return as_arrays(table)

    def first_row(self, episode: int) -> int:
        """Return the `index` of the first row of `episode`."""
        return int(self._row(episode)["dataset_from_index"])

    def episode_tasks(self, episode: int) -> list[str]:
        """Return every task of `episode`; ours have one."""
        return list(self._row(episode)["tasks"])

    def frame(self, episode: int, camera: str, number: int) -> Image:
        """Return the picture of one row: RGB, (height, width, 3)."""
        row = self._row(episode)
        if not 0 <= number < row["length"]:
            raise ValueError(
                f"Episode {episode} has frames 0 to {row['length'] - 1}, asked for {number}."
            )
        film = self._film(self.film_path(episode, camera))
        return film.read(self.first_frame(episode, camera) + number)

    def film_path(self, episode: int, camera: str) -> Path:
        """Return the film that shows `episode` from `camera`; it may show other episodes too."""
        if camera not in self.cameras:
            raise ValueError(f"Expected one of the cameras {self.cameras}, got {camera!r}.")
        key = layout.IMAGE_PREFIX + camera
        return self.folder / self._path("video_path", self._row(episode), f"videos/{key}", key)

    def first_frame(self, episode: int, camera: str) -> int:
        """Return the number, in its film, of the first frame of `episode`."""
        starts: float = self._row(episode)[f"videos/{layout.IMAGE_PREFIX}{camera}/from_timestamp"]
        return round(starts * self.fps)

    def close(self) -> None:
        """Close every file. Safe to call twice."""
        if self._data is not None:
            self._data.close()
            self._data = None
        while self._films:
            self._films.popitem()[1].close()

    def __enter__(self) -> "Dataset":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _row(self, episode: int) -> Row:
        if not 0 <= episode < len(self._rows):
            raise ValueError(
                f"This dataset has {len(self._rows)} episodes, counted from 0; "
                f"asked for {episode}. Folder: {self.folder}"
            )
        return self._rows[episode]

    def _summary(self, row: Row, card: dict[str, Any] | None, marks: Marks) -> EpisodeSummary:
        fields = {name: value for name, value in (card or {}).items() if name != "episode_index"}
        return EpisodeSummary(
            index=row["episode_index"],
            task=row["tasks"][0] if row["tasks"] else "",
            num_frames=row["length"],
            secs=row["length"] / self.fps,
            quality=Quality.from_json(fields) if card else None,
            marks=marks,
        )

    def _path(self, pattern: str, row: Row, kind: str, video_key: str = "") -> str:
        path: str = self.info[pattern]
        return path.format(
            video_key=video_key,
            chunk_index=row[f"{kind}/chunk_index"],
            file_index=row[f"{kind}/file_index"],
        )

    def _data_file(self, path: Path) -> DataFile:
        if self._data is None or self._data.path != path:
            if self._data is not None:
                self._data.close()
            self._data = DataFile(path)
        return self._data

    def _film(self, path: Path) -> VideoReader:
        if path not in self._films:
            if len(self._films) >= OPEN_FILMS:
                self._films.popitem(last=False)[1].close()
            self._films[path] = VideoReader(path)
        self._films.move_to_end(path)
        return self._films[path]
