"""What a dataset says of its episodes and tasks: meta/episodes and meta/tasks.parquet."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recordings import layout
from recordings.data_file import TORN
from recordings.disk import replaced
from recordings.statistics import NAMES, Statistics, together

FIRST = (
    "episode_index",
    "tasks",
    "length",
    "data/chunk_index",
    "data/file_index",
    "dataset_from_index",
    "dataset_to_index",
)
LAST = ("meta/episodes/chunk_index", "meta/episodes/file_index")

Row = dict[str, Any]
"""One episode: its columns by name, statistics left out."""


def episode_files(folder: Path) -> list[Path]:
    """Return the files of meta/episodes, in order."""
    return sorted((folder / "meta/episodes").glob("*/*.parquet"))


def read_episodes(folder: Path, *, statistics: bool = True) -> pa.Table:
    """Return every episode, with its statistics or without; an empty table if there are none.

    Raises `ValueError` naming the file that cannot be read.
    """
    tables = []
    for path in episode_files(folder):
        try:
            with pq.ParquetFile(path) as file:
                wanted = [n for n in file.schema_arrow.names if statistics or _is_plain(n)]
                if len(set(wanted)) < len(wanted):
                    raise ValueError("expected every column once")
                tables.append(file.read(wanted))
                tables[-1].validate(full=True)
        except TORN as error:
            raise ValueError(
                f"Cannot read an episode table: {error}. Run: python -m recordings.repair "
                f"{folder} File: {path}"
            ) from error
    if not tables:
        return pa.table({"episode_index": pa.array([], "i8")})
    try:
        return pa.concat_tables(tables, promote_options="default")
    except TORN as error:
        raise ValueError(
            f"The files of meta/episodes do not fit together: {error}. "
            f"Run: python -m recordings.repair {folder}"
        ) from error


def rows_of(table: pa.Table) -> list[Row]:
    """Return the episodes of `table` without their statistics."""
    rows: list[Row] = table.select(list(filter(_is_plain, table.column_names))).to_pylist()
    return rows


def _is_plain(column: str) -> bool:
    return not column.startswith("stats/")


def statistics_in(table: pa.Table, row: Row) -> dict[str, Statistics]:
    """Return the statistics of every feature in one row of a table's `to_pylist`."""
    return {
        feature: {name: np.asarray(row[f"stats/{feature}/{name}"]) for name in NAMES}
        for feature in statistics_features(table)
    }


def statistics_features(table: pa.Table) -> list[str]:
    """Return the features whose statistics are in `table`."""
    ends = "/count"
    return [
        name.removeprefix("stats/").removesuffix(ends)
        for name in table.column_names
        if name.startswith("stats/") and name.endswith(ends)
    ]


def total_statistics(table: pa.Table) -> dict[str, Statistics]:
    """Return the statistics of all episodes of `table` together; nothing if it has none."""
    if table.num_rows == 0:
        return {}
    found = {}
    for feature in statistics_features(table):
        columns = {name: table.column(f"stats/{feature}/{name}").to_pylist() for name in NAMES}
        parts = [
            {name: np.asarray(columns[name][i]) for name in NAMES} for i in range(table.num_rows)
        ]
        found[feature] = together(parts)
    return found


def as_episode_table(row: Row, statistics: Mapping[str, Statistics]) -> pa.Table:
    """Return one episode as a table of one row, statistics included, in LeRobot's order."""
    middle = [name for name in row if name not in FIRST + LAST]
    full = {name: row[name] for name in (*FIRST, *middle, *LAST)}
    for feature, found in statistics.items():
        for name in NAMES:
            full[f"stats/{feature}/{name}"] = found[name].tolist()
    return pa.Table.from_pylist([full])


def episode_table_of(rows: Sequence[Row], statistics: pa.Table) -> pa.Table:
    """Return `rows` with the columns of `statistics`, a row each, in LeRobot's order."""
    middle = [name for name in rows[0] if name not in FIRST + LAST]
    table = pa.Table.from_pylist(list(rows)).select([*FIRST, *middle, *LAST])
    for name in statistics.column_names:
        table = table.append_column(name, statistics[name])
    return table


def read_tasks(folder: Path) -> list[str]:
    """Return the tasks in the order of their index."""
    path = folder / layout.TASKS
    if not path.exists():
        return []
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        table.validate(full=True)
        return _tasks_in(table)
    except TORN as error:
        raise ValueError(
            f"Cannot read the tasks: {error}. Run: python -m recordings.repair {folder} "
            f"File: {path}"
        ) from error


def _tasks_in(table: pa.Table) -> list[str]:
    words = [name for name in table.column_names if name != "task_index"]
    if len(words) != 1 or "task_index" not in table.column_names:
        raise ValueError(f"expected task_index and one column of words, got {table.column_names}")
    numbers, tasks = table["task_index"].to_pylist(), table[words[0]].to_pylist()
    wrong = [each for each in numbers if not isinstance(each, int)]
    wrong += [each for each in tasks if not isinstance(each, str)]
    if wrong:
        raise ValueError(f"expected a number and words in every row, got {wrong[0]!r:.80}")
    return [task for _, task in sorted(zip(numbers, tasks, strict=True))]


def write_tasks(folder: Path, tasks: Sequence[str]) -> None:
    """Write meta/tasks.parquet of the dataset at `folder`."""
    with replaced(folder / layout.TASKS) as temporary:
        pq.write_table(task_table(tasks), temporary)


def task_table(tasks: Sequence[str]) -> pa.Table:
    """Return meta/tasks.parquet: pandas reads it with the task as its index, named `task`."""
    columns = [("task_index", "int64", "int64"), ("task", "unicode", "object")]
    described = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {
                "name": name,
                "field_name": name,
                "pandas_type": kind,
                "numpy_type": dtype,
                "metadata": None,
            }
            for name, kind, dtype in columns
        ],
        "pandas_version": "2.2.0",
    }
    columns_of = {"task_index": pa.array(range(len(tasks)), pa.int64()), "task": list(tasks)}
    schema = pa.schema([("task_index", pa.int64()), ("task", pa.string())])
    return pa.table(columns_of, schema=schema).replace_schema_metadata(
        {"pandas": json.dumps(described)}
    )
