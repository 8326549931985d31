"""Makes the checkpoint that ships, from nothing: `python -m policy.reproduce OUT`.

Demonstrations, training, evaluation, and a folder ready to ship, each by the command that a person
would give. Stopped at any moment, the same command goes on. Ends with 0, with 130 when
interrupted, with 1 when a step failed.
"""

import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from policy.recipe.machine import Machine
from policy.recipe.nano import nano
from policy.recipe.plan import plan
from policy.recipe.recipe import Scale
from policy.recipe.release import release
from policy.recipe.runner import Runner, State, StepError, clock, state_of
from policy.recipe.step import Step

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.reproduce` can be asked."""

    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """Folder for everything: data, jobs, cache, logs, evaluation, release. Run with the same
    folder again, it goes on where it was."""
    scale: Scale | None = None
    """`gpu` (half an hour of a large one), `laptop` (hours of two cores) or `smoke` (minutes, to
    see that everything runs). By what the machine has, if left out."""
    only: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Name of a step to run, with the steps that it needs; may be repeated. `release` is all."""
    plan: bool = False
    """Only say what would run, what is done, and about how long it takes."""
    cores: int | None = None
    """Cores to fill; all that this process may use, if left out."""


def main(options: Options) -> int:
    """Make the checkpoint. Returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _make(options)
    except KeyboardInterrupt:
        logger.info("Interrupted. The same command goes on.")
        return 130
    except (ValueError, StepError, OSError) as error:
        logger.error("%s", error)  # noqa: TRY400 - for a person: what is wrong, not where
        return 1


def _make(options: Options) -> int:
    machine = Machine.here()
    machine = Machine(options.cores or machine.cores, machine.gpu)
    recipe = nano(options.scale or ("gpu" if machine.gpu else "laptop"))
    steps = plan(recipe, options.out, machine)
    wanted = chosen(steps, options.only)
    if not options.plan:
        Runner(wanted, options.out, machine).run()
    states = [state_of(step, options.out) for step in steps]
    logger.info("%s", table(states, machine))
    if not options.plan and all(state.complete for state in states):
        logger.info("Ready to ship: %s", release(recipe, options.out, steps))
    return 0


def chosen(steps: Sequence[Step], only: Sequence[str]) -> list[Step]:
    """Those that are named with all that they need, in order; all without a name.

    Raises `ValueError` listing the steps there are.
    """
    named = {step.name: step for step in steps}
    unknown = [name for name in only if name not in (*named, "release")]
    if unknown:
        raise ValueError(f"There is no step {unknown}. Steps: {', '.join((*named, 'release'))}.")
    if not only or "release" in only:
        return list(steps)
    wanted, left = set[str](), list(only)
    while left:
        name = left.pop()
        wanted.add(name)
        left += [need for need in named[name].needs if need not in wanted]
    return [step for step in steps if step.name in wanted]


def table(states: Sequence[State], machine: Machine) -> str:
    """Every step with how far it is, what it took, and what it is expected to take in all."""
    head = ("step", "is", "took", "planned", "with")
    lines = [head, *(_cells(state, machine) for state in states)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    cores = sum(state.step.hours for state in states if not state.step.gpu)
    gpu = sum(state.step.hours for state in states if state.step.gpu)
    said = (
        f"Planned in all: {cores:.1f} core-hours, {cores / machine.cores:.1f} h on "
        f"{machine.cores} cores" + (f", and {60 * gpu:.0f} min of the GPU." if gpu else ".")
    )
    rows = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join((*rows, said))


def _cells(state: State, machine: Machine) -> tuple[str, ...]:
    step = state.step
    side = 1 if step.gpu else max(1, min(step.cores, machine.cores))
    return (
        step.name,
        f"{step.work()}{'' if state.complete or not step.work().complete else ', to be checked'}",
        clock(state.seconds) if state.seconds else "-",
        clock(3600 * step.hours / side),
        "the GPU" if step.gpu else f"{side} cores" if side > 1 else "1 core",
    )


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m policy.reproduce", description=__doc__)))
