"""The agent that knows how to do a task."""

import numpy as np

from hardware.interfaces import Agent
from hardware.simulation.experts import plans
from hardware.simulation.experts.handing_over import HandOverExpert
from hardware.simulation.experts.moving import MovesExpert, Plan
from hardware.simulation.experts.picking import PickExpert
from hardware.simulation.experts.pushing import PushExpert, away_from_arm, towards_or_away
from hardware.simulation.experts.variation import STEADY, draw_variation
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.placing import Insert, Put, Sort, Store
from hardware.simulation.tasks.sliding import Slide
from hardware.simulation.tasks.task import Task
from hardware.simulation.world import World


def expert_for(task: Task, world: World, rng: np.random.Generator | None = None) -> Agent:
    """Return the agent that knows how to do `task` in `world`.

    With `rng`, its path and speed vary as people's do. Raises `ValueError` for a task that it
    does not know.
    """
    variation = STEADY if rng is None else draw_variation(rng)
    match task:
        case Pick():
            return PickExpert(world, task, variation)
        case HandOver():
            return HandOverExpert(world, task, variation)
        case Push():
            return PushExpert(world, away_from_arm(task), variation)
        case Slide():
            return PushExpert(world, towards_or_away(task, world.layout), variation)
    return MovesExpert(world, plan_for(task, world.layout), variation)


def plan_for(task: Task, layout: Layout) -> Plan:
    """Return what has to be moved where. Raises `ValueError` for a task that moves nothing."""
    match task:
        case Put():
            return plans.put(task, layout)
        case Insert():
            return plans.insert(task, layout)
        case Stack():
            return plans.stack(task, layout)
        case Store():
            return plans.store(task, layout)
        case Swap():
            return plans.swap(task, layout)
        case LineUp():
            return plans.line_up(task, layout)
        case Sort():
            return plans.sort(task, layout)
    raise ValueError(f"No expert knows how to {task.family!r}.")
