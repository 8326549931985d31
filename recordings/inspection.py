"""Holds a dataset against every promise of its format, by decoding all of it. Changes nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hardware.embodiment import Embodiment
from recordings import layout
from recordings.dataset import Dataset
from recordings.episode_lines import read_episode_lines
from recordings.episode_table import Row, read_tasks, rows_of
from recordings.features import (
    ADDED_LATER,
    INDEX_COLUMNS,
    Features,
    features_of,
    films_of,
    stored_in_table,
    with_motion,
)
from recordings.journal import is_being_saved
from recordings.saved_episodes import saved_episodes
from recordings.source import Source
from recordings.stored_statistics import statistics_problems
from recordings.video_reader import VideoReader

INFO_KEYS = tuple(layout.new_info("", 1, {}))
TOLERANCE_SECS = 1e-4
"""LeRobot's, for the time of a frame."""

Problems = list[str]
Columns = dict[str, np.ndarray]


def problems_of(folder: Path, step: Callable[[int], object] = lambda _done: None) -> Problems:
    """Return what is wrong with the dataset, one sentence each; nothing if all is well.

    `step` is told of every episode that was looked at.
    """
    found, readable = _look(folder)
    if not readable:
        return found
    with Dataset(folder) as dataset:
        seen = []
        for episode in range(len(dataset)):
            try:
                rows = dataset.rows(episode)
                seen.append(rows)
                wrong = episode_problems(dataset, episode, rows)
            except ValueError as error:
                wrong = [str(error)]
            found += [f"Episode {episode}: {text}" for text in wrong]
            step(1)
        if len(seen) == len(dataset) and not is_being_saved(folder, len(dataset)):
            found += statistics_problems(dataset, seen)
    return found


def written_problems(folder: Path) -> Problems:
    """Return what is wrong with what is written of the episodes; looks into no row and no film."""
    found, readable = _look(folder)
    return [*found, *_absent_films(folder)] if readable else found


def _look(folder: Path) -> tuple[Problems, bool]:
    """Return the problems, and whether there is any point in looking further."""
    found: Problems = []
    for look in (_info_problems, _body_problems, _table_problems):
        try:
            found += look(folder)
        except ValueError as error:
            return [*found, str(error)], False
    return found, True


def episode_problems(dataset: Dataset, episode: int, rows: Columns) -> Problems:
    """Return what is wrong with the rows and films of one episode."""
    found = list(_value_problems(dataset.info["features"], rows))
    if not found:
        found = list(_counting_problems(dataset, episode, rows))
    for camera in dataset.cameras:
        span = dataset.first_frame(episode, camera), len(rows["index"])
        path = dataset.film_path(episode, camera)
        found += film_problems(dataset.info, layout.IMAGE_PREFIX + camera, path, span)
    return found


def film_problems(info: dict[str, Any], key: str, path: Path, span: tuple[int, int]) -> Problems:
    """Return what is wrong with `span`, first frame and number of frames, of a film."""
    name = f"{key}/{path.parent.name}/{path.name}"
    height, width, _ = info["features"][key]["shape"]
    try:
        with VideoReader(path) as film:
            if film.size != (height, width):
                return [f"expected {name} of {height}x{width}, got {film.size}"]
            if abs(1 / film.fps - 1 / info["fps"]) > TOLERANCE_SECS / 10:
                return [f"expected {name} at {info['fps']} fps, got {film.fps:g}"]
            film.require_frames(*span)
    except ValueError as error:
        return [str(error)]
    return []


def _info_problems(folder: Path) -> Problems:
    info = layout.read_info(folder)
    lacking = [key for key in INFO_KEYS if key not in info]
    if lacking:
        raise ValueError(f"{layout.INFO} lacks {lacking}.")
    found = []
    absent = [name for name in INDEX_COLUMNS if name not in info["features"]]
    if absent:
        found.append(f"{layout.INFO} lacks the features {absent}")
    episodes = info["total_episodes"]
    if info["splits"] != {"train": f"0:{episodes}"}:
        found.append(f"{layout.INFO}: expected splits of 0:{episodes}, got {info['splits']}")
    tasks = read_tasks(folder)
    exact = not is_being_saved(folder, episodes)
    if (len(tasks) != info["total_tasks"] and episodes and exact) or len(tasks) < info[
        "total_tasks"
    ]:
        found.append(f"{layout.INFO} says {info['total_tasks']} tasks, {len(tasks)} are written")
    return found


