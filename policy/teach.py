"""Teach a checkpoint something new: `python -m policy.teach DATASET`.

From a few demonstrations of a task it never saw, in a quarter of an hour on two cores, beside what
it knew before. Stopped at any moment, the same command goes on. Ends with 0, with 130 when
stopped, with 1 when it cannot be done.
"""

import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from hardware.embodiment import Embodiment
from policy.data.loader import set_sharing
from policy.data.samples import load_samples
from policy.model.checkpoint import Body, Checkpoint
from policy.teaching.cores import processes, train_on
from policy.teaching.lesson import Lesson, Material, probe_of, request_for, steps_that_fit
from policy.teaching.replay import generate_replay, is_simulated, known_tasks
from policy.text_file import write_atomically
from policy.train import in_words
from policy.training.request import TrainRequest

logger = logging.getLogger(__name__)

ASKED = "lesson.json"
"""What the job of a folder was asked to teach, to go on with that and no other."""

PROBE_STEPS = 30
"""Of the job that measures the machine; the second half counts."""

REPLAY_SHARE = 0.2
"""Of the time that demonstrations of old tasks are generated."""

MARGIN = 0.9
"""Of the time that is planned with: machines slow down, and the end has to be written."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.teach` can be asked."""

    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Demonstrations of the new task: of the body and with the cameras that the base sees."""
    base: Path = Path("policy/pretrained/nano")
    """Checkpoint to start from."""
    out: Path | None = None
    """Folder of the job; `data/jobs/taught-DATASET` if left out, which the studio lists."""
    minutes: float = 15.0
    """Time for all of it: showing old tasks again, decoding, training."""
    replay: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """Demonstrations of what the base knows already; may be repeated. Left out, they are generated
    in simulation, where the base is of the simulated ALOHA."""
    keep_all: bool = False
    """Learn from episodes marked as failed or recorded badly too, of DATASET and of --replay."""
    threads: int | None = None
    """Cores to use; all that there are if left out."""
    lesson: Lesson = field(default_factory=Lesson)
    """How it is taught."""

    @property
    def folder(self) -> Path:
        """Of the job."""
        return self.out or Path("data/jobs") / f"taught-{self.dataset.resolve().name}"


def teach(options: Options, stop: threading.Event) -> Path:
    """Teach, and return the folder of the checkpoint. Set `stop` to leave what there is.

    Raises `ValueError` for what cannot be taught, before anything is learnt.
    """
    began = time.monotonic() - time.process_time()  # importing took its time, too
    threads = options.threads or len(os.sched_getaffinity(0))
    body = fitting_body(options.base, (options.dataset, *options.replay))
    path = options.folder / "request.json"
    options.folder.mkdir(parents=True, exist_ok=True)
    asked = options.folder / ASKED
    if path.exists():
        _require_same(asked, options)
        logger.info("Going on with the job in %s.", options.folder)
    else:
        request = _planned(options, body, began, threads, stop)
        write_atomically(asked, json.dumps(_as_asked(options), indent=2) + "\n")
        request.save(path)
    if not stop.is_set():
        train_on(options.folder, threads, stop)
    return options.folder / "checkpoints/last"


def fitting_body(base: Path, datasets: tuple[Path, ...]) -> Body:
    """The body of `base` that all `datasets` are of. Raises `ValueError` naming what differs."""
    known = {body.embodiment.name: body for body in Checkpoint.load(base).bodies}
    found: list[Body] = []
    for dataset in datasets:
        path = dataset / "meta/embodiment.json"
        if not path.exists():
            raise ValueError(f"{dataset} does not say which body it is of: there is no {path}.")
        theirs = Embodiment.load(path)
        body = known.get(theirs.name)
        if body is None:
            raise ValueError(
                f"The base drives {', '.join(known)}; {dataset} is of {theirs.name!r}. Start from "
                "a base that drives it, or train with `python -m policy.train`."
            )
        differences = body.embodiment.differences(theirs)
        if differences:
            raise ValueError(
                f"The base knows {theirs.name!r} otherwise than {dataset}: "
                f"{'; '.join(differences)}."
            )
        found.append(body)
    if len({body.embodiment.name for body in found}) > 1:
        raise ValueError("The new and the old demonstrations are of different bodies.")
    return found[0]


def _planned(
    options: Options, body: Body, began: float, threads: int, stop: threading.Event
) -> TrainRequest:
    """Show old tasks again, measure the machine, and choose as many steps as fit."""
    seconds = 60 * options.minutes * MARGIN
    simulated = is_simulated(body.embodiment)
    replay = options.replay
    if not replay and simulated and known_tasks(body):
        own = options.folder / "replay"
        limit = REPLAY_SHARE * seconds
        count = generate_replay(
            own, body, options.lesson, seconds=limit, workers=threads, stop=stop
        )
        logger.info("%d demonstrations of what it knows.", count)
        replay = (own,)
    if not replay:
        logger.warning("Nothing of what the base knows is shown again; it may forget. See --replay")
    points = simulated and Checkpoint.load(options.base).model.config.pointer
    material = Material(
        *(options.dataset, options.base, replay, simulated, points), keep_all=options.keep_all
    )
    each = threads // processes(threads)
    request = request_for(options.lesson, material, options.lesson.most_steps, each)
    rate = _rate(options.folder, request, threads, stop)
    left = seconds - (time.monotonic() - began)
    steps = steps_that_fit(options.lesson, left, rate)
    logger.info("%.1f samples/s: %d steps in the %.1f minutes left.", rate, steps, left / 60)
    return request_for(options.lesson, material, steps, each)


def _rate(folder: Path, request: TrainRequest, threads: int, stop: threading.Event) -> float:
    """Samples a second of the job, measured on a few steps; its films stay decoded."""
    probe, cache = folder / "probe", folder / "cache"
    shutil.rmtree(probe, ignore_errors=True)
    probe.mkdir()
    cache.mkdir(exist_ok=True)
    (probe / "cache").symlink_to(cache.absolute(), target_is_directory=True)
    probe_of(request, PROBE_STEPS).save(probe / "request.json")
    train_on(probe, threads, stop)
    if stop.is_set():
        raise KeyboardInterrupt
    last = (probe / "metrics.jsonl").read_text().splitlines()[-1]
    shutil.rmtree(probe)
    return float(json.loads(last)["samples_per_second"])


def _as_asked(options: Options) -> dict[str, Any]:
    """What decides what is learnt, as in a file."""
    fields = {**asdict(options), "out": None, "threads": None}
    return dict(json.loads(json.dumps(fields, default=str)))


def _require_same(asked: Path, options: Options) -> None:
    if not asked.is_file():
        raise ValueError(
            f"{options.folder} holds a job that does not say how it was asked: it has no {ASKED}. "
            "Choose another --out, or remove it."
        )
    usual = _as_asked(Options(options.dataset))  # older jobs do not say every option
    before = usual | json.loads(asked.read_text())
    now = _as_asked(options)
    now["lesson"] = {name: now["lesson"].get(name) for name in before["lesson"]}
    differing = [f"{name} {before.get(name)!r}" for name in now if before.get(name) != now[name]]
    if differing:
        raise ValueError(
            f"{options.folder} holds a job that teaches with {', '.join(differing)}. Choose "
            "another --out, or remove it."
        )


def next_steps(options: Options, checkpoint: Path) -> str:
    """What a person may want to do now, as commands."""
    body = fitting_body(checkpoint, (options.dataset,))
    shown = load_samples(options.dataset, {}, checkpoint, keep_all=options.keep_all)
    new = known_tasks(replace(body, tasks=shown.tasks))
    env = f" --env {','.join(new)}" if new else ""
    return (
        f"Taught: {checkpoint}\n"
        f"  python -m policy.evaluate {checkpoint}{env} --episodes 50   # the new task\n"
        f"  python -m policy.evaluate {checkpoint} --episodes 50   # all that it knows\n"
        f"  make run POLICY={checkpoint}   # drive with it\n"
    )


def main(options: Options) -> int:
    """Teach, and say what to do with the result. Returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    set_sharing()
    began = time.monotonic() - time.process_time()
    try:
        checkpoint = teach(options, stop)
    except ValueError as error:
        sys.stderr.write(f"Cannot teach: {in_words(error)}\n")
        return 1
    except KeyboardInterrupt:
        stop.set()
    if stop.is_set():
        logger.info("Stopped. The same command goes on.")
        return 130
    logger.info("%.1f minutes in all.", (time.monotonic() - began) / 60)
    sys.stdout.write(next_steps(options, checkpoint))
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m policy.teach", description=__doc__)))
