"""Closed-loop success in simulation: `python -m policy.evaluate POLICY --env ENV`.

Each attempt begins at a start that training never saw, and physics judges it. Prints a row per
task and axis with 95 % Wilson intervals. Ends with 0, with 130 when interrupted, with 1 when it
could not begin or something died half-way: what was done by then is kept in --out and reported.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

try:
    import mujoco  # noqa: F401 - sets up the drawing that MUJOCO_GL names, wherever that is
except (ImportError, AttributeError) as error:
    raise SystemExit(
        f"MuJoCo cannot be loaded to draw with MUJOCO_GL={os.environ.get('MUJOCO_GL', '')}: "
        f"{error}. On Debian or Ubuntu `egl` needs libegl1 and libgl1-mesa-dri, `osmesa` needs "
        "libosmesa6. Or unset it."
    ) from error
import tyro
from tqdm import tqdm

from hardware.interfaces import HardwareError
from policy.blending import Blend
from policy.evaluation.contender import identity
from policy.evaluation.environment import Result
from policy.evaluation.environments import open_environment
from policy.evaluation.ledger import Ledger
from policy.evaluation.planner import Replanning
from policy.evaluation.report import rows, table, to_json
from policy.evaluation.request import Request, Rules, axes_named, check_swap
from policy.evaluation.runner import opened, run, wants_film
from policy.evaluation.seeds import Split, seeds_of
from policy.interface import Continuation
from policy.text_file import write_atomically

logger = logging.getLogger(__name__)

MENDABLE = (ValueError, OSError, HardwareError, BrokenProcessPool)
"""What a person can do something about; anything else is a fault of ours and shown in full, once
what is done was reported."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.evaluate` can be asked."""

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="POLICY")]
    """Folder of a checkpoint, address of a policy server (ws://HOST:PORT), or `expert`, `nothing`
    or `random`: the best that can be expected, and two floors."""
    env: str = "aloha_sim"
    """`aloha_sim` (every kind of task, for a checkpoint those that it was trained on),
    `gym_aloha` (the two standard tasks, in their makers' environment), or tasks of one of them
    with commas between: `pick,stack`, `pick_red_cube_left`, `gym_aloha/AlohaTransferCube-v0`."""
    axis: str = "none"
    """What is unlike in training: colour, instance, position, background, instruction, several
    with commas between, `none`, or `all` (none and each of them)."""
    swap: bool = False
    """Tell another task of the scene than the one it was drawn for, to see whether the words are
    used: the report then says how often each of the two was done."""
    episodes: int = 50
    """Starts per task and axis."""
    split: Split = "test"
    """Starts to choose by (val, seeds from 500000), to report (test, from 600000), or reserved for
    checks by others (from 700000). Training uses those below 500000."""
    seed: int | None = None
    """Of the first start, if not the first of the split."""
    seconds: float | None = None
    """Simulated time that an attempt may take; as long as its kind of task allows if left out."""
    stock_rendering: bool = False
    """Draw as the benchmark's makers do (`gym_aloha`), which costs ten times as much."""
    replan_secs: float = 0.4
    """Simulated time between plans, whole control ticks (0.02 s)."""
    blend: Blend = "fade"
    """What is done where chunks overlap."""
    continuation: Continuation | None = None
    """Let each chunk go on from the one in play, in this way; plans are independent without."""
    delay_secs: float = 0.0
    """Simulated time that making a plan takes."""
    workers: int = 2
    """Processes; 0 computes in this one. The numbers do not depend on it."""
    out: Path | None = None
    """Folder that keeps every attempt as soon as it is finished. Run with the same options again,
    it goes on where it was."""
    json: Path | None = None
    """Where to write the report and every attempt."""
    videos: Path | None = None
    """Folder for a film (mp4) of every attempt that fails, named by task, axis, seed, outcome.
    Failures that --out has from before are run once more for films that are not there yet."""

    def request(self) -> Request:
        """Return what is asked for. Raises `ValueError` or `OSError` if there is no such thing."""
        rules = Rules(self.seconds, self.stock_rendering)
        environment, named = open_environment(self.env, rules)
        axes = axes_named(self.axis, environment)
        check_swap(environment, swap=self.swap)
        seeds = seeds_of(self.split, self.seed, self.episodes)
        replanning = Replanning(self.replan_secs, self.blend, self.continuation, self.delay_secs)
        asked = Request(self.policy, self.env, named, axes, self.swap, seeds, replanning, rules)
        _, driver = opened(self.policy, self.env, replanning, rules)
        return replace(asked, tasks=named or environment.select(driver.tasks))


