"""What the parts of a recipe take, from figures measured on two cores (`docs/recipe.md`)."""

from collections.abc import Mapping
from typing import Any

from hardware.simulation.standard.task import STANDARD_TASKS
from policy.recipe.machine import Machine
from policy.recipe.recipe import Demonstrations

DEMONSTRATION_SECS = {
    "pick": 0.5,
    "push": 0.6,
    "put": 0.9,
    "hand_over": 0.9,
    "insert": 1.2,
    "stack": 1.2,
    "store": 1.2,
    "line_up": 1.4,
    "swap": 2.1,
    "sort": 2.4,
}
"""Core-seconds of a demonstration with one camera of 320 x 240, by kind of task; measured, but for
`sort`, which is estimated by its length."""

STANDARD_SECS = 1.5
"""The same for the two standard tasks."""

USUAL_SECS = 1.2
"""The same for a task that is in no table."""

EVALUATION = 1.5
"""How many times as long as a demonstration an attempt takes: nano, one core, measured on picks."""

DECODING_SECS = 0.05
"""Core-seconds to decode the film of a demonstration."""

SAMPLES_A_SECOND = 22.0
"""Samples a core learns from in a second: 38 to 60 were measured on two."""

GPU_SAMPLES_A_SECOND = 6000.0
"""Samples a large GPU is planned with; not measured (`docs/recipe.md`)."""

HOUR = 3600.0


def demonstration_secs(task: str) -> float:
    """Core-seconds of one demonstration of `task`."""
    if task in STANDARD_TASKS:
        return STANDARD_SECS
    kinds = [kind for kind in DEMONSTRATION_SECS if task.startswith(kind)]
    return DEMONSTRATION_SECS[max(kinds, key=len)] if kinds else USUAL_SECS


def demonstration_hours(shown: Demonstrations) -> float:
    """Core-hours."""
    return shown.episodes * demonstration_secs(shown.task) / HOUR


def decoding_hours(shown: Demonstrations) -> float:
    """Core-hours."""
    return shown.episodes * DECODING_SECS / HOUR


def stage_hours(request: Mapping[str, Any], machine: Machine) -> float:
    """Core-hours without a GPU, hours of the GPU with one."""
    samples = int(request["steps"]) * int(request["batch_size"])
    return samples / (GPU_SAMPLES_A_SECOND if machine.gpu else SAMPLES_A_SECOND) / HOUR


def evaluation_hours(env: str, attempts: int) -> float:
    """Core-hours."""
    each = [demonstration_secs(task) for task in env.split(",")]
    return attempts * EVALUATION * sum(each) / len(each) / HOUR
