"""Measures how often the scripted expert succeeds: `python tests/hardware/measure_expert.py`."""

import math
import sys

import numpy as np
import tyro

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.expert import expert_for
from hardware.simulation.starts import DisturbedStarts
from hardware.simulation.tasks import TASKS, Outcome, Task


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a success rate (Wilson 1927)."""
    z, share = 1.959964, successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)


def one(cell: SimulatedAloha, task: Task, seed: int, starts: DisturbedStarts | None):
    cell.world.reset(seed)
    if starts is not None:
        starts.disturb(cell.world, task, np.random.default_rng(seed))
    cell.robot.gate.reset()
    loop = ControlLoop(cell.robot)
    loop.drive(expert_for(task, cell.world))
    return attempt(loop, cell.world, task, limit_secs=10.0 if task.giver else 6.0)


def main(starts: int = 100, first_seed: int = 1000, *, disturbed: bool = False) -> None:
    """Let the expert try every task from `starts` random starts and print how often it succeeds."""
    drawn = DisturbedStarts() if disturbed else None
    with simulated_aloha(realtime=False, cameras=()) as cell:
        for task in TASKS.values():
            seeds = range(first_seed, first_seed + starts)
            found = [one(cell, task, seed, drawn) for seed in seeds]
            won = [each.secs for each in found if each.outcome is Outcome.SUCCESS]
            low, high = wilson(len(won), starts)
            sys.stdout.write(
                f"{task.id:18} {len(won):4d} of {starts}  95 % within {low:.3f} to {high:.3f}  "
                f"median {np.median(won or [np.nan]):.2f} s  longest {max(won, default=0):.2f} s\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    tyro.cli(main)
