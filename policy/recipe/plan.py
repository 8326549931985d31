"""The commands of a recipe on one machine, in an order in which each can follow. Runs none."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from policy.evaluation.environments import open_environment
from policy.evaluation.request import Rules, axes_named
from policy.recipe.costs import decoding_hours, demonstration_hours, evaluation_hours, stage_hours
from policy.recipe.folders import dataset_work, file_work, job_work, report_work
from policy.recipe.machine import TOGETHER, Machine
from policy.recipe.recipe import Demonstrations, Measurement, Recipe, Stage
from policy.recipe.step import Step, made_of
from policy.training.request import TrainRequest

DEVICE_ONLY = ("threads", "workers")
"""Fields of a request that say how this machine trains, not what."""


def plan(recipe: Recipe, out: Path, machine: Machine) -> tuple[Step, ...]:
    """Every step of `recipe` in the folder `out`. Raises `ValueError` for a request that is wrong.

    On a machine with a GPU the films are decoded by steps of their own, as soon as a dataset is
    complete; without one, by the training that comes to them, which would have to wait anyway.
    """
    planner = _Planner(recipe, out, machine)
    waiting = list(recipe.demonstrations)
    planner.show([shown for shown in waiting if shown.driver is None])
    for stage in recipe.stages:
        planner.train(stage)
        planner.show([shown for shown in waiting if shown.driver == stage.name])
    for measured in recipe.measurements:
        planner.measure(measured)
    if recipe.questions:
        planner.ask()
    return tuple(planner.steps.values())


class _Planner:
    """Puts steps together, one after the other."""

    def __init__(self, recipe: Recipe, out: Path, machine: Machine) -> None:
        self.recipe, self.out, self.machine = recipe, out, machine
        self.steps: dict[str, Step] = {}

    def show(self, demonstrations: list[Demonstrations]) -> None:
        """Demonstrations, and on a machine with a GPU their films decoded."""
        for shown in demonstrations:
            folder = data_folder(self.out, shown.name)
            module, driver, needs = "recordings.generate", tuple[str, ...](), tuple[str, ...]()
            if shown.driver is not None:
                module, needs = "studio.correct", (shown.driver,)
                driver = ("--policy", str(checkpoint_folder(self.out, shown.driver)))
            self._add(
                Step(
                    name=shown.name,
                    module=module,
                    arguments=(str(folder), *_generation(shown, self.recipe.camera), *driver),
                    machine=("--workers", str(self.machine.workers)),
                    work=partial(dataset_work, folder, shown.episodes),
                    made=made_of(
                        {**asdict(shown), "camera": self.recipe.camera},
                        [self.steps[name] for name in needs],
                    ),
                    needs=needs,
                    cores=self.machine.workers,
                    hours=demonstration_hours(shown),
                )
            )
            if self.machine.gpu:
                self._decode(shown)

    def _decode(self, shown: Demonstrations) -> None:
        folder, done = data_folder(self.out, shown.name), self.out / f"decoded/{shown.name}"
        cache = cache_folder(self.out) / folder.name  # where training looks for them
        self._add(
            Step(
                name=f"decode-{shown.name}",
                module="policy.recipe.decoding",
                arguments=(str(folder), str(cache), str(done)),
                machine=("--cameras", self.recipe.camera),
                work=partial(file_work, done, "dataset"),
                made=made_of({"decoded": shown.name}, [self.steps[shown.name]]),
                needs=(shown.name,),
                hours=decoding_hours(shown),
            )
        )

    def train(self, stage: Stage) -> None:
        """One job, in a folder that shares what is drawn and decoded with the others."""
        folder = job_folder(self.out, stage.name)
        request = self._request(stage)
        data = [f"decode-{name}" if self.machine.gpu else name for name in stage.shown]
        base = [] if stage.base is None else [stage.base]
        shown = [each for each in self.recipe.demonstrations if each.name in stage.shown]
        steps = int(request["steps"])
        self._add(
            Step(
                name=stage.name,
                **_training(folder, self.machine),
                work=partial(job_work, folder, steps),
                made=made_of(
                    {**asdict(stage), "cameras": request.get("cameras")},
                    [self.steps[name] for name in (*stage.shown, *base)],
                ),
                needs=(*data, *base),
                cores=0 if self.machine.gpu else self.machine.cores,
                gpu=self.machine.gpu,
                hours=stage_hours(request, shown, self.machine),
                prepare=partial(_write_request, folder, request, cache_folder(self.out)),
            )
        )

    def _request(self, stage: Stage) -> dict[str, Any]:
        shown = [
            {"kind": "actions", "dataset": str(data_folder(self.out, name)), "weight": weight}
            for name, weight in stage.shown.items()
        ]
        told = [{"kind": kind, "weight": weight} for kind, weight in stage.told.items()]
        base = {} if stage.base is None else {"base": str(checkpoint_folder(self.out, stage.base))}
        seen = [self.recipe.camera, *self.recipe.views]
        start = {"cameras": seen} if stage.base is None else {}
        threads = self.machine.cores if self.machine.gpu else 1
        machine = {"threads": threads, "workers": self.machine.batch_workers}
        return {**start, **stage.request, **base, "mixture": [*shown, *told], **machine}

    def measure(self, measured: Measurement) -> None:
        """A run of `policy.evaluate`, at the end or beside others."""
        ledger = self.out / "evaluation" / measured.name
        report = report_file(self.out, measured.name)
        count = attempts(measured)
        options = ["--env", measured.env, "--axis", measured.axis, *measured.options]
        options += ["--episodes", str(measured.episodes), *(["--swap"] if measured.swap else [])]
        released = self.steps[self.recipe.released]
        checkpoint = checkpoint_folder(self.out, self.recipe.released)
        kept = ("--out", str(ledger), "--json", str(report))
        self._add(
            Step(
                name=measured.name,
                module="policy.evaluate",
                arguments=(str(checkpoint), *options, *kept),
                machine=("--workers", str(self.machine.cores)),
                work=partial(report_work, report, ledger, count),
                made=made_of(asdict(measured), [released]),
                needs=(self.recipe.released,),
                cores=self.machine.cores,
                hours=evaluation_hours(measured.env, count),
            )
        )

    def ask(self) -> None:
        """A run of `policy.ask` over unseen scenes."""
        report, count = report_file(self.out, "questions"), str(self.recipe.questions)
        checkpoint = checkpoint_folder(self.out, self.recipe.released)
        self._add(
            Step(
                name="questions",
                module="policy.ask",
                arguments=(
                    *(str(checkpoint), "--count", count, "--scenes", count),
                    *("--json", str(report)),
                ),
                machine=("--workers", str(self.machine.workers)),
                work=partial(file_work, report, "report"),
                made=made_of({"questions": count}, [self.steps[self.recipe.released]]),
                needs=(self.recipe.released,),
                cores=self.machine.workers,
                prepare=partial(_make_folder, report.parent),
            )
        )

    def _add(self, step: Step) -> None:
        self.steps[step.name] = step


def data_folder(out: Path, name: str) -> Path:
    """Where the demonstrations called `name` are."""
    return out / "data" / name


def job_folder(out: Path, stage: str) -> Path:
    """Where a stage is trained."""
    return out / "jobs" / stage


def checkpoint_folder(out: Path, stage: str) -> Path:
    """The checkpoint that a stage ends in."""
    return job_folder(out, stage) / "checkpoints/last"


def report_file(out: Path, name: str) -> Path:
    """The report of a measurement."""
    return out / "evaluation" / f"{name}.json"


def cache_folder(out: Path) -> Path:
    """What all jobs share: films decoded and scenes drawn once."""
    return out / "cache"


def attempts(measured: Measurement) -> int:
    """Attempts of a measurement: starts of every task on every axis. Raises `ValueError`."""
    environment, named = open_environment(measured.env, Rules())
    axes = axes_named(measured.axis, environment)
    return len(named or environment.tasks) * len(axes) * measured.episodes


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _generation(shown: Demonstrations, camera: str) -> tuple[str, ...]:
    given = {
        "--task": shown.task,
        "--episodes": shown.episodes,
        "--seed": shown.seed,
        "--cameras": camera,
    }
    if shown.driver is None:
        given["--disturbed"] = shown.disturbed
    return (*(str(word) for pair in given.items() for word in pair), *shown.options)


def _training(folder: Path, machine: Machine) -> dict[str, Any]:
    """How a job is started: on cores as one process each, which share every batch.

    On two cores that learns from half as many samples again as one process of two threads
    (`docs/log.md`); the result is the same.
    """
    if machine.gpu or machine.cores == 1:
        return {"module": "policy.train", "arguments": (str(folder),)}
    several = ("--standalone", "--nproc-per-node", str(min(machine.cores, TOGETHER)))
    return {
        "module": "torch.distributed.run",
        "arguments": (*several, "-m", "policy.train", str(folder)),
    }


def _write_request(folder: Path, request: Mapping[str, Any], cache: Path) -> None:
    """Make a job folder; one that is there must be of the same request, but for the machine's."""
    path = folder / "request.json"
    if path.exists():
        theirs, ours = json.loads(path.read_text()), json.loads(json.dumps(request))
        alike = dict.fromkeys(DEVICE_ONLY)
        if {**theirs, **alike} != {**ours, **alike}:
            raise ValueError(
                f"The job was begun with another request. Remove the folder to train anew, or "
                f"choose another OUT: {folder}"
            )
    _make_folder(folder)
    _make_folder(cache)
    shared = folder / "cache"
    if not shared.is_symlink():
        shared.symlink_to(cache.absolute(), target_is_directory=True)
    path.write_text(json.dumps(request, indent=2) + "\n")
    TrainRequest.load(path)
