"""The recipe of the checkpoint that ships, at three scales. Every number of it is here."""

from dataclasses import dataclass

from policy.recipe.recipe import Demonstrations, Measurement, Recipe, Scale, Stage

EPISODES: dict[str, dict[Scale, int]] = {
    "pick": {"smoke": 2, "laptop": 1200, "gpu": 600},
    "push": {"smoke": 0, "laptop": 1000, "gpu": 500},
    "put": {"smoke": 0, "laptop": 1200, "gpu": 700},
    "hand_over": {"smoke": 0, "laptop": 1000, "gpu": 600},
    "insert": {"smoke": 0, "laptop": 1000, "gpu": 700},
    "stack": {"smoke": 0, "laptop": 1000, "gpu": 700},
    "store": {"smoke": 0, "laptop": 1000, "gpu": 700},
    "line_up": {"smoke": 0, "laptop": 1000, "gpu": 700},
    "swap": {"smoke": 0, "laptop": 800, "gpu": 600},
    "sort": {"smoke": 0, "laptop": 600, "gpu": 600},
    "transfer": {"smoke": 1, "laptop": 600, "gpu": 500},
    "insertion": {"smoke": 0, "laptop": 800, "gpu": 700},
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
    pretraining: int
    """Steps."""
    pretraining_batch: int
    tuning: int
    """Steps."""
    tuning_batch: int
    correcting: int
    """Steps after the corrections; none if there are no corrections."""
    episodes: int
    """Starts per task where success is measured."""
    axis_episodes: int
    """Starts per task and axis."""
    questions: int


SIZES: dict[Scale, Size] = {
    "smoke": Size(64, 2, 16, 2, 16, 2, 1, 1, 4),
    "laptop": Size(12_000, 1500, 64, 12_000, 48, 0, 200, 20, 1000),
    "gpu": Size(20_000, 2500, 512, 5000, 512, 1000, 200, 20, 1000),
}

PRETRAINING = {
    "stage": "grounding",
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "backbone_learning_rate": 3e-3,
    "question_weight": 1.0,
    "ema": 0.99,
    "warmup": 30,
}
"""Fields of the request of the first stage: vision and words, no action."""

TUNING = {
    "stage": "sft",
    "optimizer": "muon",
    "learning_rate": 2e-3,
    "backbone_learning_rate": 1e-3,
    "draws": 2,
    "paraphrase": 0.5,
    "question_weight": 0.3,
    "ema": 0.998,
    "warmup": 30,
}
"""Fields of the request of the second stage: all tasks."""

CORRECTING = {**TUNING, "learning_rate": 5e-4, "backbone_learning_rate": 3e-4}
"""Fields of the request of the last stage: all tasks and corrections."""


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
        stages=tuple(_stages(size, shown, corrected)),
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
    size: Size, shown: list[Demonstrations], corrected: list[Demonstrations]
) -> list[Stage]:
    told = {"grounding": GROUNDING, "questions": QUESTIONS}
    weights = {each.name: SHARES.get(each.name, 1.0) for each in shown}
    scenes = {"scenes": size.scenes, "seed": 0}
    first = {"steps": size.pretraining, "batch_size": size.pretraining_batch, **scenes}
    second = {"steps": size.tuning, "batch_size": size.tuning_batch, **scenes}
    stages = [
        Stage("pretraining", {**PRETRAINING, **first}, told={"grounding": 1.0, "questions": 1.0}),
        Stage("sft", {**TUNING, **second}, base="pretraining", shown=weights, told=told),
    ]
    if corrected:
        third = {"steps": size.correcting, "batch_size": size.tuning_batch, **scenes}
        both = weights | {each.name: 1.0 for each in corrected}
        stages.append(Stage("correcting", {**CORRECTING, **third}, "sft", both, told))
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
