"""One demonstration by the scripted expert: a function of its recipe and number, and no more."""

import functools
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from hardware.aloha import CONTROL_HZ, aloha_embodiment
from hardware.control_loop import ControlLoop, Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import Agent, Frame
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.language import instruct, wordings
from hardware.simulation.layout import Layout
from hardware.simulation.seeds import VALIDATION_SEED
from hardware.simulation.standard.demonstration import Shot, standard_demonstration
from hardware.simulation.standard.task import STANDARD_TASKS, STEPS
from hardware.simulation.starts import DisturbedStarts, settled
from hardware.simulation.tasks.catalogue import require_known, scenario
from hardware.simulation.tasks.task import Outcome, Task

HOLD_SECS = 0.5
"""How long what was done is kept at the end of a demonstration."""

MAX_ATTEMPTS = 20
"""Failures in a row after which something is broken rather than unlucky."""

SHORTEST_SECS, LONGEST_SHARE = 0.3, 0.6
"""Whoever drives first does so for at least so long, and at most for this share of the time that
the task allows."""

FirstDriver = Callable[[str, int, float], Agent]
"""Makes who drives before the expert takes over, from the instruction, a seed for its own chance,
and the time of its first observation, seconds."""

Wording = Literal["trained", "canonical"]
"""Any sentence of the training grammar, or always a task's first."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What demonstrations are made of. The same recipe gives the same demonstrations."""

    tasks: tuple[str, ...]
    """Kinds of tasks, ids of single ones, or of the standard tasks; taken in turn."""
    seed: int
    fps: int
    height: int
    width: int
    cameras: tuple[str, ...]
    disturbed: float
    """Share of demonstrations that start beside the way."""
    wordings: Wording = "trained"
    first_driver: str | None = None
    """Who drives before the expert takes over, if anybody does; only the expert's part is kept."""

    def __post_init__(self) -> None:
        for name in self.tasks:
            if name not in STANDARD_TASKS:
                require_known(name)
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

    name: str
    """Of the task, as the recipe has it: a kind or an id."""
    task: str
    """Its id."""
    instruction: str
    ticks: tuple[Tick, ...]
    """The first one at 0 seconds, whatever the world's clock said."""
    failures: int
    """Attempts before this one that did not succeed; none of them is kept."""


def demonstrate(
    recipe: Recipe, number: int, first_driver: FirstDriver | None = None
) -> Demonstration:
    """Return the `number`-th demonstration of `recipe`, its first attempt that succeeds.

    With `first_driver` it begins where that one was stopped half-way, right or wrong: a correction,
    as in DAgger (Ross et al. 2011). Raises `RuntimeError` if none of many attempts succeeds.
    """
    name = recipe.tasks[number % len(recipe.tasks)]
    shown = _standard if name in STANDARD_TASKS else _ours
    for failures in range(MAX_ATTEMPTS):
        rng = np.random.default_rng(np.random.SeedSequence([recipe.seed, number, failures]))
        task, instruction, ticks = shown(recipe, name, rng, first_driver)
        if ticks is not None:
            return Demonstration(name, task, instruction, ticks, failures)
    raise RuntimeError(
        f"Nothing could be shown of {name!r} in {MAX_ATTEMPTS} draws, demonstration {number}: the "
        "expert failed, or who drove first had it done or spoilt."
    )


def _ours(
    recipe: Recipe, name: str, rng: np.random.Generator, first_driver: FirstDriver | None
) -> tuple[str, str, tuple[Tick, ...] | None]:
    drawn = scenario(name, int(rng.integers(VALIDATION_SEED)))
    cell = _cell(recipe.cameras, recipe.height, recipe.width, recipe.fps)
    cell.world.set_out(drawn.layout)
    cell.robot.gate.forget()  # nothing is held from the demonstration before
    start = None
    if first_driver is not None:
        start = _look(cell)
        said = _instruction(recipe, drawn.task, drawn.layout, rng)
        agent = first_driver(said, int(rng.integers(2**31)), cell.world.now())
        if not _driven(cell, drawn.task, agent, recipe.fps, rng):
            return drawn.task.id, said, None
    elif rng.random() < recipe.disturbed:
        _disturbed_starts().disturb(cell.world, drawn.task, rng)
    # Told of the scene as it is now: a disturbed one may have another leftmost thing.
    instruction = _instruction(recipe, drawn.task, cell.world.present(), rng)
    ticks = _attempt(cell, drawn.task, rng)
    if ticks is not None and start is not None:
        ticks = begun_with(start, ticks, recipe.fps)
    return drawn.task.id, instruction, ticks


def _look(cell: SimulatedAloha) -> Tick:
    """What is seen before anybody drives."""
    ticks = list[Tick]()
    ControlLoop(cell.robot, [ticks.append]).tick()
    return ticks[0]


