"""The statistics of every piece: kept where nothing changed, counted anew where something did."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from recordings.features import (
    ADDED_LATER,
    as_arrays,
    counted_features,
    film_keys,
    stored_in_table,
)
from recordings.older import filled_statistics
from recordings.piece import Piece
from recordings.statistics import NAMES, PictureStatistics, Statistics, statistics_of
from recordings.video import SAMPLES_PER_SEC
from recordings.video_reader import VideoReader

COUNTING = ("episode_index", "index", "task_index")
"""Columns whose values depend on where an episode stands in its dataset."""


@dataclass(frozen=True, slots=True)
class PlacedPiece:
    """A piece, and where it stands in the edited dataset."""

    piece: Piece
    index: int
    begins: int
    """Its first row, counted over all episodes."""
    task_indices: tuple[int, ...]
    """Those of its rows, each once."""
    untouched: bool
    """Whether its rows are those of its source to the last bit."""


def needs_count(piece: Piece) -> bool:
    """Whether the statistics stored with its source do not describe `piece`."""
    return not (piece.whole and piece.source.has_statistics)


def statistics_of_pieces(placed: list[PlacedPiece], rows: Mapping[int, pa.Table]) -> pa.Table:
    """Return columns stats/FEATURE/KIND, a row per piece.

    `rows` holds, by index, the new rows of the pieces that need a count or have several tasks.
    """
    features = counted_features(placed[0].piece.source.info["features"])
    names = [f"stats/{feature}/{kind}" for feature in features for kind in NAMES]
    tables, offsets, held = [], dict[int, int](), 0
    sources = {id(p.piece.source): p.piece.source for p in placed if not needs_count(p.piece)}
    for key, source in sources.items():
        tables.append(filled_statistics(source, features).select(names))
        offsets[key] = held
        held += source.episode_table.num_rows
    order = []
    for each in placed:
        if needs_count(each.piece):
            order.append(held)
            tables.append(_counted(each.piece, rows.get(each.index), features))
            held += 1
        else:
            order.append(offsets[id(each.piece.source)] + each.piece.episode)
    pool = pa.concat_tables(tables, promote_options="permissive")
    return _recounted_places(pool.take(order), placed, rows)


def _counted(piece: Piece, rows: pa.Table | None, features: list[str]) -> pa.Table:
    described = piece.source.info["features"]
    arrays = as_arrays(piece.source.table(piece.episode) if rows is None else rows)
    found: dict[str, Statistics] = {}
    for name in features:
        if name in film_keys(described):
            found[name] = _film_statistics(piece, name)
        elif name in stored_in_table(described) or name in ADDED_LATER:
            found[name] = statistics_of(arrays[name])
        else:
            raise ValueError(
                f"Episode {piece.episode} keeps the pictures {name} in its tables, not in films: "
                f"such an episode cannot be cut. Folder: {piece.source.folder}"
            )
    row = {
        f"stats/{name}/{kind}": found[name][kind].tolist() for name in features for kind in NAMES
    }
    return pa.Table.from_pylist([row])


def _film_statistics(piece: Piece, key: str) -> Statistics:
    """Count pictures as often as the recorder does."""
    source, counted = piece.source, PictureStatistics()
    first = source.first_frame(key, piece.episode) + piece.start
    with VideoReader(source.film(key, piece.episode)) as film:
        for number in range(first, first + len(piece), max(1, source.fps // SAMPLES_PER_SEC)):
            counted.add(film.read(number))
    return counted.result()


def _recounted_places(
    table: pa.Table, placed: list[PlacedPiece], rows: Mapping[int, pa.Table]
) -> pa.Table:
    """Count anew, of pieces that moved, what depends on where they stand."""
    moved = {
        each.index: _place_statistics(each, rows.get(each.index))
        for each in placed
        if not each.untouched
    }
    for feature in COUNTING:
        for kind in NAMES:
            name = f"stats/{feature}/{kind}"
            values = table[name].to_pylist()
            for index, statistics in moved.items():
                values[index] = statistics[feature][kind].tolist()
            position = table.schema.get_field_index(name)
            field = table.schema.field(position)
            table = table.set_column(position, field, pa.array(values, field.type))
    return table


def _place_statistics(each: PlacedPiece, rows: pa.Table | None) -> dict[str, Statistics]:
    length = len(each.piece)
    if len(each.task_indices) == 1:
        tasks = np.full(length, each.task_indices[0])
    elif rows is not None:
        tasks = rows["task_index"].to_numpy()
    else:
        raise KeyError(f"The rows of episode {each.index}, which has several tasks, are not here.")
    return {
        "episode_index": statistics_of(np.full(length, each.index)),
        "index": statistics_of(each.begins + np.arange(length)),
        "task_index": statistics_of(tasks),
    }
