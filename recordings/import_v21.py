"""`python -m recordings.import_v21 OLD --to DATASET`: a LeRobotDataset v2.1 as one of v3.0."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import tyro

from recordings import layout
from recordings.assembly import WRITTEN
from recordings.disk import RecordingError, read_lines, write_json
from recordings.drives import PLANS, read_drives
from recordings.episode_table import Row
from recordings.features import ARROW, arrow_schema, film_keys, stored_in_table
from recordings.import_aloha import ORIGIN
from recordings.lerobot_v21 import (
    EPISODE_STATISTICS,
    EPISODES,
    TASKS,
    data_file,
    read_older_info,
    read_tasks,
    video_file,
)
from recordings.marks import read_marks
from recordings.new_dataset import make_dataset, require_new
from recordings.piece import pieces_of
from recordings.source import Source

LEFT_BEHIND = (*WRITTEN, EPISODES, EPISODE_STATISTICS, TASKS)
"""Of the meta folder: what is written anew, or what v3.0 does not have."""


class OlderSource(Source):
    """A dataset of v2.1 in the place of one of v3.0. Rows and films are those that it has."""

    def __init__(self, old: Path, rest: Path) -> None:
        """`rest` is the folder of what else is to be copied into the new dataset."""
        self._old, self._info = old, read_older_info(old)
        episodes = sorted(read_lines(old / EPISODES), key=lambda line: int(line["episode_index"]))
        if [line["episode_index"] for line in episodes] != list(range(len(episodes))):
            raise ValueError(f"{EPISODES} leaves episodes out. Folder: {old}")
        if len(episodes) < self._info["total_episodes"] or not episodes:
            raise ValueError(
                f"Expected {self._info['total_episodes']} episodes, above 0, in {EPISODES}, got "
                f"{len(episodes)}. Folder: {old}"
            )
        loose = [n for n, f in self._info["features"].items() if f["dtype"] == "image"]
        if loose:
            raise ValueError(
                f"The pictures of {loose} are stored one by one in the data files (dtype image). "
                f"Only films are imported: convert the dataset to films with LeRobot first. "
                f"Folder: {old}"
            )
        self.folder = rest
        self.fps = int(self._info["fps"])
        self.info: dict[str, Any] = layout.new_info(
            self._info["robot_type"], self.fps, self._info["features"]
        )
        self.info |= {"total_episodes": int(self._info["total_episodes"])}
        words = read_tasks(old)
        self.tasks = [words[index] for index in sorted(words)]
        if sorted(words) != list(range(len(words))):
            raise ValueError(f"{TASKS} leaves tasks out. Folder: {old}")
        self.film_keys = film_keys(self._info["features"])
        self.episode_table = pa.table({"episode_index": pa.array(range(len(episodes)))})
        self.entries: list[Row] = [
            self._row(line) for line in episodes[: self._info["total_episodes"]]
        ]
        cards = read_lines(old / layout.QUALITY)
        self.cards = {line["episode_index"]: line for line in cards}
        self.marks, self.drives, self._data = read_marks(old), read_drives(old), None

    @property
    def version(self) -> str:
        """Of the old dataset's format."""
        return str(self._info["codebase_version"])

    @property
    def schema(self) -> pa.Schema:
        """Columns of the data files; as the old files have them where some are not numbers."""
        stored = stored_in_table(self.info["features"])
        if all(feature["dtype"] in ARROW for feature in stored.values()):
            return arrow_schema(self.info["features"])
        path = self._old / data_file(self._info, 0)
        try:
            return pq.read_schema(path)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"Cannot read a data file: {error}. File: {path}") from error

    def data_files(self) -> dict[Path, list[int]]:
        """One per episode is not what v3.0 wants: they are gathered."""
        return {}

    def table(self, episode: int) -> pa.Table:
        """Return the rows of `episode`."""
        path = self._old / data_file(self._info, episode)
        try:
            with pq.ParquetFile(path) as file:
                table = file.read()
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"Cannot read a data file: {error}. File: {path}") from error
        if table.num_rows != self.length(episode):
            raise ValueError(
                f"Expected {self.length(episode)} rows of episode {episode}, got "
                f"{table.num_rows}. File: {path}"
            )
        return table

    def film(self, key: str, episode: int) -> Path:
        """Return the film of the feature `key`."""
        return self._old / video_file(self._info, key, episode)

    def _row(self, line: dict[str, Any]) -> Row:
        index = int(line["episode_index"])
        row: Row = {"episode_index": index, "tasks": line["tasks"], "length": line["length"]}
        for key in self.film_keys:
            row |= {f"videos/{key}/{name}": value for name, value in layout.place(index).items()}
            row[f"videos/{key}/from_timestamp"] = 0.0
        return row


def import_v21(old: Path, target: Path) -> int:
    """Make the dataset `target`, of v3.0, of the one of v2.1 in the folder `old`, which stays.

    Rows are kept to the last bit and films as they are, linked where both lie on one disk;
    statistics are counted anew, since v2.1 has no quantiles. Returns the number of episodes.
    Raises `ValueError` when `old` is no such dataset or torn.
    """
    staging = require_new(target)
    rest = staging / "rest"
    try:
        source = OlderSource(old, rest)
        (rest / "meta").mkdir(parents=True)
        write_json(rest / ORIGIN, {"format": f"LeRobotDataset {source.version}"})
        for path in sorted((old / "meta").iterdir()):
            if path.is_file() and Path("meta") / path.name not in (*LEFT_BEHIND, ORIGIN):
                shutil.copy2(path, rest / "meta" / path.name)
        if (old / PLANS).is_dir():
            shutil.copytree(old / PLANS, rest / PLANS)
        return make_dataset(source, pieces_of(source), staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def main(
    old: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OLD")], /, *, to: Path
) -> int:
    """Make a LeRobotDataset v3.0 of one of v2.1 or v2.0, which stays as it is.

    Args:
        old: Folder of the dataset of v2.1.
        to: The new dataset's folder.
    """
    try:
        count = import_v21(old, to)
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} episodes in {to}. Look: python -m recordings.check {to}\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.import_v21"))
