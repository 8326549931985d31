"""`python -m recordings.repair DATASET`: make a torn dataset load again, keeping what is whole."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import tyro

from recordings import layout
from recordings.disk import flush, read_lines, write_json, write_lines
from recordings.episode_table import Row, as_episode_table, write_tasks
from recordings.features import as_arrays, film_keys, stored_in_table
from recordings.inspection import problems_of
from recordings.marks import MARKS
from recordings.opening import claim
from recordings.parquet_tail import EPISODES_PER_FILE, ROWS_PER_FILE, merge, write_groups
from recordings.salvage import Salvage, WholeEpisode, salvage
from recordings.statistics import NAMES, PictureStatistics, Statistics, as_json, statistics_of
from recordings.statistics import together as statistics_together
from recordings.video_reader import VideoReader

BUILDING = Path(".repaired")
SAMPLES = 100
"""Pictures of a film that are decoded when its statistics were lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a repair did."""

    kept: int
    lost: list[str]
    backup: Path | None
    """Everything as it was before; None when nothing had to be done."""


def repair(folder: Path) -> Outcome:
    """Keep the whole episodes of the dataset at `folder`, counted anew, and drop the rest.

    Everything as it was goes to a folder beside it first. Raises `ValueError` when there is
    nothing to keep; then nothing is changed.
    """
    if not (folder / "meta").is_dir():
        raise ValueError(f"Not a dataset: there is no folder 'meta' in it. Folder: {folder}")
    with claim(folder):
        if not problems_of(folder):
            return Outcome(layout.read_info(folder)["total_episodes"], [], None)
        found = salvage(folder)
        if not found.episodes:
            raise ValueError(
                f"No episode is whole, so nothing was changed. {' '.join(found.lost)} "
                f"Folder: {folder}"
            )
        return _rewrite(folder, found)


def _rewrite(folder: Path, found: Salvage) -> Outcome:
    before = [episode.row["episode_index"] for episode in found.episodes]
    found.episodes = list(_count_anew(found.episodes))
    statistics = [_statistics(folder, found, episode) for episode in found.episodes]
    shutil.rmtree(folder / BUILDING, ignore_errors=True)
    _build(folder / BUILDING, found.episodes, statistics)
    backup = _back_up(folder)
    _swap(folder, backup)
    _set_films_aside(folder, backup, found)
    write_tasks(folder, found.tasks)
    _renumber(folder / layout.QUALITY, before)
    _renumber(folder / MARKS, before)
    total = {
        name: statistics_together([part[name] for part in statistics]) for name in statistics[0]
    }
    write_json(folder / layout.STATS, as_json(total))
    info = found.info | {
        "total_episodes": len(found.episodes),
        "total_frames": found.episodes[-1].row["dataset_to_index"],
        "total_tasks": len(found.tasks),
        "splits": {"train": f"0:{len(found.episodes)}"},
    }
    write_json(folder / layout.INFO, info)
    return Outcome(len(found.episodes), found.lost, backup)


def _count_anew(episodes: list[WholeEpisode]) -> Iterator[WholeEpisode]:
    """Yield the episodes without gaps in their indices, and where each will be."""
    begins = 0
    for number, span in enumerate(_files(episodes)):
        place = layout.place(number).items()
        for index in span:
            row, rows = episodes[index].row, episodes[index].rows
            ends = begins + rows.num_rows
            row = row | {f"{kind}/{k}": v for kind in ("data", "meta/episodes") for k, v in place}
            row |= {"episode_index": index, "dataset_from_index": begins, "dataset_to_index": ends}
            yield WholeEpisode(row, _renumbered(rows, index, begins))
            begins = ends


def _build(
    target: Path, episodes: list[WholeEpisode], statistics: list[dict[str, Statistics]]
) -> None:
    """Write data and episode table as they shall be into `target`."""
    for number, span in enumerate(_files(episodes)):
        entries = [
            {
                name: value
                for name, value in episodes[i].row.items()
                if not name.startswith("stats/")
            }
            for i in span
        ]
        tables = [as_episode_table(e, statistics[i]) for e, i in zip(entries, span, strict=True)]
        write_groups(target / layout.data_file(number), [episodes[i].rows for i in span])
        write_groups(target / layout.episodes_file(number), [merge(tables)])


def _files(episodes: list[WholeEpisode]) -> Iterator[range]:
    """Yield which episodes go into each file, in order."""
    begin = rows = 0
    for index, episode in enumerate(episodes):
        full = index - begin >= EPISODES_PER_FILE or rows + episode.rows.num_rows > ROWS_PER_FILE
        if full and index > begin:
            yield range(begin, index)
            begin, rows = index, 0
        rows += episode.rows.num_rows
    yield range(begin, len(episodes))


def _renumbered(rows: pa.Table, index: int, begins: int) -> pa.Table:
    columns = {
        "episode_index": np.full(rows.num_rows, index),
        "index": begins + np.arange(rows.num_rows),
    }
    for name, values in columns.items():
        position = rows.schema.get_field_index(name)
        rows = rows.set_column(position, rows.schema.field(position), pa.array(values))
    return rows.combine_chunks()


def _statistics(folder: Path, found: Salvage, episode: WholeEpisode) -> dict[str, Statistics]:
    """Return the statistics of one episode: rows counted again, and films if theirs were lost."""
    arrays = as_arrays(episode.rows)
    statistics = {}
    for name in found.info["features"]:
        stored = [episode.row.get(f"stats/{name}/{kind}") for kind in NAMES]
        if name in stored_in_table(found.info["features"]):
            statistics[name] = statistics_of(arrays[name])
        elif all(value is not None for value in stored):
            statistics[name] = dict(zip(NAMES, map(np.asarray, stored), strict=True))
        else:
            statistics[name] = _film_statistics(folder, found, episode, name)
    return statistics


def _film_statistics(folder: Path, found: Salvage, episode: WholeEpisode, key: str) -> Statistics:
    counted = PictureStatistics()
    first = round(episode.row[f"videos/{key}/from_timestamp"] * found.info["fps"])
    step = max(1, episode.rows.num_rows // SAMPLES)
    with VideoReader(_film(folder, found, episode.row, key)) as film:
        for number in range(first, first + episode.rows.num_rows, step):
            counted.add(film.read(number))
    return counted.result()


def _film(folder: Path, found: Salvage, row: Row, key: str) -> Path:
    place = {name: row[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
    return folder / str(found.info["video_path"]).format(video_key=key, **place)


def _back_up(folder: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    backup = folder.absolute().with_name(f"{folder.absolute().name}.backup-{stamp}")
    for part in ("meta", "data"):
        if (folder / part).exists():
            shutil.copytree(folder / part, backup / part)
    return backup


def _swap(folder: Path, backup: Path) -> None:
    for part in ("data", "meta/episodes"):
        if (folder / part).exists():
            (folder / part).rename(backup / f"{part}.old")
            shutil.rmtree(backup / f"{part}.old")
        (folder / part).parent.mkdir(exist_ok=True)
        (folder / BUILDING / part).rename(folder / part)
    shutil.rmtree(folder / BUILDING)
    flush(folder)


def _set_films_aside(folder: Path, backup: Path, found: Salvage) -> None:
    """Move films that no kept episode shows to the backup: a later recording needs their place."""
    keys = film_keys(found.info["features"])
    shown = {_film(folder, found, episode.row, key) for episode in found.episodes for key in keys}
    for path in sorted((folder / "videos").rglob("*.mp4")):
        if path not in shown:
            target = backup / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)


def _renumber(path: Path, old: list[int]) -> None:
    """Give the lines of `path`, one per episode, the new indices of the episodes `old`."""
    if path.exists():
        lines = {line["episode_index"]: line for line in read_lines(path)}
        kept = [
            lines[before] | {"episode_index": index}
            for index, before in enumerate(old)
            if before in lines
        ]
        write_lines(path, kept)


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")], /
) -> int:
    """Make a torn dataset load again: keep every whole episode, count them anew, drop the rest.

    What was there is copied beside the dataset first. A dataset that is whole is not touched.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
    """
    try:
        outcome = repair(dataset)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if outcome.backup is None:
        sys.stdout.write(f"Nothing to repair: {outcome.kept} episodes, all whole.\n")
        return 0
    for text in outcome.lost:
        sys.stdout.write(f"Lost: {text}\n")
    sys.stdout.write(f"{outcome.kept} episodes kept. As it was before: {outcome.backup}\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.repair"))
