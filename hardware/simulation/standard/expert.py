"""Which expert does which of the standard tasks."""

import numpy as np

from hardware.interfaces import Agent
from hardware.simulation.standard.insertion import InsertionExpert
from hardware.simulation.standard.task import TRANSFER
from hardware.simulation.standard.transfer import TransferExpert
from hardware.simulation.standard.world import StandardWorld


def standard_expert(world: StandardWorld, rng: np.random.Generator | None = None) -> Agent:
    """Return the agent that does the task of `world`, in a manner drawn by `rng` if given."""
    return TransferExpert(world, rng) if world.task is TRANSFER else InsertionExpert(world, rng)
