"""Demonstrations with their pictures moved about: where a hand acts next moves along.

Ours: twenty demonstrations show twenty places. A network that learns where to point learns them by
heart; shifted and scaled, every row is another place, and what is said of it stays true. What the
arms did then does not fit the picture: nothing is learnt of it.
"""

import cv2
import numpy as np
from jaxtyping import Float64

from hardware.interfaces import Image
from policy.data.demonstrations import Demonstrations
from policy.data.item import Item, Place

SHIFT = 0.2
"""Share of the picture's sides by which it is moved at most."""

SCALE = 0.2
"""By how much it is enlarged or made smaller at most; its two sides alike."""

INSIDE = 0.02
"""Share of the picture's sides that the place keeps from its edge."""

TRIES = 20
"""Draws in search of one in which the place stays in the picture."""

Move = Float64[np.ndarray, "2 3"]
"""From places in the old picture to those in the new, x and y in 0..1."""


class MovedPictures:
    """The rows of `demonstrations` that say where a hand acts next, as grounding."""

    def __init__(self, demonstrations: Demonstrations, grid: tuple[int, int]) -> None:
        """`grid` is the first camera's tokens, rows and columns.

        Raises `ValueError` if no row says where a hand acts next.
        """
        self.name = f"{demonstrations.name}, moved"
        self._demonstrations, self._grid = demonstrations, grid
        self._rows = demonstrations.placed
        if not len(self._rows):
            raise ValueError(
                f"{demonstrations.name} shows no hand that acts where the first camera sees it: "
                "there is nothing to ground on."
            )

    def __len__(self) -> int:
        return len(self._rows)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Row `index` of those, all its pictures moved alike. No arm is asked for."""
        item = self._demonstrations.item(int(self._rows[index]), rng)
        if item.place is None:
            raise ValueError(f"Row {index} of {self.name} says no place.")
        move, centre = _draw(np.asarray(item.place.centre, np.float64), rng)
        pictures = {name: _moved(picture, move) for name, picture in item.pictures.items()}
        return Item("grounding", item.prompt, pictures, place=self._place(centre))

    def _place(self, centre: Float64[np.ndarray, "2"]) -> Place:
        rows, columns = self._grid
        across, down = int(centre[0] * columns), int(centre[1] * rows)
        nothing = np.zeros(0, np.int64)
        return Place(
            nothing, down * columns + across, centre.astype(np.float32), -100, rows * columns
        )


def _draw(
    centre: Float64[np.ndarray, "2"], rng: np.random.Generator
) -> tuple[Move, Float64[np.ndarray, "2"]]:
    """A move that keeps `centre` (2,) in the picture, and where that comes to lie."""
    for _ in range(TRIES):
        scale = rng.uniform(1 - SCALE, 1 + SCALE)
        shift = 0.5 * (1 - scale) + rng.uniform(-SHIFT, SHIFT, 2)
        moved = scale * centre + shift
        if ((moved > INSIDE) & (moved < 1 - INSIDE)).all():
            return np.column_stack([scale * np.eye(2), shift]), moved
    kept = np.clip(centre, INSIDE, 1 - INSIDE)
    return np.column_stack([np.eye(2), kept - centre]), kept


def _moved(picture: Image, move: Move) -> Image:
    """What is not seen is filled with the edge of the old picture."""
    height, width = picture.shape[:2]
    size = np.array([width, height])
    # Pixel n spans n to n + 1 of the picture, its middle lies at n + 0.5.
    shift = move[:, 2] * size + 0.5 * (np.diag(move[:, :2]) - 1)
    matrix = np.column_stack([move[:, :2], shift])
    moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
