"""The recipe of the checkpoint that ships, at three scales. Every number of it is here."""

from dataclasses import dataclass
from typing import Any

from policy.recipe.recipe import Demonstrations, Measurement, Recipe, Scale, Stage

EPISODES: dict[str, dict[Scale, int]] = {
    "pick": {"smoke": 2, "laptop": 500, "gpu": 600},
    "push": {"smoke": 0, "laptop": 250, "gpu": 500},
    "put": {"smoke": 0, "laptop": 400, "gpu": 700},
    "hand_over": {"smoke": 0, "laptop": 300, "gpu": 600},
    "insert": {"smoke": 0, "laptop": 250, "gpu": 700},
    "stack": {"smoke": 0, "laptop": 250, "gpu": 700},
    "store": {"smoke": 0, "laptop": 200, "gpu": 700},
    "line_up": {"smoke": 0, "laptop": 150, "gpu": 700},
    "swap": {"smoke": 0, "laptop": 150, "gpu": 600},
    "sort": {"smoke": 0, "laptop": 150, "gpu": 600},
    "transfer": {"smoke": 1, "laptop": 150, "gpu": 500},
    "insertion": {"smoke": 0, "laptop": 150, "gpu": 700},
}
"""Demonstrations of each kind of task. None at a scale: the kind is left out there."""

STANDARD = {
    "transfer": "gym_aloha/AlohaTransferCube-v0",
    "insertion": "gym_aloha/AlohaInsertion-v0",
}
"""What the standard tasks are called here."""

SHARES = {"sort": 1.5, "swap": 1.5, "line_up": 1.2, "insertion": 1.5}
"""Rows of a batch that a kind of task gets, where not 1."""

CORRECTIONS: dict[Scale, int] = {"smoke": 1, "laptop": 0, "gpu": 100}
"""Corrections of each kind of our tasks, where the checkpoint of the stage `sft` drives first."""

GROUNDING, QUESTIONS = 2.0, 2.0
"""Rows of a batch beside the demonstrations, in the same measure as `SHARES`."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is trained and measured at a scale."""

    scenes: int
    batch: int
    seeing: int
    """Steps, as each of the five after it."""
    pretraining: int
    aiming: int
    driving: int
    tuning: int
    correcting: int
    """After the corrections; none if there are no corrections."""
    episodes: int
    """Starts per task where success is measured."""
    axis_episodes: int
    """Starts per task and axis."""
    questions: int


SIZES: dict[Scale, Size] = {
    "smoke": Size(64, 16, 2, 2, 2, 2, 2, 2, 1, 1, 4),
    "laptop": Size(20_000, 64, 1300, 900, 3000, 10_000, 1500, 0, 200, 20, 1000),
    "gpu": Size(20_000, 512, 500, 2500, 1000, 3000, 1000, 1000, 200, 20, 1000),
}

COMMON = {"optimizer": "muon", "warmup": 30, "question_weight": 0.3, "paraphrase": 0.5}

SEEING = {
    "optimizer": "muon",
    "warmup": 30,
    "stage": "seeing",
    "backbone_learning_rate": 2e-3,
    "ema": 0.99,
    "augment": 0.5,
    "stem": (32, 48, 96),
    "first_picture_last": True,
}
"""Fields of the request of the first stage: the vision tower alone."""

PRETRAINING = {
    **COMMON,
    "stage": "grounding",
    "learning_rate": 3e-3,
    "backbone_learning_rate": 3e-3,
    "question_weight": 1.0,
    "ema": 0.99,
    "pointer": True,
    "prompt_grippers": True,
    "decoder_context": "read",
}
"""Of the second: vision and words, no action."""

AIMING = {
    **COMMON,
    "stage": "sft",
    "backbone_learning_rate": 2e-3,
    "touch_weight": 1.0,
    "action_weight": 0.0,
    "freeze": ("decoder",),
    "ema": 0.995,
}
"""Of the third: where hands act next in demonstrations, still no action."""

