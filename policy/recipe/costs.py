"""What the parts of a recipe take, from figures measured on two cores (`docs/recipe.md`)."""

from collections.abc import Iterable, Mapping
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

AIMING_SAMPLES_A_SECOND = 27.0
"""The same where no action is learnt and the decoder stays as it is; measured."""

SEEING_SAMPLES_A_SECOND = 50.0
"""The same of a vision tower alone, asked twice: two cores learnt from 92 to 107."""

SEEN_SAMPLES_A_SECOND = 49.0
"""The same where the tower stays as it is and looks at each picture once, `augment` 0: two cores
learnt from 96 to 101, two draws, a context that is only read."""

DECODER_SAMPLES_A_SECOND = 85.0
"""The same where the decoder learns alone, from contexts computed before: two cores learnt from 160
to 190, with two draws and a context that is only read, beside other work."""

CONTEXTS_A_SECOND = 50.0
"""Rows of demonstrations whose contexts a core computes in a second: 42 to 55, beside the same."""

ROWS_A_CORE_SECOND = 50.0
"""Rows, 10 a second of the robot's, in what a core demonstrates in a second: the 2,510
demonstrations of `laptop` are 2,792 core-seconds by the tables above, and have 140,888."""

GPU_SAMPLES_A_SECOND = 6000.0
"""Samples a large GPU is planned with; not measured (`docs/recipe.md`)."""

GPU_CONTEXTS_A_SECOND = 1250.0
"""The same of rows whose contexts are computed: what one process makes ready, 0.80 ms each."""

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


def stage_hours(
    request: Mapping[str, Any], shown: Iterable[Demonstrations], machine: Machine
) -> float:
    """Core-hours without a GPU, hours of the GPU with one, of a stage that learns from `shown`.

    With `freeze_backbone`, every row of them is looked at once before anything is learnt.
    """
    samples = int(request["steps"]) * int(request["batch_size"])
    seconds = samples / (GPU_SAMPLES_A_SECOND if machine.gpu else _samples_a_second(request))
    if request.get("freeze_backbone"):
        seconds += _rows(shown) / (GPU_CONTEXTS_A_SECOND if machine.gpu else CONTEXTS_A_SECOND)
    return seconds / HOUR


def _samples_a_second(request: Mapping[str, Any]) -> float:
    """Of one core."""
    if request.get("freeze_backbone"):
        return DECODER_SAMPLES_A_SECOND
    if request.get("stage") == "seeing":
        return SEEING_SAMPLES_A_SECOND
    if "vision" in request.get("freeze", ()) and request.get("augment", 1.0) == 0:
        return SEEN_SAMPLES_A_SECOND
    aims = request.get("action_weight") == 0 and "decoder" in request.get("freeze", ())
    return AIMING_SAMPLES_A_SECOND if aims else SAMPLES_A_SECOND


def _rows(shown: Iterable[Demonstrations]) -> float:
    secs = sum(each.episodes * demonstration_secs(each.task) for each in shown)
    return ROWS_A_CORE_SECOND * secs


def evaluation_hours(env: str, attempts: int) -> float:
    """Core-hours."""
    each = [demonstration_secs(task) for task in env.split(",")]
    return attempts * EVALUATION * sum(each) / len(each) / HOUR
