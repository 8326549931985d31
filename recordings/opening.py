"""What a writer must know of a dataset it continues; settles what a killed one left undone."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.disk import try_lock, write_json
from recordings.episode_table import (
    Row,
    episode_files,
    read_episodes,
    read_tasks,
    rows_of,
    total_statistics,
    write_tasks,
)
from recordings.features import ADDED_LATER, features_of, film_keys, films_of, with_motion
from recordings.parquet_tail import merge, write_groups
from recordings.statistics import Statistics, as_json


@dataclass(frozen=True, slots=True)
class Existing:
    """Where a dataset ends."""

    info: dict[str, Any]
    tasks: list[str]
    statistics: dict[str, Statistics]
    next_table: int
    next_data: int
    next_film: int


def require_same_body(folder: Path, embodiment: Embodiment, fps: int) -> None:
    """Raise `ValueError` naming what keeps ticks of `embodiment` out of the dataset at `folder`."""
    info = layout.read_info(folder)
    if not (folder / layout.EMBODIMENT).exists():
        raise ValueError(
            f"This dataset lacks {layout.EMBODIMENT}: another tool recorded it. "
            f"Record into a new folder. Folder: {folder}"
        )
    theirs = Embodiment.load(folder / layout.EMBODIMENT)
    found = theirs.differences(embodiment)
    if info["fps"] != fps:
        found.append(f"the dataset has {info['fps']} fps, {fps} asked for")
    if theirs.control_hz != embodiment.control_hz:
        found.append(
            f"control at {theirs.control_hz:g} Hz expected, {embodiment.control_hz:g} here"
        )
    ours = features_of(embodiment, fps, films_of(info["features"]))
    ours = with_motion(ours, info["features"])  # an episode tells whether these arms measure it
    for name in {**info["features"], **ours}:
        shapes = [list(f[name]["shape"]) if name in f else None for f in (info["features"], ours)]
        if shapes[0] != shapes[1] and not (name in ADDED_LATER and shapes[0] is None):
            found.append(f"{name} has shape {shapes[0]} in the dataset, {shapes[1]} here")
    if found:
        raise ValueError(
            f"This dataset is of another body ({theirs.name!r}, not {embodiment.name!r}): "
            f"{'; '.join(found)}. Record into a new folder. Folder: {folder}"
        )


def claim(folder: Path) -> IO[str]:
    """Keep other writers out of `folder` until the returned file is closed, or this process ends.

    Raises `ValueError` when another has it.
    """
    file = try_lock(folder / layout.LOCK)
    if file is None:
        raise ValueError(
            f"Another program writes to this dataset. Close it or choose another folder. "
            f"Folder: {folder}"
        )
    return file


def open_existing(folder: Path) -> Existing:
    """Read where the dataset ends. Raises `ValueError` when it is torn and needs repair.

    A writer that was killed between two files of one episode leaves that episode known to the
    episode table only, or to all but info.json. The first is taken back, the second completed.
    """
    info = layout.read_info(folder)
    table = read_episodes(folder)
    saved = int(info["total_episodes"])
    if table.num_rows < saved:
        raise ValueError(
            f"Expected {saved} episodes in meta/episodes, got {table.num_rows}. "
            f"Run: python -m recordings.repair {folder}"
        )
    rows = rows_of(table)
    keys = film_keys(info["features"])
    whole = saved
    while whole < len(rows) and _is_whole(folder, rows[whole], keys):
        whole += 1
    if whole != len(rows):
        _forget_episodes_from(folder, whole)
    table, rows = table.slice(0, whole), rows[:whole]
    tasks = _tasks_in_use(folder, info, rows)
    if whole != saved:
        if not saved:  # what the first episode has was not known yet
            path = folder / layout.data_file(_number(rows[0], "data"))
            info["features"] = with_motion(info["features"], pq.read_schema(path).names)
        info |= {
            "total_episodes": whole,
            "total_frames": rows[-1]["dataset_to_index"],
            "total_tasks": len(tasks),
            "splits": {"train": f"0:{whole}"},
        }
        write_json(folder / layout.INFO, info)
    statistics = total_statistics(table)
    if statistics:
        write_json(folder / layout.STATS, as_json(statistics))
    return Existing(
        info,
        tasks,
        statistics,
        next_table=_after(rows, "meta/episodes"),
        next_data=_after(rows, "data"),
        next_film=max((_after(rows, f"videos/{key}") for key in keys), default=0),
    )


def _tasks_in_use(folder: Path, info: dict[str, Any], rows: list[Row]) -> list[str]:
    """Return the tasks, without those at the end that a killed save was the first to name."""
    tasks = read_tasks(folder)
    used = {task for row in rows for task in row["tasks"]}
    kept = len(tasks)
    while kept > info["total_tasks"] and tasks[kept - 1] not in used:
        kept -= 1
    if kept != len(tasks):
        write_tasks(folder, tasks[:kept])
    return tasks[:kept]


def _is_whole(folder: Path, row: Row, keys: list[str]) -> bool:
    films = (folder / layout.video_file(key, _number(row, f"videos/{key}")) for key in keys)
    data = folder / layout.data_file(_number(row, "data"))
    if not data.exists() or not all(film.exists() for film in films):
        return False
    try:
        indices = pq.ParquetFile(data).read(["index"])["index"]
    except (OSError, pa.ArrowException):
        return False
    return bool(row["dataset_to_index"] - 1 in set(indices.to_pylist()))


def _forget_episodes_from(folder: Path, index: int) -> None:
    for path in episode_files(folder):
        with pq.ParquetFile(path) as file:
            table = file.read()
        kept = table.filter(pc.less(table["episode_index"], index))
        if not kept.num_rows:
            path.unlink()
        elif kept.num_rows < table.num_rows:
            write_groups(path, [merge([kept])])


def _number(row: Row, kind: str) -> int:
    return layout.number_of(row[f"{kind}/chunk_index"], row[f"{kind}/file_index"])


def _after(rows: list[Row], kind: str) -> int:
    return max((_number(row, kind) + 1 for row in rows), default=0)
