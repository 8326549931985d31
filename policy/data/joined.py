"""Several sources gone through as one: every item of each once in an epoch."""

from collections.abc import Sequence

import numpy as np

from policy.data.item import Item, Source


class Joined:
    """The items of `sources`, one source after the other."""

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name = name
        self._sources = tuple(sources)

    def __len__(self) -> int:
        return sum(len(source) for source in self._sources)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Item `index`, counted through all of them. Raises `IndexError` beyond the last."""
        for source in self._sources:
            if index < len(source):
                return source.item(index, rng)
            index -= len(source)
        raise IndexError(f"{self.name} has {len(self)} items.")
