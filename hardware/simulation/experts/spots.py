"""Where on the table there is room to set something down. Knows no task and no motion."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from hardware.simulation.layout import REGIONS, Layout
from hardware.simulation.things import Thing

ROOM_X, ROOM_Y = 0.065, 0.095
"""Metres from a thing to the next: open fingers need more towards the operator than across."""

WIDEST = 0.155
"""Metres from the middle of the table, across, up to which both arms set things down well."""

SPACINGS = (0.09, 0.08, 0.10, 0.075, 0.11, 0.12)
"""Metres between neighbours in a line, the best first."""

BAND = 0.05
"""Metres from a line at which what does not belong to it may stand."""

Spot = tuple[float, float]


def free_spot(layout: Layout, near: Spot) -> Spot:
    """Return the spot nearest to `near`, metres, at which there is room beside all things.

    If there is none, the one with the most room.
    """
    region = REGIONS["blocks"]
    taken = [_spot(layout, thing) for thing in layout.things]
    return min(
        (
            (float(x), float(y))
            for x in np.arange(region.low[0], region.high[0] + 1e-6, 0.01)
            for y in np.arange(region.low[1], region.high[1] + 1e-6, 0.01)
        ),
        key=lambda spot: (_lack((spot,), taken), math.hypot(spot[0] - near[0], spot[1] - near[1])),
    )


def line_spots(layout: Layout, order: Sequence[Thing]) -> tuple[Spot, ...]:
    """Return where to stand three things in a row from left to right, metres.

    One stays where it is if there is room beside it, so that the other two go the shortest way;
    if not, all three go where there is room, or the most room.
    """

    def cost(row: tuple[Spot, ...]) -> tuple[float, int, float]:
        return round(_row_lack(layout, order, row), 3), *_way(layout, order, row)

    best = min(_rows_through(layout, order), key=cost)
    return best if cost(best)[0] == 0 else min((best, *_rows_anywhere()), key=cost)


def _rows_through(layout: Layout, order: Sequence[Thing]) -> Iterable[tuple[Spot, ...]]:
    """Rows in which one thing stays where it is."""
    for kept in (1, 0, 2):
        x, y = _spot(layout, order[kept])
        for spacing in SPACINGS:
            yield _row(x - kept * spacing, y, spacing)


def _rows_anywhere() -> Iterable[tuple[Spot, ...]]:
    for spacing in SPACINGS:
        for middle in np.arange(-0.06, 0.061, 0.02):
            for y in np.arange(0.38, 0.621, 0.02):
                yield _row(float(middle) - spacing, float(y), spacing)


def _row(x: float, y: float, spacing: float) -> tuple[Spot, ...]:
    return tuple((x + number * spacing, y) for number in range(3))


def _way(layout: Layout, order: Sequence[Thing], row: tuple[Spot, ...]) -> tuple[int, float]:
    """How many things must be moved, and how far in all."""
    ways = [
        math.hypot(x - _spot(layout, thing)[0], y - _spot(layout, thing)[1])
        for thing, (x, y) in zip(order, row, strict=True)
    ]
    return sum(way > 1e-6 for way in ways), sum(ways)


def _row_lack(layout: Layout, order: Sequence[Thing], row: tuple[Spot, ...]) -> float:
    """How much room the row lacks; 0 if there is enough."""
    lack = 10 * sum(max(abs(x) - WIDEST, 0.0) for x, _ in row)
    for thing, spot in zip(order, row, strict=True):
        others = [_spot(layout, other) for other in layout.things if other != thing]
        lack += _lack((spot,), others)
    for thing in layout.things:
        x, y = _spot(layout, thing)
        inside = thing not in order and row[0][0] - 0.03 < x < row[-1][0] + 0.03
        lack += 10 * max(BAND - abs(y - row[0][1]), 0.0) if inside else 0.0
    return lack


def _lack(spots: Sequence[Spot], taken: Sequence[Spot]) -> float:
    """How far into the room that `taken` need the worst of `spots` lies: 0 free, 1 on one."""
    return max(
        max(1.0 - math.hypot((x - other[0]) / ROOM_X, (y - other[1]) / ROOM_Y), 0.0)
        for x, y in spots
        for other in taken
    )


def _spot(layout: Layout, thing: Thing) -> Spot:
    x, y = layout.poses[thing][:2]
    return float(x), float(y)
