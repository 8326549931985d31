"""Closed-loop success in simulation: `python -m policy.evaluate CHECKPOINT --env ENV`.

Physics judges (contact and height), never the policy. With `--swap` the instruction names another
cube than the one counted as the task's: success near chance shows that the words are used.
"""

import json
import logging
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.scene import CUBES
from hardware.simulation.tasks import TASKS, Outcome, Task, task_named
from policy.agent import Execution, PolicyAgent
from policy.blending import Blend
from policy.local import LocalPolicy
from policy.model.checkpoint import Checkpoint
from policy.model.sampling import Continuation

logger = logging.getLogger(__name__)

VALIDATION_SEED, TEST_SEED = 500_000, 600_000
"""Starts from there on are for choosing and for testing; training uses those below."""

INDEPENDENT = Execution()
"""Plans that know nothing of each other, faded into one another, made in no time."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One closed-loop attempt and how it ended."""

    task: str
    instruction: str
    seed: int
    outcome: Outcome
    seconds: float
    """Simulated."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one attempt is given."""

    checkpoint: Path
    task: str
    seed: int
    swap: bool
    seconds: float
    replan_secs: float
    execution: Execution = INDEPENDENT
    continuation: Continuation | None = None
    """How chunks go on from the one in play, if `execution` is continuing."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a success rate (Wilson 1927)."""
    if not trials:
        return 0.0, 1.0
    z = 1.959964
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)


def other_cube(task: Task, seed: int) -> Task:
    """The task that names another cube with the same arm, drawn by `seed`."""
    others = [cube for cube in CUBES if cube != task.cube]
    cube = others[int(np.random.default_rng(seed).integers(len(others)))]
    return task_named(f"pick_{cube}_{task.arm}")


@cache
def _policy(checkpoint: Path) -> LocalPolicy:
    return LocalPolicy.load(checkpoint)


@cache
def _simulation(cameras: tuple[str, ...], fps: float) -> SimulatedAloha:
    opened = simulated_aloha(realtime=False, cameras=cameras, height=480, width=640, fps=fps)
    return opened.__enter__()


def run_trial(trial: Trial) -> Episode:
    """Run one episode: 50 Hz control in lockstep, a new plan every `replan_secs`."""
    policy = _policy(trial.checkpoint)
    # A picture is due exactly when a plan is, so that every plan sees the present.
    simulation = _simulation(tuple(policy.image_sizes), 1 / trial.replan_secs)
    task = task_named(trial.task)
    told = other_cube(task, trial.seed) if trial.swap else task
    instruction = told.instruction(np.random.default_rng(trial.seed))
    simulation.world.reset(trial.seed)
    simulation.robot.gate.reset()
    policy.seed(trial.seed)
    if trial.continuation is not None:
        policy.sampling = replace(policy.sampling, continuation=trial.continuation)
    loop = ControlLoop(simulation.robot)
    loop.drive(
        PolicyAgent(
            policy,
            instruction,
            replan_secs=trial.replan_secs - 1e-6,
            background=False,
            execution=trial.execution,
        )
    )
    found = attempt(loop, simulation.world, task, limit_secs=trial.seconds)
    if found.failure is not None:
        raise found.failure
    return Episode(task.id, instruction, trial.seed, found.outcome, round(found.secs, 2))


