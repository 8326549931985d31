"""The episodes that info.json counts, held against what may be in their table. Reads no row."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recordings.episode_table import read_episodes
from recordings.features import film_keys

COUNTS = (
    *("episode_index", "length", "dataset_from_index", "dataset_to_index"),
    *("data/chunk_index", "data/file_index"),
)
LARGEST = 2**53
"""More than any count here can be, and still a whole number as JSON and pandas know it."""
LONGEST = 2**31 - 1
"""Rows of an episode: over a year of them, and what every database takes for a whole number."""


def saved_episodes(folder: Path, info: dict[str, Any], *, statistics: bool = False) -> pa.Table:
    """Return the table of the episodes of the dataset at `folder`.

    Row i is episode i. Raises `ValueError` when it has fewer than info.json counts, or others, or
    something in it is of another kind than what the readers of the format make file names, spans
    and times of.
    """
    table = read_episodes(folder, statistics=statistics)
    total: int = info["total_episodes"]
    if table.num_rows < total:
        raise ValueError(
            f"Expected {total} episodes in meta/episodes, got {table.num_rows}. "
            f"Run: python -m recordings.repair {folder}"
        )
    table = table.slice(0, total)
    if total:
        wrong = list(_problems(table, info))
        if wrong:
            raise ValueError(
                f"meta/episodes cannot be read: {'; '.join(wrong[:3])}. "
                f"Run: python -m recordings.repair {folder}"
            )
    return table


def _problems(table: pa.Table, info: dict[str, Any]) -> Iterator[str]:
    counts, times = [*COUNTS], []
    for key in film_keys(info["features"]):
        counts += [f"videos/{key}/{kind}_index" for kind in ("chunk", "file")]
        times.append(f"videos/{key}/from_timestamp")
    lacking = [name for name in (*counts, *times, "tasks") if name not in table.column_names]
    if lacking:
        yield f"it lacks the columns {lacking}"
        return
    for name in counts:
        most = LONGEST if name == "length" else LARGEST
        yield from _number_problems(name, table[name], pa.types.is_integer, most)
    yield from _order_problems(table["episode_index"])
    for name in times:
        yield from _number_problems(name, table[name], _is_number, LARGEST / info["fps"])
    if not _are_words(table["tasks"]):
        yield f"expected lists of words as tasks, got {table['tasks'].type}"


def _number_problems(
    name: str, column: pa.ChunkedArray, right: Callable[[pa.DataType], bool], most: int | float
) -> Iterator[str]:
    if not right(column.type):
        yield f"expected numbers in {name}, got {column.type}"
    elif column.null_count:
        yield f"expected a number in every row of {name}, got {column.null_count} without"
    else:
        bounds = pc.min_max(column).as_py()
        if not 0 <= bounds["min"] <= bounds["max"] <= most or pc.any(pc.is_nan(column)).as_py():
            yield f"expected 0 to {most:g} in {name}, got {bounds['min']} to {bounds['max']}"


def _order_problems(indices: pa.ChunkedArray) -> Iterator[str]:
    """Readers take row i for episode i; of any other they would show the pictures."""
    if pa.types.is_integer(indices.type) and not indices.null_count:
        wrong = np.flatnonzero(indices.to_numpy() != np.arange(len(indices)))
        if len(wrong):
            row = int(wrong[0])
            yield f"expected episode {row} in row {row}, got episode {indices[row].as_py()}"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _are_words(column: pa.ChunkedArray) -> bool:
    kind = column.type
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not listed or column.null_count:
        return False
    text = pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    return bool(text) and not sum(chunk.flatten().null_count for chunk in column.chunks)
