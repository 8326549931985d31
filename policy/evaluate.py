"""Closed-loop success in simulation: `python -m policy.evaluate CHECKPOINT --env ENV`.

Physics judges (contact and height), never the policy. With `--swap` the instruction names another
cube than the one counted as the task's: success near chance shows that the words are used.
"""

import json
import logging
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import SimulatedAloha, simulated_aloha
from hardware.simulation.scene import CUBES
from hardware.simulation.tasks import TASKS, Judge, Outcome, Task, task_named
from policy.agent import PolicyAgent
from policy.local import LocalPolicy

logger = logging.getLogger(__name__)

TEST_SEED = 600_000
"""Starts from here on are for testing; training uses those below 500,000."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One closed-loop episode and how it ended."""

    task: str
    instruction: str
    seed: int
    outcome: str
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
def _simulation(cameras: tuple[str, ...], fps: int) -> SimulatedAloha:
    opened = simulated_aloha(realtime=False, cameras=cameras, height=480, width=640, fps=fps)
    return opened.__enter__()


def attempt(trial: Trial) -> Attempt:
    """Run one episode: 50 Hz control in lockstep, a new plan every `replan_secs`."""
    policy = _policy(trial.checkpoint)
    simulation = _simulation(tuple(policy.config.image_sizes), round(1 / trial.replan_secs))
    task = task_named(trial.task)
    told = other_cube(task, trial.seed) if trial.swap else task
    instruction = told.instruction(np.random.default_rng(trial.seed))
    simulation.world.reset(trial.seed)
    simulation.robot.gate.reset()
    policy.seed(trial.seed)
    loop = ControlLoop(simulation.robot)
    loop.drive(
        PolicyAgent(policy, instruction, replan_secs=trial.replan_secs - 1e-6, background=False)
    )
    judge = Judge(task)
    start = simulation.world.now()
    while simulation.world.now() - start < trial.seconds and judge.outcome is Outcome.RUNNING:
        tick = loop.tick()
        if loop.failure is not None:
            raise loop.failure
        simulation.world.wait_until(tick.observation.timestamp + 1 / 50)
        judge.watch(simulation.world)
    seconds = simulation.world.now() - start
    return Attempt(task.id, instruction, trial.seed, judge.outcome.value, round(seconds, 2))


def evaluate(trials: Sequence[Trial], workers: int) -> list[Attempt]:
    """Run every trial in `workers` processes; the order of results is the order of trials."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(tqdm(pool.map(attempt, trials), total=len(trials), unit="episode"))


def report(attempts: Sequence[Attempt]) -> list[dict[str, object]]:
    """One row per task, and one for all: success with its interval, wrong-object rate, time."""
    rows: list[dict[str, object]] = []
    tasks = list(dict.fromkeys(a.task for a in attempts))
    for name in (*tasks, "all"):
        own = [a for a in attempts if name in ("all", a.task)]
        won = [a for a in own if a.outcome == Outcome.SUCCESS]
        low, high = wilson(len(won), len(own))
        wrong = sum(a.outcome in (Outcome.WRONG_OBJECT, Outcome.WRONG_ARM) for a in own)
        rows.append(
            {
                "task": name,
                "episodes": len(own),
                "successes": len(won),
                "success": round(len(won) / max(len(own), 1), 4),
                "interval95": [round(low, 4), round(high, 4)],
                "wrong_object_or_arm": round(wrong / max(len(own), 1), 4),
                "seconds_to_success": round(float(np.mean([a.seconds for a in won])), 2)
                if won
                else None,
            }
        )
    return rows


def main(
    checkpoint: Annotated[Path, tyro.conf.Positional],
    env: str = "aloha_sim",
    episodes: int = 50,
    seed: int = TEST_SEED,
    *,
    swap: bool = False,
    seconds: float = 8.0,
    replan_secs: float = 0.4,
    workers: int = 2,
    json_path: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> None:
    """Measure closed-loop success with 95 % Wilson intervals.

    Args:
        checkpoint: Folder that `policy.train` wrote.
        env: A task of the simulated ALOHA such as `pick_red_left`, several with commas between,
            or `aloha_sim` for every task that the checkpoint was trained on.
        episodes: Unseen starts per task.
        seed: Of the first start; training uses those below 500000.
        swap: Instruct another cube than the one that counts.
        seconds: Simulated time an episode may take.
        replan_secs: Simulated time between plans.
        workers: Processes.
        json_path: Where to write the report and every attempt.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if seed < TEST_SEED:
        raise SystemExit(f"Seeds below {TEST_SEED} are for training, got {seed}.")
    try:
        tasks = tasks_of(env, checkpoint)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    trials = [
        Trial(checkpoint, task.id, seed + i, swap, seconds, replan_secs)
        for task in tasks
        for i in range(episodes)
    ]
    attempts = evaluate(trials, workers)
    rows = report(attempts)
    logger.info("%-18s %9s %18s %7s", "task", "success", "95 % interval", "wrong")
    for row in rows:
        low, high = row["interval95"]  # type: ignore[misc]
        logger.info(
            "%-18s %3s of %3s %8.1f - %5.1f %% %6.1f %%",
            *(row["task"], row["successes"], row["episodes"], 100 * low, 100 * high),
            100 * float(str(row["wrong_object_or_arm"])),
        )
    if json_path is not None:
        described = {"checkpoint": checkpoint.name, "swap": swap, "seed": seed}
        described |= {"tasks": rows, "attempts": [asdict(a) for a in attempts]}
        json_path.write_text(json.dumps(described, indent=2) + "\n")


def tasks_of(env: str, checkpoint: Path) -> list[Task]:
    """Tasks that `env` names. Raises `ValueError` listing the known ones."""
    if env != "aloha_sim":
        return [task_named(name) for name in env.split(",")]
    trained = set(json.loads((checkpoint / "tasks.json").read_text()))
    return [task for task in TASKS.values() if trained & set(task.wordings)]


if __name__ == "__main__":
    tyro.cli(main)
