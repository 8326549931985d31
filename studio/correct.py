"""Corrections in simulation: `python -m studio.correct DATASET --policy CHECKPOINT`.

A checkpoint drives for a while, right or wrong; the scripted expert takes over and only its part is
recorded. Demonstrations from where a policy really gets to, as in DAgger (Ross et al. 2011).
"""

import dataclasses
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tyro

from hardware.interfaces import Agent
from policy.agent import PolicyAgent
from policy.evaluation.checkpoint import fingerprint
from policy.evaluation.planner import Replanning
from policy.from_zero import FromZero
from policy.local import LocalPolicy
from recordings import generate
from recordings.demonstration import Recipe

AS_EVALUATED = Replanning()
"""How often it plans, and how chunks become motion."""


@dataclass(frozen=True, slots=True)
class CheckpointFirst:
    """Makes agents of the checkpoint in `folder`, loaded once a process."""

    folder: Path

    def __call__(self, instruction: str, seed: int, began: float) -> Agent:
        """Return one that is told `instruction`, its chance drawn from `seed`."""
        policy = _policy(self.folder)
        policy.seed(seed)
        policy.any_words = True
        agent = PolicyAgent(
            policy,
            instruction,
            replan_secs=AS_EVALUATED.replan_secs - 1e-6,
            background=False,
            execution=AS_EVALUATED.execution,
        )
        return FromZero(agent, began)


@cache
def _policy(folder: Path) -> LocalPolicy:
    return LocalPolicy.load(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(generate.Options):
    """Record the expert's corrections of a checkpoint that drives the simulated ALOHA.

    The checkpoint drives from the start of a scene until a moment drawn at random; the expert takes
    over and what it does is recorded. Where the checkpoint has the task done or spoilt by then, the
    scene is left out. Run again, it continues a dataset of the same options up to --episodes.
    """

    policy: Path
    """Folder of the checkpoint."""

    def recipe(self) -> Recipe:
        """Return what the corrections are made of."""
        plain = generate.Options.recipe(self)
        return dataclasses.replace(plain, disturbed=0.0, first_driver=fingerprint(self.policy))


def main(options: Options) -> int:
    """Record, and say what was done. Returns the exit status."""
    if not options.policy.is_dir():
        sys.stderr.write(f"Expected the folder of a checkpoint, got {options.policy}.\n")
        return 2
    return generate.main(options, CheckpointFirst(options.policy))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m studio.correct")))
