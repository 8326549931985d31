"""The rows of one piece, as they stand in an edited dataset. Knows no files."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from recordings.features import CAPTURE_PREFIX, LATE, SENT, TIME
from recordings.piece import Piece


def rows_of_piece(piece: Piece, index: int, begins: int, tasks: Sequence[str]) -> pa.Table:
    """Return the rows of `piece` as those of episode `index`, which begins at row `begins`.

    Every column is as it was recorded but those that count: `episode_index`, `index`,
    `task_index` (in `tasks`), and of a piece that was cut `frame_index`, `timestamp`, and times
    since the first row.
    """
    rows = piece.source.table(piece.episode).slice(piece.start, len(piece)).combine_chunks()
    number = np.arange(len(piece))
    rows = _with(rows, "episode_index", np.full(len(piece), index))
    rows = _with(rows, "index", begins + number)
    rows = _with(rows, "task_index", _task_indices(piece, rows, tasks))
    if piece.whole:
        return rows
    rows = _with(rows, "frame_index", number)
    rows = _with(rows, "timestamp", number / piece.source.fps)
    return _counted_from_first_row(rows) if piece.start else rows


def _counted_from_first_row(rows: pa.Table) -> pa.Table:
    if not {TIME, LATE, SENT} <= set(rows.column_names):
        return rows  # not ours: what another tool calls time may be anything
    origin = float(rows[TIME][0].as_py())
    for name in rows.column_names:
        if name == TIME or name.startswith(CAPTURE_PREFIX):
            rows = _with(rows, name, rows[name].to_numpy().astype(np.float64) - origin)
    return rows


def _task_indices(piece: Piece, rows: pa.Table, tasks: Sequence[str]) -> np.ndarray:
    if piece.task:
        return np.full(len(piece), tasks.index(piece.task))
    old = rows["task_index"].to_numpy()
    words = piece.source.tasks
    unknown = sorted(set(old.tolist()) - set(range(len(words))))
    if unknown:
        raise ValueError(
            f"Rows of episode {piece.episode} name tasks {unknown}, of which there are "
            f"{len(words)}. Run: python -m recordings.repair {piece.source.folder}"
        )
    new = {number: tasks.index(words[number]) for number in set(old.tolist())}
    return np.array([new[number] for number in old.tolist()])


def _with(rows: pa.Table, name: str, values: np.ndarray) -> pa.Table:
    position = rows.schema.get_field_index(name)
    field = rows.schema.field(position)
    numbers = pa.array(values).cast(field.type, safe=False)
    return rows.set_column(position, field, numbers)
