"""One demonstration of a standard task by its expert: a function of its arguments, and no more."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from hardware.aloha import CONTROL_HZ
from hardware.control_loop import Tick
from hardware.interfaces import Agent
from hardware.simulation.standard.attempt import Eyes, drive
from hardware.simulation.standard.disturbance import Disturbance
from hardware.simulation.standard.drawing import CheapDrawing
from hardware.simulation.standard.expert import standard_expert
from hardware.simulation.standard.success import Judge
from hardware.simulation.standard.task import StandardTask, standard_task
from hardware.simulation.standard.world import StandardWorld

HOLD_TICKS = 25
"""How long a demonstration goes on once it is done."""


@dataclass(frozen=True, slots=True)
class Shot:
    """What a demonstration is seen with."""

    cameras: tuple[str, ...]
    height: int
    width: int
    fps: int
    """Pictures a second, a whole fraction of the 50 Hz at which the arms are driven."""

    def __post_init__(self) -> None:
        if self.fps < 1 or CONTROL_HZ % self.fps:
            raise ValueError(
                f"Expected a whole fraction of {CONTROL_HZ:g} pictures a second, got {self.fps}."
            )


def standard_demonstration(
    name: str,
    seed: int,
    shot: Shot,
    *,
    disturbed: bool = False,
    first: tuple[Agent, int | float] | None = None,
    start: Callable[[Tick], None] | None = None,
) -> tuple[Tick, ...] | None:
    """Return every control tick of the expert's attempt at start `seed`, None if it failed.

    It ends `HOLD_TICKS` after the strict state is there. With `disturbed`, the arms start off their
    pose and things may slip out of the fingers (`Disturbance`). With `first`, that agent has driven
    for so many seconds, which are left out but for the first tick, which `start` is told; None as
    well if it has the task done by then. Pictures are new every 50 / fps ticks, repeated between.
    """
    world, drawing = _stage(standard_task(name))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    world.reset(seed)
    disturbance = Disturbance(world, rng) if disturbed else None
    every = round(CONTROL_HZ / shot.fps)
    eyes = Eyes(drawing, shot.cameras, every=every, height=shot.height, width=shot.width)
    if first is not None:
        agent, secs = first
        before = Judge()
        for number, tick in enumerate(
            drive(world, agent, eyes, steps=round(secs * shot.fps) * every)
        ):
            if number == 0 and start is not None:
                start(tick)
            before.watch(world)
        if before.settled:
            return None  # nothing is left to show
    began = world.now()
    judge, ticks, held = Judge(), [], 0
    for tick in drive(world, standard_expert(world, rng), eyes):
        ticks.append(_since(began, tick))
        judge.watch(world)
        if disturbance is not None:
            disturbance.watch()
        held = held + 1 if judge.settled else 0
        if held > HOLD_TICKS:
            break
    return tuple(ticks) if judge.verdict().strict else None


def _since(began: float, tick: Tick) -> Tick:
    """Count time from `began`."""
    seen = tick.observation
    frames = {
        name: replace(frame, captured_at=round(frame.captured_at - began, 6))
        for name, frame in seen.frames.items()
    }
    moved = replace(seen, timestamp=round(seen.timestamp - began, 6), frames=frames)
    return replace(tick, observation=moved)


@cache
def _stage(task: StandardTask) -> tuple[StandardWorld, CheapDrawing]:
    """One world per process and task; it lives as long as the process."""
    world = StandardWorld(task)
    return world, CheapDrawing(world)
