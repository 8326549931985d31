"""Reads a LeRobotDataset v3.0: what it is, its episodes, their rows, and single pictures."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from hardware.embodiment import Embodiment
from hardware.interfaces import Image
from recordings import layout
from recordings.closing import Closing
from recordings.columns import columns_of
from recordings.data_file import DataFile
from recordings.drives import UNKNOWN, DriveRecord, read_drives
from recordings.episode_lines import read_episode_lines
from recordings.episode_table import Row, read_tasks, rows_of
from recordings.features import film_keys
from recordings.film_shelf import FilmShelf
from recordings.marks import NO_MARKS, Marks, read_marks
from recordings.quality import Quality
from recordings.saved_episodes import saved_episodes

OPEN_DATA_FILES = 8
KEPT_EPISODES = 64
"""Episodes whose rows are kept between reads: some 100 kB each."""

Place = tuple[int, str, int]
"""A picture: episode, camera, and the number of its row."""


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
    operator: str = ""
    """Who recorded it; empty if nobody said."""
    policy: str = ""
    """What drove, if a policy did; several with semicolons between."""


class Dataset(Closing):
    """A dataset folder, ours or another tool's, as it was when it was opened.

    Safe to use from any thread: pictures are decoded side by side, rows are read one at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info: dict[str, Any] = layout.read_info(folder)
        self.fps: int = self.info["fps"]
        self.tasks = read_tasks(folder)
        self._rows: list[Row] = rows_of(saved_episodes(folder, self.info))
        self._data: OrderedDict[Path, DataFile] = OrderedDict()
        self._kept: OrderedDict[int, dict[str, np.ndarray]] = OrderedDict()
        self._films = FilmShelf()
        self._cameras = [
            key.removeprefix(layout.IMAGE_PREFIX) for key in film_keys(self.info["features"])
        ]
        self._lock = Lock()

    @property
    def embodiment(self) -> Embodiment:
        """The body that was recorded. Raises `ValueError` if another tool recorded it."""
        return Embodiment.load(self.folder / layout.EMBODIMENT)

    @property
    def cameras(self) -> list[str]:
        """Camera names, in the order of the features."""
        return list(self._cameras)

    @property
    def num_frames(self) -> int:
        """Rows of all episodes."""
        return int(self.info["total_frames"])

    def __len__(self) -> int:
        return len(self._rows)

    def episodes(self) -> list[EpisodeSummary]:
        """Return every episode, in order."""
        path = self.folder / layout.QUALITY
        cards = read_episode_lines(path)
        marks = read_marks(self.folder)
        drives = read_drives(self.folder)
        try:
            return [
                self._summary(
                    row, cards.get(index), marks.get(index, NO_MARKS), drives.get(index, UNKNOWN)
                )
                for row in self._rows
                for index in [row["episode_index"]]
            ]
        except ValueError as error:
            raise ValueError(f"{error} Correct or delete its line. File: {path}") from error

    def rows(self, episode: int) -> dict[str, np.ndarray]:
        """Return the columns of one episode, (rows,) or (rows, length), by feature name.

        The arrays are shared with later calls and cannot be written to.
        """
        row = self._row(episode)
        with self._lock:
            if episode not in self._kept:
                self._kept[episode] = self._read_rows(episode, row)
                if len(self._kept) > KEPT_EPISODES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(episode)
            return dict(self._kept[episode])

    def first_row(self, episode: int) -> int:
        """Return the `index` of the first row of `episode`."""
        return int(self._row(episode)["dataset_from_index"])

    def episode_tasks(self, episode: int) -> list[str]:
        """Return every task of `episode`; ours have one."""
        return list(self._row(episode)["tasks"])

    def frame(self, episode: int, camera: str, number: int) -> Image:
        """Return the picture of one row: RGB, (height, width, 3)."""
        path, frame = self._place((episode, camera, number))
        with self._films.reader(path, frame) as film:
            return film.read(frame)

    def frames(self, places: Sequence[Place]) -> list[Image]:
        """Return many pictures, in the order of `places`.

        They are read in the order of their films, so that none is opened or decoded twice.
        """
        wanted: dict[Path, list[tuple[int, int]]] = {}
        for position, place in enumerate(places):
            path, frame = self._place(place)
            wanted.setdefault(path, []).append((position, frame))
        found: dict[int, Image] = {}
        for path, frames in sorted(wanted.items()):
            numbers = [frame for _, frame in frames]
            with self._films.reader(path, min(numbers)) as film:
                pictures = film.read_many(numbers)
            found |= {at: picture for (at, _), picture in zip(frames, pictures, strict=True)}
        return [found[position] for position in range(len(places))]

    def film_path(self, episode: int, camera: str) -> Path:
        """Return the film that shows `episode` from `camera`; it may show other episodes too."""
        if camera not in self._cameras:
            raise ValueError(f"Expected one of the cameras {self._cameras}, got {camera!r}.")
        key = layout.IMAGE_PREFIX + camera
        return self.folder / self._path("video_path", self._row(episode), f"videos/{key}", key)

    def first_frame(self, episode: int, camera: str) -> int:
        """Return the number, in its film, of the first frame of `episode`."""
        starts: float = self._row(episode)[f"videos/{layout.IMAGE_PREFIX}{camera}/from_timestamp"]
        return round(starts * self.fps)

    def close(self) -> None:
        """Close every file. Safe to call twice."""
        with self._lock:
            while self._data:
                self._data.popitem()[1].close()
        self._films.close()

    def _place(self, place: Place) -> tuple[Path, int]:
        episode, camera, number = place
        length = self._row(episode)["length"]
        if not 0 <= number < length:
            raise ValueError(f"Episode {episode} has frames 0 to {length - 1}, asked for {number}.")
        return self.film_path(episode, camera), self.first_frame(episode, camera) + number

    def _row(self, episode: int) -> Row:
        if not 0 <= episode < len(self._rows):
            raise ValueError(
                f"This dataset has {len(self._rows)} episodes, counted from 0; "
                f"asked for {episode}. Folder: {self.folder}"
            )
        return self._rows[episode]

    def _read_rows(self, episode: int, row: Row) -> dict[str, np.ndarray]:
        path = self.folder / self._path("data_path", row, "data")
        try:
            table = self._data_file(path).rows(episode)
            return columns_of(table, self.info["features"], num_rows=row["length"])
        except ValueError as error:
            raise ValueError(
                f"Cannot read episode {episode}: {error} "
                f"Run: python -m recordings.repair {self.folder}"
            ) from error

    def _summary(
        self, row: Row, card: dict[str, Any] | None, marks: Marks, drive: DriveRecord
    ) -> EpisodeSummary:
        fields = {name: value for name, value in (card or {}).items() if name != "episode_index"}
        return EpisodeSummary(
            index=row["episode_index"],
            task=row["tasks"][0] if row["tasks"] else "",
            num_frames=row["length"],
            secs=row["length"] / self.fps,
            quality=Quality.from_json(fields) if card else None,
            marks=marks,
            operator=drive.operator,
            policy="; ".join(drive.policies),
        )

    def _path(self, pattern: str, row: Row, kind: str, video_key: str = "") -> str:
        path: str = self.info[pattern]
        return path.format(
            video_key=video_key,
            chunk_index=row[f"{kind}/chunk_index"],
            file_index=row[f"{kind}/file_index"],
        )

    def _data_file(self, path: Path) -> DataFile:
        if path not in self._data:
            self._data[path] = DataFile(path)
            if len(self._data) > OPEN_DATA_FILES:
                self._data.popitem(last=False)[1].close()
        self._data.move_to_end(path)
        return self._data[path]