def _driven(
    cell: SimulatedAloha, task: Task, agent: Agent, fps: int, rng: np.random.Generator
) -> bool:
    """Let `agent` drive until a picture is due. Returns whether anything is left to show then."""
    loop = ControlLoop(cell.robot, [])
    cell.robot.gate.reset()
    loop.drive(agent)
    secs = float(rng.uniform(SHORTEST_SECS, LONGEST_SHARE * task.limit_secs))
    found = attempt(loop, cell.world, task, limit_secs=math.ceil(secs * fps) / fps)
    if found.failure is not None:
        raise found.failure
    return found.outcome is Outcome.RUNNING and not settled(cell.world, task)


def _standard(
    recipe: Recipe, name: str, rng: np.random.Generator, first_driver: FirstDriver | None
) -> tuple[str, str, tuple[Tick, ...] | None]:
    task, seed = STANDARD_TASKS[name], int(rng.integers(VALIDATION_SEED))
    instruction = task.wordings[0] if recipe.wordings == "canonical" else task.instruct(rng)
    shot = Shot(recipe.cameras, recipe.height, recipe.width, recipe.fps)
    if first_driver is not None:
        agent = first_driver(instruction, int(rng.integers(2**31)), 0.0)
        secs = float(rng.uniform(SHORTEST_SECS, LONGEST_SHARE * STEPS / CONTROL_HZ))
        seen = list[Tick]()
        ticks = standard_demonstration(name, seed, shot, first=(agent, secs), start=seen.append)
        return name, instruction, ticks and begun_with(seen[0], ticks, recipe.fps)
    disturbed = bool(rng.random() < recipe.disturbed)
    return name, instruction, standard_demonstration(name, seed, shot, disturbed=disturbed)


def _instruction(recipe: Recipe, task: Task, seen: Layout, rng: np.random.Generator) -> str:
    if recipe.wordings == "canonical":
        return wordings(task)[0]
    return instruct(task, seen, rng)


def _attempt(cell: SimulatedAloha, task: Task, rng: np.random.Generator) -> tuple[Tick, ...] | None:
    begun, ticks = cell.world.now(), list[Tick]()
    loop = ControlLoop(cell.robot, [ticks.append])
    cell.robot.gate.reset()
    loop.drive(expert_for(task, cell.world, rng))
    found = attempt(loop, cell.world, task, limit_secs=task.limit_secs, hold_secs=HOLD_SECS)
    if found.failure is not None:
        raise found.failure
    return _since(begun, ticks) if found.outcome is Outcome.SUCCESS else None


def begun_with(start: Tick, ticks: tuple[Tick, ...], fps: int) -> tuple[Tick, ...]:
    """Put one row of `start`, at which nobody drives, before `ticks`, which begin later by it.

    So the first row of a correction shows the scene as the whole attempt began, which is what a
    policy that looks at the start is shown (`policy.first_look`).
    """
    stride = round(CONTROL_HZ / fps)
    later = tuple(_moved(tick, 1 / fps, tick.index + stride) for tick in ticks)
    still = _moved(replace(start, action=None, wanted=None), -start.observation.timestamp, 0)
    before = tuple(
        _moved(still, n / CONTROL_HZ, ticks[0].index + n, pictures=False) for n in range(stride)
    )
    return before + later


def _moved(tick: Tick, secs: float, index: int, *, pictures: bool = True) -> Tick:
    """The same turn `secs` later, with its pictures or without."""
    seen = tick.observation
    frames = {
        name: replace(frame, captured_at=round(frame.captured_at + secs, 6))
        for name, frame in seen.frames.items()
    }
    moved = replace(
        seen,
        timestamp=round(seen.timestamp + secs, 6),
        frames=frames if pictures else seen.frames,
    )
    return replace(tick, index=index, observation=moved, driver=None)


def _since(begun: float, ticks: list[Tick]) -> tuple[Tick, ...]:
    """Count time from `begun`, rounded to what does not depend on how late that was."""
    moved: dict[int, Frame] = {}  # pictures that several ticks share stay shared

    def secs(time: float) -> float:
        return round(time - begun, 6)

    def frame(seen: Frame) -> Frame:
        return moved.setdefault(id(seen), replace(seen, captured_at=secs(seen.captured_at)))

    return tuple(
        replace(
            tick,
            driver=None,  # who drove has the whole world with it, which is not sent to a process
            observation=replace(
                tick.observation,
                timestamp=secs(tick.observation.timestamp),
                frames={name: frame(seen) for name, seen in tick.observation.frames.items()},
            ),
        )
        for tick in ticks
    )


@functools.cache
def _cell(cameras: tuple[str, ...], height: int, width: int, fps: int) -> SimulatedAloha:
    """One open robot per process and camera set; it lives as long as the process."""
    cell = simulated_aloha(realtime=False, cameras=cameras, height=height, width=width, fps=fps)
    cell.robot.__enter__()
    return cell


@functools.cache
def _disturbed_starts() -> DisturbedStarts:
    return DisturbedStarts()
