"""Where on the table there is room to set something down. Knows no task and no motion."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from hardware.simulation.layout import REGIONS, Layout
from hardware.simulation.things import Thing

ROOM = np.array([0.065, 0.095])
"""Metres from a thing to the next: open fingers need more towards the operator than across."""

WIDEST = 0.155
"""Metres from the middle of the table, across, up to which both arms set things down well."""

SPACINGS = (0.09, 0.08, 0.10, 0.075, 0.11, 0.12)
"""Metres between neighbours in a line."""

BAND = 0.05
"""Metres from a line at which what does not belong to it may stand."""

STEP = 0.02
"""Metres between the spots that are tried."""

Spots = Float64[np.ndarray, "count 2"]
Rows = Float64[np.ndarray, "rows 3 2"]


def free_spot(layout: Layout, near: Float64[np.ndarray, "2"]) -> Float64[np.ndarray, "2"]:
    """Return the spot (2,) nearest to `near` (2,), metres, with room beside all things.

    If there is none, the one with the most room.
    """
    region = REGIONS["blocks"]
    spots = _grid(region.low, region.high, STEP / 2)
    lack = _lack(spots, _spots(layout, layout.things)).max(axis=1)
    way = np.linalg.norm(spots - near, axis=1)
    return np.asarray(spots[np.lexsort((way, lack))[0]])


def line_spots(layout: Layout, order: Sequence[Thing]) -> Spots:
    """Return where to stand three things in a row from left to right, metres, (3, 2).

    One stays where it is if there is room beside it, so that the other two go the shortest way;
    if not, all three go where there is room, or the most room.
    """
    starts = _spots(layout, order)
    rows = np.concatenate([_rows_through(starts), _rows_anywhere()])
    ways = np.linalg.norm(rows - starts, axis=2)
    moved = np.count_nonzero(ways > 1e-6, axis=1)
    lack = _row_lack(layout, order, rows).round(3)
    return np.asarray(rows[np.lexsort((ways.sum(axis=1), moved, lack))[0]])


def _rows_through(starts: Spots) -> Rows:
    """Rows in which one of three things stays where it is."""
    return np.array(
        [
            starts[kept] + np.array([[(number - kept) * gap, 0.0] for number in range(3)])
            for kept in range(3)
            for gap in SPACINGS
        ]
    )


def _rows_anywhere() -> Rows:
    middles = _grid((-0.06, 0.38), (0.06, 0.62), STEP)
    shifts = np.array([[[-gap, 0.0], [0.0, 0.0], [gap, 0.0]] for gap in SPACINGS])
    return np.asarray((middles[:, None, None] + shifts).reshape(-1, 3, 2))


def _row_lack(layout: Layout, order: Sequence[Thing], rows: Rows) -> Float64[np.ndarray, "rows"]:
    """How much room each row lacks; 0 if there is enough."""
    lack = 10 * np.maximum(np.abs(rows[..., 0]) - WIDEST, 0.0).sum(axis=1)
    for number, thing in enumerate(order):
        others = _spots(layout, [other for other in layout.things if other != thing])
        lack += _lack(rows[:, number], others).max(axis=1)
    for x, y in _spots(layout, [thing for thing in layout.things if thing not in order]):
        inside = (rows[:, 0, 0] - 0.03 < x) & (x < rows[:, 2, 0] + 0.03)
        lack += 10 * inside * np.maximum(BAND - np.abs(y - rows[:, 0, 1]), 0.0)
    return np.asarray(lack)


def _lack(
    spots: Spots, taken: Float64[np.ndarray, "taken 2"]
) -> Float64[np.ndarray, "count taken"]:
    """How far into the room that each of `taken` needs each spot lies: 0 free, 1 on it."""
    gaps = (spots[:, None] - taken[None]) / ROOM
    return np.asarray(np.maximum(1.0 - np.linalg.norm(gaps, axis=2), 0.0))


def _grid(low: tuple[float, float], high: tuple[float, float], step: float) -> Spots:
    xs, ys = (np.arange(a, b + 1e-6, step) for a, b in zip(low, high, strict=True))
    return np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1).reshape(-1, 2)


def _spots(layout: Layout, things: Sequence[Thing]) -> Spots:
    return np.array([layout.poses[thing][:2] for thing in things])
