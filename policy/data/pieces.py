"""Pictures put together from pieces of scenes, each around a thing: more to see in every picture.

Ours. A scene shows a few things on a wide table; a vision tower that is to learn what things look
like learns from all cells of a picture at once, so that a picture full of things teaches more.
"""

import numpy as np

from policy.data.demonstrations import Augment
from policy.data.item import Item, Place
from policy.data.scenes import Scenes

WHOLE = 0.4
"""Share of the pictures that are scenes as they are."""

FAR = 2.0
"""Sides of a cell beyond which it does not matter how far away the middle of a thing is."""

SIDE = 2
"""Cells along a side of a piece."""


class ScenePieces:
    """As many pictures of the first camera as there are scenes, and what each cell shows."""

    def __init__(self, scenes: Scenes, augment: Augment) -> None:
        """`augment` must leave things where they are.

        Raises `ValueError` for pictures that pieces do not fill.
        """
        self.name, self._augment = "pieces", augment
        self._scenes, self._shots = scenes, scenes.pictures[scenes.camera]
        self._cells = scenes.cells[scenes.camera].reshape(-1, *scenes.grid)
        self._things = np.argwhere(scenes.seen)
        if any(side % SIDE for side in scenes.grid):
            raise ValueError(
                f"Pictures of {scenes.grid} cells are not made of pieces of {SIDE} x {SIDE}. Let "
                f"sides be multiples of {SIDE} cells."
            )

    def __len__(self) -> int:
        return len(self._scenes)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Scene `index`, or a picture of pieces; nothing is named."""
        picture, cells, middles = self._whole(index)
        if len(self._things) and rng.random() >= WHOLE:
            picture, cells, middles = self._pieces(rng)
        shown, nowhere = cells.reshape(-1), np.zeros(2, np.float32)
        place = Place(shown, -100, nowhere, -100, len(shown), middles.reshape(-1, 2))
        pictures = self._augment({self._scenes.camera: picture}, rng)
        return Item("grounding", "", pictures, place=place)

    def _whole(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Picture, cells (rows, columns) and the middles of what they show (rows, columns, 2)."""
        cells = self._cells[index]
        rows, columns = cells.shape
        own = np.stack(np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5), axis=-1)
        spots = self._scenes.centres[index, np.maximum(cells - 1, 0)] * (columns, rows)
        middles = np.where(cells[..., None] > 0, np.clip(spots - own, -FAR, FAR), 0)
        return self._shots[index], cells, middles.astype(np.float32)

    def _pieces(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, columns = self._scenes.grid
        picture, cells = np.empty_like(self._shots[0]), np.empty((rows, columns), np.int64)
        middles = np.empty((rows, columns, 2), np.float32)
        side = picture.shape[0] // rows
        for top in range(0, rows, SIDE):
            for left in range(0, columns, SIDE):
                scene, thing = self._things[rng.integers(len(self._things))].tolist()
                spot = self._scenes.centres[scene, thing] * (columns, rows) - SIDE / 2
                around = np.round(spot + rng.uniform(-0.5, 0.5, 2)).astype(int)
                x, y = np.clip(around, 0, (columns - SIDE, rows - SIDE)).tolist()
                pieces = zip((picture, cells, middles), self._whole(scene), strict=True)
                for whole, taken in pieces:
                    unit = side if whole is picture else 1
                    to = _square(top, left, unit)
                    whole[to] = taken[_square(y, x, unit)]
        return picture, cells, middles


def _square(top: int, left: int, unit: int) -> tuple[slice, slice]:
    """Of a piece whose corner is that cell, in arrays of `unit` numbers along a cell."""
    down, across = (slice(n * unit, (n + SIDE) * unit) for n in (top, left))
    return down, across