DRIVING = {
    "optimizer": "muon",
    "warmup": 30,
    "stage": "sft",
    "learning_rate": 2e-3,
    "draws": 2,
    "ema": 0.999,
}
"""Of the fourth: the decoder alone, on a frozen backbone."""

FROZEN: dict[Scale, dict[str, Any]] = {
    "smoke": {"freeze_backbone": True, "correct_pointing": True},
    "laptop": {"freeze_backbone": True, "correct_pointing": True},
    "gpu": {"freeze": ("vision", "language"), "paraphrase": 0.5},
}
"""How it is frozen: what the backbone says of every row is computed once, but where the launches of
a GPU's kernels limit, that would only take gigabytes."""

TUNING = {
    **COMMON,
    "stage": "sft",
    "learning_rate": 1e-3,
    "backbone_learning_rate": 7e-4,
    "touch_weight": 0.5,
    "draws": 2,
    "ema": 0.998,
}
"""Of the fifth: everything together."""

CORRECTING = {**TUNING, "learning_rate": 5e-4, "backbone_learning_rate": 3e-4}
"""Of the last: everything together, and corrections."""


def nano(scale: Scale) -> Recipe:
    """The recipe of `policy/pretrained/nano` at `scale`."""
    size = SIZES[scale]
    shown = [
        Demonstrations(name, STANDARD.get(name, name), counts[scale])
        for name, counts in EPISODES.items()
        if counts[scale]
    ]
    corrected = _corrections(scale, [each.name for each in shown])
    return Recipe(
        name=f"nano-{scale}",
        demonstrations=(*shown, *corrected),
        stages=tuple(_stages(scale, shown, corrected)),
        measurements=tuple(_measurements(size, [each.name for each in shown])),
        questions=size.questions,
        views=("cam_high@start",),
    )


def _corrections(scale: Scale, names: list[str]) -> list[Demonstrations]:
    ours = [name for name in names if name not in STANDARD]
    return [
        Demonstrations(f"{name}-corrected", name, CORRECTIONS[scale], 20_000, driver="sft")
        for name in ours
        if CORRECTIONS[scale]
    ]


def _stages(
    scale: Scale, shown: list[Demonstrations], corrected: list[Demonstrations]
) -> list[Stage]:
    size = SIZES[scale]
    told = {"grounding": GROUNDING, "questions": QUESTIONS}
    weights = {each.name: SHARES.get(each.name, 1.0) for each in shown}
    common = {"batch_size": size.batch, "seed": 0}
    scenes = {**common, "scenes": size.scenes}
    stages = [
        Stage("seeing", {**SEEING, "steps": size.seeing, **scenes}),
        Stage(
            "pretraining",
            {**PRETRAINING, "steps": size.pretraining, **scenes},
            "seeing",
            told={"grounding": 1.0, "questions": 1.0},
        ),
        Stage("aiming", {**AIMING, "steps": size.aiming, **scenes}, "pretraining", weights, told),
        Stage(
            "driving",
            {**DRIVING, **FROZEN[scale], "steps": size.driving, **common},
            "aiming",
            weights,
        ),
        Stage("sft", {**TUNING, "steps": size.tuning, **scenes}, "driving", weights, told),
    ]
    if corrected:
        both = weights | {each.name: 1.0 for each in corrected}
        last = {**CORRECTING, "steps": size.correcting, **scenes}
        stages.append(Stage("correcting", last, "sft", both, told))
    return stages


def _measurements(size: Size, names: list[str]) -> list[Measurement]:
    ours = ",".join(name for name in names if name not in STANDARD)
    standard = ",".join(STANDARD[name] for name in names if name in STANDARD)
    axes = "colour,instance,position,background,instruction"
    found = [
        Measurement("tasks", ours, size.episodes),
        Measurement("axes", ours, size.axis_episodes, axis=axes),
        Measurement("swapped", ours, size.axis_episodes, swap=True),
    ]
    if standard:
        found.append(Measurement("standard", standard, size.episodes))
        found.append(Measurement("words", standard, size.episodes, axis="instruction"))
    return found
