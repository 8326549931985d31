"""The folder that is shipped: the last checkpoint, and a card with all that it follows from."""

import json
import re
import shutil
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from hardware.simulation.language.reading import understand
from policy.ask import Accuracy
from policy.evaluation.report import Row, table
from policy.evaluation.request import NO_AXIS
from policy.model.checkpoint import Checkpoint
from policy.recipe.plan import checkpoint_folder, report_file
from policy.recipe.recipe import Recipe
from policy.recipe.step import Step

PARTIAL = "release.partial"

LEAST = 0.2
"""Share of starts that a kind of task must succeed in to be told of: a released policy refuses what
it would nearly always fail at, in words that it then does not know."""


def release(recipe: Recipe, out: Path, steps: Sequence[Step]) -> Path:
    """Write `out`/release from the last stage's checkpoint; replaces what was there.

    Raises `ValueError` or `OSError` when a checkpoint or a report cannot be read.
    """
    folder, partial = out / "release", out / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    source = checkpoint_folder(out, recipe.released)
    shutil.copytree(source, partial)
    checkpoint = Checkpoint.load(partial)
    told = worth_telling(checkpoint.tasks, _poor(recipe, out))
    (partial / "tasks.json").write_text(json.dumps(told, indent=2) + "\n")
    (partial / "README.md").write_text(card(recipe, out, steps, checkpoint))
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    return folder


def worth_telling(tasks: Iterable[str], poor: Container[str]) -> tuple[str, ...]:
    """Those of the instructions `tasks` that are of no kind among the `poor` ones."""
    read = ((told, understand(told)) for told in tasks)
    return tuple(told for told, meant in read if meant is None or meant.family not in poor)


def _poor(recipe: Recipe, out: Path) -> set[str]:
    """Kinds of which less than `LEAST` succeeded, on starts like those of training."""
    rows = [
        row
        for measured in recipe.measurements
        if not measured.swap
        for row in json.loads(report_file(out, measured.name).read_text())["tasks"]
    ]
    return {row["task"] for row in rows if row["axis"] == NO_AXIS and row["success"] < LEAST}


def card(recipe: Recipe, out: Path, steps: Sequence[Step], checkpoint: Checkpoint) -> str:
    """The model card in Markdown, from the recipe, the checkpoint and the reports alone."""
    model = checkpoint.model
    total = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    decoder = sum(parameter.numel() for parameter in model.decoder.parameters()) / 1e6
    sizes = ", ".join(f"`{n}` at {w} x {h}" for n, (h, w) in model.config.image_sizes.items())
    parts = (
        _HEAD,
        f"# Qwen-VLA {model.config.preset}, simulated ALOHA\n",
        f"An open implementation of Qwen-VLA (arXiv 2605.30280): a Qwen3.5 backbone and a "
        f"single-stream DiT action decoder, {total:.2f} M parameters, {decoder:.2f} M of them in "
        f"the decoder. It looks at {sizes} and plans {model.config.horizon} rows at "
        f"{model.config.action_hz:g} Hz. Trained from random weights; no data or weights of "
        "others.\n",
        "## Success\n",
        "Closed loop in simulation, starts that training never saw, 95 % Wilson intervals.\n",
        *_results(recipe, out),
        "## How it was made\n",
        f"Recipe `{recipe.name}`, all of it again by `python -m policy.reproduce OUT --scale "
        f"{recipe.name.rpartition('-')[2]}`; step by step:\n",
        *_data(recipe, steps, out),
        *_training(recipe, steps, out),
    )
    return "\n".join(parts)


def _results(recipe: Recipe, out: Path) -> Iterator[str]:
    for measured in recipe.measurements:
        report = json.loads(report_file(out, measured.name).read_text())
        said = f"--env {measured.env} --axis {measured.axis} --episodes {measured.episodes}"
        said += " --swap" if measured.swap else ""
        yield f"`python -m policy.evaluate policy/pretrained/nano {said}`\n"
        yield f"```\n{table(TypeAdapter(list[Row]).validate_python(report['tasks']))}\n```\n"
    if recipe.questions:
        report = json.loads(report_file(out, "questions").read_text())
        yield f"`python -m policy.ask policy/pretrained/nano --count {recipe.questions}`\n"
        yield "| questions about | right | 95 % | blind guess |\n|---|---|---|---|"
        yield "\n".join(_answered(Accuracy(**row)) for row in report["types"]) + "\n"


def _answered(row: Accuracy) -> str:
    low, high = (100 * share for share in row.interval95)
    return (
        f"| {row.type} | {row.right} of {row.asked} | {low:.1f} to {high:.1f} % | "
        f"{100 * row.blind:.1f} % |"
    )


def _data(recipe: Recipe, steps: Sequence[Step], out: Path) -> Iterator[str]:
    named = {step.name: step for step in steps}
    yield "Demonstrations by the scripted expert, and corrections of an earlier checkpoint:\n"
    yield "```sh"
    for shown in recipe.demonstrations:
        yield _told(named[shown.name], out)
    yield "```\n"


def _training(recipe: Recipe, steps: Sequence[Step], out: Path) -> Iterator[str]:
    named = {step.name: step for step in steps}
    yield "Then jobs of `python -m policy.train`, with these fields of `request.json`:\n"
    for stage in recipe.stages:
        request = json.loads((out / "jobs" / stage.name / "request.json").read_text())
        yield f"{stage.name}: `{_told(named[stage.name], out)}`\n"
        yield f"```json\n{_without(out, json.dumps(request, indent=1))}\n```\n"


def _told(step: Step, out: Path) -> str:
    return f"python {_without(out, ' '.join(step.command))}"


def _without(out: Path, text: str) -> str:
    """`text` with OUT in the place of the folder `out`, where a path begins with it."""
    begins = rf"(?<![\w./-]){re.escape(str(out))}(?=/)"
    return re.sub(begins, "OUT", text)


_HEAD = """---
license: apache-2.0
tags: [robotics, vla, qwen-vla]
---"""
