"""One demonstration by the scripted expert: a function of its recipe and number, and no more."""

import functools
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hardware.aloha import aloha_embodiment
from hardware.control_loop import ControlLoop, Tick
from hardware.embodiment import Embodiment
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.expert import expert_for
from hardware.simulation.starts import DisturbedStarts
from hardware.simulation.tasks import Outcome, Task, task_named

LAST_SEED = 500_000
"""Scenes of demonstrations have seeds below this; evaluation takes its own from 600,000 on."""

HOLD_SECS = 0.5
"""How long the cube is held still at the end of a demonstration."""

LIMIT_SECS = {False: 6.0, True: 10.0}
"""When an expert that has not succeeded gives up; a transfer takes longer."""

MAX_ATTEMPTS = 20
"""Failures in a row after which something is broken rather than unlucky."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What demonstrations are made of. The same recipe gives the same demonstrations."""

    tasks: tuple[str, ...]
    """Ids, taken in turn."""
    seed: int
    fps: int
    height: int
    width: int
    cameras: tuple[str, ...]
    disturbed: float
    """Share of demonstrations that start beside the way."""

    def __post_init__(self) -> None:
        for name in self.tasks:
            task_named(name)
        if not self.tasks:
            raise ValueError("Expected at least one task, got none.")
        if not 0 <= self.disturbed <= 1:
            raise ValueError(f"The disturbed share is within 0..1, got {self.disturbed}.")

    @property
    def embodiment(self) -> Embodiment:
        """The body that demonstrates."""
        return aloha_embodiment(self.cameras, height=self.height, width=self.width)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; lists stand for tuples."""
        fields = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in fields.items()}


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the loop saw and sent while the expert did a task, and how it was told."""

    task: str
    """Its id."""
    instruction: str
    ticks: tuple[Tick, ...]
    failures: int
    """Attempts before this one that did not succeed; none of them is kept."""


def demonstrate(recipe: Recipe, number: int) -> Demonstration:
    """Return the `number`-th demonstration of `recipe`, its first attempt that succeeds.

    Raises `RuntimeError` if none of many does.
    """
    task = task_named(recipe.tasks[number % len(recipe.tasks)])
    for failures in range(MAX_ATTEMPTS):
        rng = np.random.default_rng(np.random.SeedSequence([recipe.seed, number, failures]))
        ticks = _attempt(recipe, task, rng)
        if ticks is not None:
            return Demonstration(task.id, task.instruction(rng), ticks, failures)
    raise RuntimeError(
        f"The expert failed {MAX_ATTEMPTS} times in a row at {task.id!r}, demonstration {number}."
    )


def _attempt(recipe: Recipe, task: Task, rng: np.random.Generator) -> tuple[Tick, ...] | None:
    cell = _cell(replace(recipe, tasks=recipe.tasks[:1], seed=0, disturbed=0.0))
    cell.world.reset(int(rng.integers(LAST_SEED)))
    if rng.random() < recipe.disturbed:
        _disturbed_starts().disturb(cell.world, task, rng)
    ticks: list[Tick] = []
    loop = ControlLoop(cell.robot, [ticks.append])
    cell.robot.gate.reset()
    loop.drive(expert_for(task, cell.world))
    found = attempt(
        loop,
        cell.world,
        task,
        limit_secs=LIMIT_SECS[task.giver is not None],
        hold_secs=HOLD_SECS,
    )
    if found.failure is not None:
        raise found.failure
    return tuple(ticks) if found.outcome is Outcome.SUCCESS else None


@functools.cache
def _cell(recipe: Recipe) -> SimulatedAloha:
    """One open robot per process and camera set; it lives as long as the process."""
    cell = simulated_aloha(
        realtime=False,
        cameras=recipe.cameras,
        height=recipe.height,
        width=recipe.width,
        fps=recipe.fps,
    )
    cell.robot.__enter__()
    return cell


@functools.cache
def _disturbed_starts() -> DisturbedStarts:
    return DisturbedStarts()
