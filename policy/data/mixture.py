"""Many sources in fixed shares: each batch is a function of its step, and of nothing else.

So a run that is resumed, or cut over more workers or GPUs, learns from the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy.data.batch import Batch, Draws, collate, draw
from policy.data.item import Source
from policy.model.processor import Processor


@dataclass(frozen=True, slots=True)
class Part:
    """One source and its share of every batch."""

    source: Source
    weight: int | float = 1.0


def shares(weights: Sequence[int | float], size: int) -> list[int]:
    """Rows of each part in a batch of `size`, in proportion to `weights`, by largest remainder.

    The paper mixes by fixed ratios inside every batch. Raises `ValueError` when a part would get
    no row.
    """
    exact = np.array(weights, float) / sum(weights) * size
    rows = np.floor(exact).astype(int)
    for number in np.argsort(rows - exact, kind="stable")[: size - rows.sum()]:
        rows[number] += 1
    if (rows < 1).any():
        raise ValueError(
            f"A batch of {size} rows in shares {list(weights)} leaves part {int(rows.argmin())} "
            "without a row. Raise batch_size or that part's weight."
        )
    return [int(count) for count in rows]


class Mixture:
    """Draws the batch of any step.

    Each source is gone through in random order, epoch after epoch. Shard `n` of `num_shards`
    (a GPU, or one of several accumulated passes) gets every `num_shards`-th row of the batch.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        processor: Processor,
        *,
        batch_size: int,
        seed: int,
        draws: Draws,
        see: bool = True,
    ) -> None:
        """Without `see`, batches hold no pictures and words, only keys to look contexts up by."""
        empty = [part.source.name for part in parts if not len(part.source)]
        if not parts or empty:
            raise ValueError(f"There is nothing to learn from in {empty or 'an empty mixture'}.")
        self.sources = tuple(part.source for part in parts)
        self.processor, self.draws = processor, draws
        self.rows = shares([part.weight for part in parts], batch_size)
        self._seed, self._see = seed, see
        self._order: dict[tuple[int, int], np.ndarray] = {}
        self._kinds: dict[str, int] = {}

    def batch(self, step: int, shard: int = 0, num_shards: int = 1) -> Batch:
        """The rows of `step` that belong to `shard`."""
        drawn, keys, kinds = [], [], []
        first = 0
        for number, count in enumerate(self.rows):
            ours = range((shard - first) % num_shards, count, num_shards)
            first += count
            for position in (step * count + n for n in ours):
                index = self._index(number, position)
                rng = np.random.default_rng([self._seed, number, position])
                item = self.sources[number].item(index, rng)
                drawn.append(draw(item, self.draws, self.processor.config, rng))
                keys.append((number, index))
                kinds.append(item.kind)
        totals = self._totals()
        weight = [num_shards / totals[kind] for kind in kinds]
        if not drawn:
            raise ValueError(
                f"Shard {shard} of {num_shards} is left without rows by batches of "
                f"{sum(self.rows)}. Raise batch_size or lower accumulation."
            )
        return collate(drawn, np.array(keys), np.array(weight), self.processor, see=self._see)

    def _totals(self) -> dict[str, int]:
        """Rows of each kind in a whole step."""
        if not self._kinds:
            for number, source in enumerate(self.sources):
                kind = source.item(0, np.random.default_rng(0)).kind
                self._kinds[kind] = self._kinds.get(kind, 0) + self.rows[number]
        return self._kinds

    def _index(self, number: int, position: int) -> int:
        """Item that source `number` gives at `position` of its endless row of epochs."""
        length = len(self.sources[number])
        epoch, place = divmod(position, length)
        key = (number, epoch)
        if key not in self._order:
            stale = [k for k in self._order if k[0] == number and k[1] < epoch - 1]
            for old in stale:
                del self._order[old]
            rng = np.random.default_rng([self._seed, number, epoch, length])
            self._order[key] = rng.permutation(length)
        return int(self._order[key][place])
