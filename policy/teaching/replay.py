"""Demonstrations of what a base knows already, generated anew, so that it is not forgotten."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hardware.aloha import aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.simulation.standard.task import STANDARD_TASKS
from hardware.simulation.tasks.catalogue import EVERY_FAMILY, task_ids
from policy.evaluation.aloha_sim import AlohaSim
from policy.evaluation.request import Rules
from policy.model.checkpoint import Body
from policy.recipe.folders import dataset_work
from policy.recipe.processes import Command
from policy.teaching.lesson import Lesson

logger = logging.getLogger(__name__)

ENDLESS = 100_000
"""Episodes asked for; the time ends it before."""

LOOK_SECS = 0.5

MANY = 12
"""Single tasks of a kind from which on the whole kind is shown again."""


def is_simulated(body: Embodiment) -> bool:
    """Whether the scripted experts can show it something: it is the simulated ALOHA."""
    return body.name == aloha_embodiment().name


def known_tasks(body: Body) -> tuple[str, ...]:
    """Names for `recordings.generate` of what was trained: kinds, single tasks, standard ones."""
    said = set(body.tasks)
    standard = [task.id for task in STANDARD_TASKS.values() if said & set(task.wordings)]
    ours = [] if not said else _ours(sorted(said))
    return (*ours, *standard)


def _ours(said: Sequence[str]) -> tuple[str, ...]:
    """Kinds of which many tasks were trained, though not every one; of others the tasks."""
    try:
        selected = AlohaSim(Rules()).select(said)
    except ValueError:  # it was trained on none of them, and perhaps on the standard ones
        return ()
    kinds = {
        name: name if name in EVERY_FAMILY else task_ids()[name][0].family for name in selected
    }
    counts = Counter(kinds.values())
    named = (kind if counts[kind] >= MANY else name for name, kind in kinds.items())
    return tuple(dict.fromkeys(named))


def generate_replay(
    folder: Path,
    body: Body,
    lesson: Lesson,
    *,
    seconds: int | float,
    workers: int,
    stop: threading.Event,
) -> int:
    """Fill `folder` with demonstrations of all that `body` knows, in turn, for `seconds`.

    Returns how many it holds. Run again, it adds nothing to what a finished run left. Raises
    `ValueError` when the body knows no task of the simulator, or not one of each was made, and
    `KeyboardInterrupt` when `stop` is set.
    """
    tasks, done = known_tasks(body), folder.with_name(f"{folder.name}.json")
    if not tasks:
        raise ValueError(
            "The base knows no task of the simulator, so nothing can be shown again. Give "
            "--replay DATASET with demonstrations of what it knows."
        )
    if not done.exists():
        logger.info("Showing again for %.0f s: %s", seconds, ", ".join(tasks))
        command = Command(_arguments(folder, body, tasks, lesson, workers), _log(folder), gpu=False)
        _wait(command, seconds, stop)
    count = dataset_work(folder, ENDLESS).done
    if count < len(tasks):
        raise ValueError(
            f"In {seconds:.0f} s {count} demonstrations of {len(tasks)} known tasks were made, "
            f"fewer than one of each. Give more --minutes, or --replay DATASET. Log: "
            f"{_log(folder)}"
        )
    done.write_text(json.dumps({"tasks": tasks, "episodes": count}) + "\n")
    return count


def _arguments(
    folder: Path, body: Body, tasks: Sequence[str], lesson: Lesson, workers: int
) -> list[str]:
    named = [word for task in tasks for word in ("--task", task)]
    return [
        *("-m", "recordings.generate", str(folder), "--episodes", str(ENDLESS), *named),
        *("--seed", str(lesson.replay_seed), "--disturbed", str(lesson.replay_disturbed)),
        *("--cameras", *body.embodiment.camera_names, "--workers", str(workers)),
    ]


def _wait(command: Command, seconds: int | float, stop: threading.Event) -> None:
    """Let it run for `seconds`; interrupted, it leaves whole episodes."""
    try:
        while command.code is None and command.seconds < seconds and not stop.wait(LOOK_SECS):
            pass
    finally:
        command.stop()
    if stop.is_set():
        raise KeyboardInterrupt
    if command.code not in (0, 130):
        raise ValueError(
            f"Demonstrations could not be generated. The end of {command.log}:\n"
            f"{command.last_words()}"
        )


def _log(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.txt")
