"""Finds the episodes of a torn dataset that are still whole. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.codec import FilmFormat
from recordings.episode_table import Row, episode_files, read_tasks
from recordings.features import (
    ADDED_LATER,
    depth_key,
    features_of,
    film_keys,
    films_of,
    stored_in_table,
    with_motion,
)
from recordings.history import version_of
from recordings.inspection import film_problems
from recordings.video_reader import VideoReader


@dataclass(frozen=True, slots=True)
class WholeEpisode:
    """One episode with all its rows and films."""

    row: Row
    """Its entry in the episode table, statistics included where they were there."""
    rows: pa.Table


@dataclass(slots=True)
class Salvage:
    """What is left of a dataset."""

    info: dict[str, Any]
    tasks: list[str]
    episodes: list[WholeEpisode] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """What cannot be kept and why, one sentence each."""


def salvage(folder: Path) -> Salvage:
    """Look for whole episodes in `folder`.

    Raises `ValueError` when neither info.json nor meta/embodiment.json tells what the rows mean.
    """
    lost: list[str] = []
    entries = _entries(folder, lost)
    rows = _rows(folder, lost)
    info = _info(folder, rows)
    found = Salvage(info, _tasks(folder, entries, rows, lost), lost=lost)
    for index in sorted(entries.keys() | rows.keys()):
        try:
            found.episodes.append(_whole(folder, found, index, entries.get(index), rows.get(index)))
        except ValueError as error:
            lost.append(f"Episode {index}: {error}")
    return found


def _whole(
    folder: Path, found: Salvage, index: int, entry: Row | None, rows: pa.Table | None
) -> WholeEpisode:
    """Return the episode. Raises `ValueError` naming the part that is not there."""
    if rows is None:
        raise ValueError("its rows are lost.")
    length = rows.num_rows
    if entry is None:
        entry = _guessed_entry(folder, found, index, rows)
    if entry["length"] != length:
        raise ValueError(f"{entry['length']} rows expected, {length} left.")
    if sorted(rows["frame_index"].to_pylist()) != list(range(length)):
        raise ValueError("its rows do not count from 0 without a gap.")
    for name in stored_in_table(found.info["features"]):
        if name not in rows.column_names:
            raise ValueError(f"its rows lack {name}.")
    _require_films(folder, found.info, entry, length)
    return WholeEpisode(entry, rows.sort_by("frame_index"))


def _require_films(folder: Path, info: dict[str, Any], entry: Row, length: int) -> None:
    for key in film_keys(info["features"]):
        path = film_of(folder, info, entry, key)
        first = round(entry[f"videos/{key}/from_timestamp"] * info["fps"])
        problems = film_problems(info, key, path, (first, length))
        if problems:
            raise ValueError(problems[0])


def film_of(folder: Path, info: dict[str, Any], entry: Row, key: str) -> Path:
    """Return the film of a camera that an entry of the episode table names."""
    place = {name: entry[f"videos/{key}/{name}"] for name in ("chunk_index", "file_index")}
    return folder / str(info["video_path"]).format(video_key=key, **place)


def _guessed_entry(folder: Path, found: Salvage, index: int, rows: pa.Table) -> Row:
    """Return the entry that our writer would have made: one film per camera and episode."""
    if not (folder / layout.EMBODIMENT).exists():
        raise ValueError("its entry in meta/episodes is lost, and with it its place in the films.")
    if version_of(folder) is not None:
        raise ValueError(
            "its entry in meta/episodes is lost, and after edits and repairs films have any number."
        )
    tasks = sorted({found.tasks[i] for i in rows["task_index"].to_pylist() if i < len(found.tasks)})
    if not tasks:
        raise ValueError("its task is lost.")
    entry: Row = {"episode_index": index, "tasks": tasks, "length": rows.num_rows}
    for key in film_keys(found.info["features"]):
        place = layout.place(index)
        entry |= {f"videos/{key}/{name}": value for name, value in place.items()}
        entry[f"videos/{key}/from_timestamp"] = 0.0
        entry[f"videos/{key}/to_timestamp"] = rows.num_rows / found.info["fps"]
        _require_whole_film(film_of(folder, found.info, entry, key), rows.num_rows)
    return entry


def _require_whole_film(path: Path, length: int) -> None:
    with VideoReader(path) as film:
        if film.num_frames != length:
            raise ValueError(
                "its entry in meta/episodes is lost, and the film of its number is another's: "
                f"expected {length} frames, got {film.num_frames}. File: {path}"
            )


def _entries(folder: Path, lost: list[str]) -> dict[int, Row]:
    entries: dict[int, Row] = {}
    for table in _tables(folder, episode_files(folder), lost):
        if "episode_index" in table.column_names:
            entries |= {row["episode_index"]: row for row in table.to_pylist()}
    return entries


def _rows(folder: Path, lost: list[str]) -> dict[int, pa.Table]:
    rows: dict[int, pa.Table] = {}
    for table in _tables(folder, sorted((folder / "data").glob("*/*.parquet")), lost):
        if {"episode_index", "frame_index", "task_index"} <= set(table.column_names):
            for index in pc.unique(table["episode_index"]).to_pylist():
                rows[index] = table.filter(pc.equal(table["episode_index"], index))
    return rows


def _tables(folder: Path, paths: list[Path], lost: list[str]) -> Iterator[pa.Table]:
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                yield file.read()
        except (OSError, pa.ArrowException) as error:
            lost.append(f"{path.relative_to(folder)} cannot be read: {error}")


def _info(folder: Path, rows: dict[int, pa.Table]) -> dict[str, Any]:
    columns = {name for table in rows.values() for name in table.column_names}
    try:
        info = layout.read_info(folder)
    except ValueError as error:
        if "Expected a LeRobotDataset" in str(error):
            raise
        if not (folder / layout.EMBODIMENT).exists() or not rows:
            raise ValueError(
                f"Cannot repair: neither {layout.INFO} nor {layout.EMBODIMENT} can be read, or "
                f"there are no rows. Folder: {folder}"
            ) from error
    else:
        if not info["total_episodes"]:  # its first episode, which tells, was not noted any more
            info["features"] = with_motion(info["features"], columns)
        return info
    body = Embodiment.load(folder / layout.EMBODIMENT)
    times = np.concatenate([np.diff(table["timestamp"].to_numpy()) for table in rows.values()])
    if not len(times):
        raise ValueError(f"Cannot repair: no episode tells the rate of the rows. Folder: {folder}")
    fps = round(1 / float(np.median(times)))
    lacking = set(ADDED_LATER) - columns
    features = features_of(body, fps, _films(folder, body))
    features = with_motion({k: v for k, v in features.items() if k not in lacking}, columns)
    return layout.new_info(body.name, fps, features)


def _films(folder: Path, body: Embodiment) -> FilmFormat:
    """Return how films are made, by what films there are."""
    depth = (name for name in body.camera_names if (folder / "videos" / depth_key(name)).exists())
    stored = {
        layout.IMAGE_PREFIX + name: {"dtype": "video", "info": {"video.codec": codec}}
        for name in body.camera_names
        for codec in _codecs(folder / "videos" / (layout.IMAGE_PREFIX + name))
    }
    return FilmFormat(films_of(stored).codec, tuple(depth))


def _codecs(films: Path) -> Iterator[str]:
    """Yield the codec of the first film in a folder that can be read."""
    for path in sorted(films.rglob("*.mp4")):
        try:
            with VideoReader(path) as film:
                yield "av1" if film.codec == "libdav1d" else film.codec
                return
        except ValueError:  # torn: the next tells as much
            continue


def _tasks(
    folder: Path, entries: dict[int, Row], rows: dict[int, pa.Table], lost: list[str]
) -> list[str]:
    """Return the tasks, read or put together from episodes that have one."""
    try:
        tasks = read_tasks(folder)
    except ValueError as error:
        lost.append(str(error).partition(" Run:")[0])
        tasks = []
    named = dict(enumerate(tasks))
    for index in entries.keys() & rows.keys():
        if len(entries[index]["tasks"]) == 1:
            for number in pc.unique(rows[index]["task_index"]).to_pylist():
                named.setdefault(number, entries[index]["tasks"][0])
    return [
        named.get(number, f"lost task {number}") for number in range(max(named, default=-1) + 1)
    ]
