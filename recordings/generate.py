"""Demonstrations by the scripted expert, recorded by the recorder that people use."""

import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from hardware.interfaces import HardwareError
from hardware.simulation.tasks.catalogue import FAMILIES
from hardware.worker_processes import begin_worker
from recordings.demonstration import Demonstration, FirstDriver, Recipe, Wording, demonstrate
from recordings.disk import RecordingError, write_json
from recordings.layout import GENERATION
from recordings.recorder import Recorder

Show = Callable[[int], Demonstration]
"""Makes the demonstration of a number."""

AHEAD = 3
"""Demonstrations per worker that may wait to be recorded."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run has done."""

    episodes: int
    """In the dataset now."""
    recorded: int
    """By this run."""
    failures: int
    """Attempts of this run that were thrown away."""
    by_task: dict[str, int]
    """Recorded by this run, by the recipe's names of tasks."""
    interrupted: bool


def generate(
    folder: Path,
    recipe: Recipe,
    episodes: int,
    *,
    workers: int = 2,
    progress: bool = False,
    first_driver: FirstDriver | None = None,
) -> Summary:
    """Bring the dataset at `folder` to `episodes` demonstrations of `recipe`.

    Continues a dataset of the same recipe where it stops. Raises `ValueError` if `folder` holds
    anything else. Interrupted from the keyboard, it leaves the episodes it has, all whole.
    """
    recorder = Recorder(recipe.embodiment, realtime=False)
    try:
        recorder.open_dataset(folder, recipe.fps)
        _require_recipe(folder, recipe, recorder.status().episode_index)
        show = partial(demonstrate, recipe, first_driver=first_driver)
        return _record(recorder, show, episodes, workers=workers, progress=progress)
    finally:
        recorder.close()


def _require_recipe(folder: Path, recipe: Recipe, saved: int) -> None:
    path = folder / GENERATION
    if path.exists():
        theirs = json.loads(path.read_text())
        ours = recipe.to_json()
        differing = [
            f"{name} {theirs.get(name)!r}" for name in ours if theirs.get(name) != ours[name]
        ]
        if differing:
            raise ValueError(
                f"This dataset was generated with {', '.join(differing)}. Run with the same "
                f"options to continue it, or choose a new folder. Folder: {folder}"
            )
    elif saved:
        raise ValueError(
            f"This dataset has {saved} episodes that were not generated. "
            f"Choose a new folder. Folder: {folder}"
        )
    else:
        write_json(path, recipe.to_json())


def _record(
    recorder: Recorder, show: Show, episodes: int, *, workers: int, progress: bool
) -> Summary:
    first = recorder.status().episode_index
    done: Counter[str] = Counter()
    failures, interrupted = 0, False
    bar = tqdm(total=episodes, initial=first, unit="episode", disable=not progress)
    try:
        with bar, _demonstrations(show, first, episodes, workers) as demonstrations:
            for demonstration in demonstrations:
                _save(recorder, demonstration)
                done[demonstration.name] += 1
                failures += demonstration.failures
                bar.set_postfix(failed=failures, refresh=False)
                bar.update()
    except KeyboardInterrupt:
        interrupted = True
    total = recorder.status().episode_index
    return Summary(total, sum(done.values()), failures, dict(done), interrupted)


def _save(recorder: Recorder, demonstration: Demonstration) -> None:
    recorder.start_episode(demonstration.instruction)
    for tick in demonstration.ticks:
        recorder(tick)
    recorder.save_episode()


@contextmanager
def _demonstrations(
    show: Show, first: int, last: int, workers: int
) -> Iterator[Iterator[Demonstration]]:
    """Yield demonstrations `first` to `last` in order, computed by processes or, for 0, here."""
    if workers <= 0:
        yield (show(number) for number in range(first, last))
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), begin_worker)
    try:
        yield _in_order(pool, show, range(first, last), ahead=workers * AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, show: Show, numbers: range, *, ahead: int
) -> Iterator[Demonstration]:
    waiting: deque[Future[Demonstration]] = deque()
    for number in numbers:
        waiting.append(pool.submit(show, number))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@dataclass(frozen=True, slots=True)
class Options:
    """Record demonstrations of the simulated ALOHA by its scripted expert.

    Run again, it continues a dataset of the same options up to --episodes. Attempts that fail are
    thrown away and counted. Ends with 0, or with 130 when interrupted; what is saved is whole.
    """

    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder to record into: new, empty, or one to continue."""
    task: Annotated[tuple[str, ...], tyro.conf.UseAppendAction]
    """Kind of task, such as `put`, or one task, such as `pick_red_cube_left`, or `all` kinds, or a
    standard one, such as `gym_aloha/AlohaTransferCube-v0`. May be repeated: episodes take them in
    turn."""
    episodes: int
    """How many episodes the dataset shall hold, of all tasks together."""
    seed: int = 0
    """The same seed and options give the same episodes."""
    fps: int = 10
    """Rows a second: a whole fraction of the 50 Hz at which the robot is driven."""
    height: int = 240
    """Of the pictures, in pixels. Keep 3:4 with the width, the shape of the studio's pictures:
    policies squeeze pictures to their own size, and must see the same in both."""
    width: int = 320
    """Of the pictures, in pixels."""
    cameras: tuple[str, ...] = ("cam_high", "cam_left_wrist", "cam_right_wrist")
    """Which of cam_high, cam_low, cam_left_wrist and cam_right_wrist to record."""
    disturbed: float = 0.3
    """Share of episodes (0..1) that start beside the way, to show how to find back."""
    wordings: Wording = "trained"
    """How tasks are told: in any sentence of training, or always in the canonical one. Those that
    evaluations keep for themselves are never said here."""
    workers: int = 2
    """Processes that compute; 0 computes in this one."""

    def recipe(self) -> Recipe:
        """Return what the demonstrations are made of."""
        return Recipe(
            tasks=tuple(
                each for name in self.task for each in (FAMILIES if name == "all" else (name,))
            ),
            seed=self.seed,
            fps=self.fps,
            height=self.height,
            width=self.width,
            cameras=self.cameras,
            disturbed=self.disturbed,
            wordings=self.wordings,
        )


def main(options: Options, first_driver: FirstDriver | None = None) -> int:
    """Generate, and say what was done. Returns the exit status."""
    try:
        summary = generate(
            options.dataset,
            options.recipe(),
            options.episodes,
            workers=options.workers,
            progress=sys.stderr.isatty(),
            first_driver=first_driver,
        )
    except (ValueError, RecordingError, HardwareError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(_words(summary, options.dataset))
    return 130 if summary.interrupted else 0


def _words(summary: Summary, dataset: Path) -> str:
    lines = [f"{name}: {count}" for name, count in sorted(summary.by_task.items())]
    lines.append(
        f"{summary.recorded} episodes recorded, {summary.failures} attempts failed and were "
        f"thrown away; {dataset} holds {summary.episodes} episodes."
    )
    if summary.interrupted:
        lines.append("Interrupted. Run the same command again to continue.")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m recordings.generate")))
