"""How often the experts of the standard tasks succeed: `PYTHONPATH=. python FILE [--disturbed]`."""

import argparse
import sys

import numpy as np

from hardware.simulation.standard.attempt import drive
from hardware.simulation.standard.disturbance import Disturbance
from hardware.simulation.standard.expert import standard_expert
from hardware.simulation.standard.success import Judge
from hardware.simulation.standard.task import STANDARD_TASKS
from hardware.simulation.standard.world import StandardWorld
from policy.evaluation.interval import wilson


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--first", type=int, default=600_000)
    parser.add_argument("--disturbed", action="store_true")
    options = parser.parse_args()
    for task in STANDARD_TASKS.values():
        world, verdicts = StandardWorld(task), []
        for seed in range(options.first, options.first + options.starts):
            rng = np.random.default_rng(seed)
            world.reset(seed)
            disturbance = Disturbance(world, rng) if options.disturbed else None
            judge = Judge()
            for _ in drive(world, standard_expert(world, rng)):
                judge.watch(world)
                if disturbance is not None:
                    disturbance.watch()
            verdicts.append(judge.verdict())
            if not verdicts[-1].strict:
                sys.stdout.write(f"failed: {seed} {verdicts[-1]}\n")
        secs = [verdict.secs for verdict in verdicts if verdict.secs is not None]
        for kind in ("official", "strict"):
            won = sum(getattr(verdict, kind) for verdict in verdicts)
            low, high = wilson(won, len(verdicts))
            sys.stdout.write(
                f"{task.id} {kind}: {won} of {len(verdicts)}, {low:.1%} to {high:.1%}\n"
            )
        sys.stdout.write(f"  median {np.median(secs):.2f} s, longest {max(secs):.2f} s\n")


if __name__ == "__main__":
    main()
