"""The agent that knows how to do a task."""

import numpy as np

from hardware.interfaces import Agent
from hardware.simulation.experts.handing_over import HandOverExpert
from hardware.simulation.experts.picking import PickExpert
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.task import Task
from hardware.simulation.world import World


def expert_for(task: Task, world: World, rng: np.random.Generator | None = None) -> Agent:
    """Return the agent that knows how to do `task` in `world`.

    With `rng`, its path and speed vary as people's do. Raises `ValueError` for a task that it
    does not know.
    """
    match task:
        case Pick():
            return PickExpert(world, task)
        case HandOver():
            return HandOverExpert(world, task)
    raise ValueError(f"No expert knows how to {task.family!r}.")