def evaluate(trials: Sequence[Trial], workers: int) -> list[Episode]:
    """Run every trial in `workers` processes; the order of results is the order of trials."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(run_trial, trials), total=len(trials), unit="episode"))


@dataclass(frozen=True, slots=True)
class Row:
    """How a task went."""

    task: str
    episodes: int
    successes: int
    success: float
    interval95: tuple[float, float]
    wrong: float
    """Share in which another cube was lifted, or the right one by another arm."""
    seconds: float | None
    """Mean simulated time of the successes."""


def report(outcomes: Sequence[Episode]) -> list[Row]:
    """One row per task, then one for all."""
    rows = []
    for name in (*dict.fromkeys(a.task for a in outcomes), "all"):
        own = [a for a in outcomes if name in ("all", a.task)]
        won = [a.seconds for a in own if a.outcome == Outcome.SUCCESS]
        wrong = sum(a.outcome in (Outcome.WRONG_OBJECT, Outcome.WRONG_ARM) for a in own)
        rows.append(
            Row(
                name,
                len(own),
                len(won),
                len(won) / max(len(own), 1),
                wilson(len(won), len(own)),
                wrong / max(len(own), 1),
                float(np.mean(won)) if won else None,
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.evaluate` can be asked."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """Folder that `policy.train` wrote."""
    env: str = "aloha_sim"
    """A task of the simulated ALOHA such as `pick_red_left`, several with commas between, or
    `aloha_sim` for every task that the checkpoint was trained on."""
    episodes: int = 50
    """Unseen starts per task."""
    seed: int = TEST_SEED
    """Of the first start; training uses those below 500000."""
    swap: bool = False
    """Instruct another cube than the one that counts."""
    seconds: float = 8.0
    """Simulated time an episode may take."""
    replan_secs: float = 0.4
    """Simulated time between plans."""
    blend: Blend = "fade"
    """What is done where chunks overlap."""
    continuation: Continuation | None = None
    """Let each chunk go on from the one in play, in this way; plans are independent without."""
    delay_secs: float = 0.0
    """Simulated time that making a plan takes."""
    workers: int = 2
    """Processes."""
    json: Path | None = None
    """Where to write the report and every attempt."""


def main(options: Options) -> None:
    """Measure closed-loop success with 95 % Wilson intervals."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.seed < VALIDATION_SEED:
        raise SystemExit(
            f"Seeds below {VALIDATION_SEED} are for training, got {options.seed}. "
            f"Test from {TEST_SEED} on."
        )
    try:
        checkpoint = Checkpoint.load(options.checkpoint)
        tasks = tasks_of(options.env, checkpoint.tasks)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if options.continuation == "trained" and not checkpoint.model.config.longest_prefix:
        raise SystemExit(
            "The checkpoint was not trained to go on from committed rows (longest_prefix of the "
            "request). Take --continuation guide or overwrite."
        )
    execution = Execution(options.blend, options.continuation is not None, options.delay_secs)
    trials = [
        Trial(
            *(options.checkpoint, task.id, options.seed + i, options.swap),
            options.seconds,
            *(options.replan_secs, execution, options.continuation),
        )
        for task in tasks
        for i in range(options.episodes)
    ]
    outcomes = evaluate(trials, options.workers)
    rows = report(outcomes)
    log_table(rows)
    if options.json is not None:
        described = {
            "checkpoint": options.checkpoint.name,
            "swap": options.swap,
            "seed": options.seed,
            "replan_secs": options.replan_secs,
            "blend": options.blend,
            "continuation": options.continuation,
            "delay_secs": options.delay_secs,
            "tasks": [asdict(row) for row in rows],
            "episodes": [asdict(episode) for episode in outcomes],
        }
        options.json.write_text(json.dumps(described, indent=2) + "\n")


def log_table(rows: Sequence[Row]) -> None:
    """Say it to a person."""
    logger.info("%-18s %11s %18s %7s", "task", "success", "95 % interval", "wrong")
    for row in rows:
        logger.info(
            "%-18s %4d of %4d %8.1f - %5.1f %% %6.1f %%",
            *(row.task, row.successes, row.episodes),
            *(100 * row.interval95[0], 100 * row.interval95[1], 100 * row.wrong),
        )


def tasks_of(env: str, trained: Sequence[str]) -> list[Task]:
    """Tasks that `env` names: all that have an instruction in `trained`, or those listed.

    Raises `ValueError` listing the known ones, or when none was trained.
    """
    if env != "aloha_sim":
        return [task_named(name) for name in env.split(",")]
    found = [task for task in TASKS.values() if set(trained) & set(task.wordings)]
    if not found:
        raise ValueError(
            "The checkpoint was trained on no task of the simulated ALOHA, only on: "
            f"{'; '.join(trained[:8]) or 'none'}. Name tasks with --env, such as "
            f"{next(iter(TASKS))}."
        )
    return found


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
