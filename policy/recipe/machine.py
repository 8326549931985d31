"""The machine that a recipe runs on: how many cores, and whether there is a GPU. Runs nothing."""

import os
from dataclasses import dataclass

import torch

TOGETHER = 4
"""Cores that one command with workers takes at most on a machine with many: one process puts
together what its workers make, and is left behind by more of them (`docs/recipe.md`)."""

SPARE = 2
"""Cores that batches are not made on: for the process that drives the GPU, and for its kernel's
work."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to compute with."""

    cores: int
    gpu: bool = False

    @classmethod
    def here(cls) -> "Machine":
        """This one: the cores that this process may use, and a GPU if torch can use one."""
        return cls(len(os.sched_getaffinity(0)), torch.cuda.is_available())

    @property
    def workers(self) -> int:
        """Processes of a command that simulates: all cores of a small machine."""
        return min(self.cores, TOGETHER)

    @property
    def batch_workers(self) -> int:
        """Processes that make batches: one beside a training on cores, most cores for a GPU."""
        return max(1, self.cores - SPARE) if self.gpu else 1