def _body_problems(folder: Path) -> Problems:
    if not (folder / layout.EMBODIMENT).exists():
        return []
    info = layout.read_info(folder)
    body, films = Embodiment.load(folder / layout.EMBODIMENT), films_of(info["features"])
    expected = with_motion(features_of(body, info["fps"], films), info["features"])
    older = {name: expected[name] for name in ADDED_LATER}
    return [
        f"{layout.INFO} and {layout.EMBODIMENT} disagree about {name}"
        for name in expected
        if info["features"].get(name, older.get(name)) != expected[name]
    ]


def _table_problems(folder: Path) -> Problems:
    info, tasks = layout.read_info(folder), read_tasks(folder)
    rows = rows_of(saved_episodes(folder, info))
    found, begins = [], 0
    for position, row in enumerate(rows):
        found += [f"Episode {position}: {text}" for text in _place_problems(row, position, begins)]
        found += [
            f"Episode {position}: its task {task!r} is not in {layout.TASKS}"
            for task in row["tasks"]
            if task not in tasks
        ]
        begins = row["dataset_to_index"]
    if begins != info["total_frames"]:
        found.append(f"{layout.INFO} says {info['total_frames']} frames, episodes hold {begins}")
    if (folder / layout.EMBODIMENT).exists():
        judged = read_episode_lines(folder / layout.QUALITY)
        found += [f"Episode {i}: has no quality card" for i in range(len(rows)) if i not in judged]
    return found


def _absent_films(folder: Path) -> Iterator[str]:
    source = Source(folder)
    for episode in range(len(source.entries)):
        for key in source.film_keys:
            path = source.film(key, episode)
            if not path.exists():
                yield f"Episode {episode}: its film is lacking: {path.relative_to(folder)}"


def _place_problems(row: Row, position: int, begins: int) -> Iterator[str]:
    if row["episode_index"] != position:
        yield f"row {position} of meta/episodes is episode {row['episode_index']}"
    if row["dataset_from_index"] != begins:
        yield f"begins at row {row['dataset_from_index']} instead of {begins}"
    if row["dataset_to_index"] - row["dataset_from_index"] != row["length"]:
        yield f"says {row['length']} rows but spans others"


def _value_problems(features: Features, rows: Columns) -> Iterator[str]:
    wanted = stored_in_table(features)
    if set(rows) != set(wanted):
        yield f"expected the columns {sorted(wanted)}, got {sorted(rows)}"
        return
    for name, values in rows.items():
        shape = tuple(wanted[name]["shape"])
        if values.shape[1:] != (() if shape == (1,) else shape):
            yield f"expected {name} of {shape}, got {values.shape[1:]}"
        elif values.dtype.kind == "f" and not np.isfinite(values).all():
            yield f"{name} holds numbers that are not finite"


def _counting_problems(dataset: Dataset, episode: int, rows: Columns) -> Iterator[str]:
    number = np.arange(len(rows["index"]))
    if not np.array_equal(rows["frame_index"], number):
        yield "frame_index does not count from 0"
    if abs(rows["timestamp"] - number / dataset.fps).max() > TOLERANCE_SECS:
        yield f"timestamp is not frame_index / {dataset.fps}"
    if not np.array_equal(rows["index"], dataset.first_row(episode) + number):
        yield "index does not count on from the episode before"
    tasks = {dataset.tasks[i] if i < len(dataset.tasks) else None for i in set(rows["task_index"])}
    if not tasks <= set(dataset.episode_tasks(episode)):
        yield f"its rows name the tasks {tasks}, meta/episodes {dataset.episode_tasks(episode)}"
