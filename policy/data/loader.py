"""Batches made ahead of time by worker processes, so that the network never waits for them."""

import time
from collections.abc import Iterator

from torch import multiprocessing
from torch.utils.data import DataLoader, Dataset

from policy.data.batch import Batch
from policy.data.mixture import Mixture


class _Passes(Dataset[Batch]):
    """Every pass of this process: `accumulation` shards of each step, one after the other."""

    def __init__(self, mixture: Mixture, rank: int, world: int, accumulation: int) -> None:
        self._mixture, self._rank, self._world = mixture, rank, world
        self._accumulation = accumulation

    def __getitem__(self, number: int) -> Batch:
        step, part = divmod(number, self._accumulation)
        shards = self._world * self._accumulation
        return self._mixture.batch(step, part * self._world + self._rank, shards)


class Loader:
    """Gives the passes of each step from `start` on, and says how long it kept one waiting."""

    def __init__(
        self,
        mixture: Mixture,
        *,
        rank: int = 0,
        world: int = 1,
        accumulation: int = 1,
        workers: int = 1,
    ) -> None:
        self._passes = _Passes(mixture, rank, world, accumulation)
        self._accumulation, self._workers = accumulation, workers
        self.waited = 0.0
        """Seconds spent waiting for batches so far."""

    def steps(self, start: int, stop: int) -> Iterator[list[Batch]]:
        """The passes of every step in [start, stop)."""
        loader = DataLoader(
            self._passes,
            batch_size=None,
            sampler=range(start * self._accumulation, stop * self._accumulation),
            num_workers=self._workers,
            prefetch_factor=4 if self._workers else None,
            multiprocessing_context="fork" if self._workers else None,
            pin_memory=False,
        )
        batches = iter(loader)
        for _ in range(start, stop):
            began = time.perf_counter()
            step = [next(batches) for _ in range(self._accumulation)]
            self.waited += time.perf_counter() - began
            yield step


def set_sharing() -> None:
    """Let workers hand tensors over as files: file descriptors run out with many pictures."""
    multiprocessing.set_sharing_strategy("file_system")  # type: ignore[no-untyped-call]