def main(options: Options) -> int:
    """Measure closed-loop success with 95 % Wilson intervals. Returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        request = options.request()
        if options.json is not None:
            options.json.parent.mkdir(parents=True, exist_ok=True)  # rather now than in hours
        described = {**request.to_json(), "weights": _identity(request)}
        if options.workers > 0:
            opened.cache_clear()  # the processes have their own
        folder = options.out or Path(tempfile.mkdtemp(prefix="evaluation-"))
        with Ledger(folder, {**described, "policy": described["weights"]}) as ledger:
            failure = _fill(ledger, request, options)
    except MENDABLE as error:
        raise SystemExit(str(error)) from error
    results = [ledger.results[start] for start in request.starts() if start in ledger.results]
    _report(request, options, described, results)
    if options.out is None and (failure is None or not results):
        shutil.rmtree(folder)
    if failure is None:
        return 0
    _say(failure, len(results), len(request.starts()), folder)
    if not isinstance(failure, (*MENDABLE, KeyboardInterrupt)):
        raise failure
    return 130 if isinstance(failure, KeyboardInterrupt) else 1


def _identity(request: Request) -> str:
    _, driver = opened(request.policy, request.env, request.replanning, request.rules)
    return identity(request.policy, driver)


def _report(
    request: Request, options: Options, described: dict[str, Any], results: list[Result]
) -> None:
    environment, _ = open_environment(request.env, request.rules)
    found = rows(results, tells_wrong=environment.tells_wrong)
    if results:
        logger.info("%s", table(found))
    if options.json is not None:
        written = to_json(described, results, found, planned=len(request.starts()))
        write_atomically(options.json, json.dumps(written, indent=2) + "\n")


def _fill(ledger: Ledger, request: Request, options: Options) -> BaseException | None:
    """Run what is not in `ledger` yet; return what put an end to it before its time, if any did.

    Failures whose film is missing are run once more: what is in the ledger stays.
    """
    starts, kept = request.starts(), ledger.results
    unfilmed = {
        start
        for start in starts
        if options.videos is not None and start in kept and wants_film(kept[start], options.videos)
    }
    left = [start for start in starts if start not in kept or start in unfilmed]
    results = run(request, left, workers=options.workers, films=options.videos)
    won = sum(kept[start].success for start in starts if start in kept)
    bar = tqdm(
        total=len(starts),
        initial=len(starts) - len(left),
        unit="episode",
        smoothing=0,
        mininterval=0.5 if sys.stderr.isatty() else 30,
    )
    began = time.monotonic()
    try:
        with bar, closing(results):
            for result in results:
                if result.start not in unfilmed:
                    ledger.add(result)
                    won += result.success
                bar.set_postfix(successes=won, refresh=False)
                bar.update()
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - reported, then raised
        return failure
    rate = len(left) / max(time.monotonic() - began, 1e-9)
    if left:
        logger.info("%d episodes, %.0f an hour.", len(left), 3600 * rate)
    return None


def _say(failure: BaseException, done: int, planned: int, folder: Path) -> None:
    words = str(failure)
    if isinstance(failure, KeyboardInterrupt):
        words = "Interrupted."
    if isinstance(failure, BrokenProcessPool):
        words = "A process that ran episodes was ended from outside, perhaps for want of memory."
    logger.error("%s", words)
    if done:
        logger.error(
            "The table is of %d of %d episodes. They are kept: run the same command with --out %s "
            "to go on.",
            *(done, planned, folder),
        )


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m policy.evaluate", description=__doc__)))
