"""Measures how often the scripted experts succeed: `python tests/hardware/measure_expert.py`."""

import functools
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import tyro

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import Attempt, attempt
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.starts import DisturbedStarts
from hardware.simulation.tasks.catalogue import FAMILIES, scenario
from hardware.simulation.tasks.task import Outcome
from policy.evaluation.interval import wilson

BATCH = 10
"""Starts that a worker takes at a time."""


@dataclass(frozen=True, slots=True)
class Start:
    """One attempt to be made."""

    family: str
    seed: int
    axis: str | None
    disturbed: bool
    steady: bool


@functools.cache
def a_cell() -> SimulatedAloha:
    """One open robot per process; it lives as long as the process."""
    cell = simulated_aloha(realtime=False, cameras=())
    cell.robot.__enter__()
    return cell


def one(start: Start) -> Attempt:
    """Let the expert try once."""
    cell, drawn = a_cell(), scenario(start.family, start.seed, start.axis)
    rng = np.random.default_rng(start.seed)
    cell.world.set_out(drawn.layout)
    if start.disturbed:
        DisturbedStarts().disturb(cell.world, drawn.task, rng)
    cell.robot.gate.forget()  # another scene: nothing is held from the last
    cell.robot.gate.reset()
    loop = ControlLoop(cell.robot)
    loop.drive(expert_for(drawn.task, cell.world, None if start.steady else rng))
    found = attempt(loop, cell.world, drawn.task, limit_secs=drawn.task.limit_secs)
    if found.failure is not None:
        raise found.failure
    return found


def row(family: str, seeds: Sequence[int], found: Sequence[Attempt]) -> str:
    """A line of the table; seeds that failed are named after it."""
    won = [each.secs for each in found if each.outcome is Outcome.SUCCESS]
    low, high = wilson(len(won), len(found))
    failed = [
        f"{seed} {each.outcome}"
        for seed, each in zip(seeds, found, strict=True)
        if each.outcome is not Outcome.SUCCESS
    ]
    return (
        f"| `{family}` | {len(won)} of {len(found)} | {100 * low:.1f} to {100 * high:.1f} % "
        f"| {np.median(won or [np.nan]):.1f} s | {max(won, default=0):.1f} s |"
        + (f" failed: {', '.join(failed)}" if failed else "")
    )


@dataclass(frozen=True, slots=True)
class Measurement:
    """What to measure."""

    families: tyro.conf.Positional[tuple[str, ...]] = tuple(FAMILIES)
    """Kinds of tasks, or ids of single ones."""
    starts: int = 200
    """Random starts of each."""
    first_seed: int = 0
    axis: str | None = None
    """Change the scenes as an evaluation does: colour, instance, position or background."""
    disturbed: bool = False
    """Begin half-way and astray."""
    steady: bool = False
    """Leave out the variation of path, speed and aim."""
    workers: int = 1
    """Processes."""

    def tries(self, family: str) -> list[Start]:
        """Every attempt at one kind of task."""
        seeds = range(self.first_seed, self.first_seed + self.starts)
        return [Start(family, seed, self.axis, self.disturbed, self.steady) for seed in seeds]


def main(wanted: Measurement) -> None:
    """Print how often each expert succeeded, as a table in Markdown."""
    sys.stdout.write(
        "| task | solved | 95 % interval | median | longest |\n|---|---|---|---|---|\n"
    )
    with ProcessPoolExecutor(wanted.workers, mp_context=get_context("spawn")) as executor:
        for family in wanted.families:
            tries = wanted.tries(family)
            found = list(executor.map(one, tries, chunksize=BATCH))
            sys.stdout.write(row(family, [each.seed for each in tries], found) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(tyro.cli(Measurement))
