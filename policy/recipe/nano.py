"""The recipe of the checkpoint that ships, at three scales. Every number of it is here."""

from dataclasses import dataclass

from policy.recipe.recipe import Demonstrations, Measurement, Recipe, Scale, Stage

EPISODES: dict[str, dict[Scale, int]] = {
    "pick": {"smoke": 2, "laptop": 400, "gpu": 600},
    "push": {"smoke": 0, "laptop": 240, "gpu": 500},
    "put": {"smoke": 0, "laptop": 360, "gpu": 700},
    "hand_over": {"smoke": 0, "laptop": 220, "gpu": 600},
    "insert": {"smoke": 0, "laptop": 200, "gpu": 700},
    "stack": {"smoke": 0, "laptop": 240, "gpu": 700},
    "store": {"smoke": 0, "laptop": 220, "gpu": 700},
    "line_up": {"smoke": 0, "laptop": 120, "gpu": 700},
    "swap": {"smoke": 0, "laptop": 140, "gpu": 600},
    "sort": {"smoke": 0, "laptop": 130, "gpu": 600},
    "transfer": {"smoke": 1, "laptop": 120, "gpu": 500},
    "insertion": {"smoke": 0, "laptop": 120, "gpu": 700},
}
"""Demonstrations of each kind of task. None at a scale: the kind is left out there."""

STANDARD = {
    "transfer": "gym_aloha/AlohaTransferCube-v0",
    "insertion": "gym_aloha/AlohaInsertion-v0",
}
"""What the standard tasks are called here."""

SHARES = {
    "pick": 10,
    "push": 9,
    "put": 11,
    "hand_over": 9,
    "insert": 7,
    "stack": 9,
    "store": 9,
    "line_up": 5,
    "swap": 4,
    "sort": 4,
    "transfer": 5,
    "insertion": 5,
}
"""Weight of a kind of task in a batch, in one measure with `GROUNDING`."""

CORRECTIONS: dict[Scale, int] = {"smoke": 1, "laptop": 60, "gpu": 100}
"""Corrections of each kind of our tasks, where the checkpoint of the stage `sft` drives first."""

GROUNDING, QUESTIONS = 16, 4
"""Weights of what is beside the demonstrations, in the same measure as `SHARES`."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is trained and measured at a scale."""

    scenes: int
    batch: int
    seeing: int
    """Steps, as each of the two after it."""
    tuning: int
    correcting: int
    episodes: int
    """Starts per task where success is measured."""
    axis_episodes: int
    """Starts per task and axis."""
    questions: int


SIZES: dict[Scale, Size] = {
    "smoke": Size(64, 16, 2, 2, 2, 1, 1, 4),
    "laptop": Size(14_000, 96, 720, 2250, 2250, 200, 20, 1000),
    "gpu": Size(20_000, 512, 500, 5000, 1600, 200, 20, 1000),
}

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

TUNING = {
    "optimizer": "muon",
    "warmup": 60,
    "stage": "sft",
    "learning_rate": 2e-3,
    "backbone_learning_rate": 2e-3,
    "pointer": True,
    "prompt_grippers": True,
    "decoder_context": "read",
    "freeze": ("vision",),
    "augment": 0.0,
    "touch_weight": 1.0,
    "action_weight": 3.0,
    "question_weight": 0.3,
    "correct_pointing": True,
    "draws": 2,
    "paraphrase": 0.5,
    "ema": 0.997,
}
"""Of the second: words, pointer and decoder together, on what that tower sees. Pictures that
nothing changes are looked at once, but on a GPU."""

CORRECTING = {**TUNING, "learning_rate": 1.2e-3, "backbone_learning_rate": 1.2e-3}
"""Of the last: the same with corrections."""


def nano(scale: Scale) -> Recipe:
    """The recipe of `policy/pretrained/nano` at `scale`."""
    size = SIZES[scale]
    shown = [
        Demonstrations(name, STANDARD.get(name, name), counts[scale], seed=0, disturbed=0.3)
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
    told = {"grounding": float(GROUNDING), "questions": float(QUESTIONS)}
    weights = {each.name: float(SHARES[each.name]) for each in shown}
    common = {"batch_size": size.batch, "seed": 0, "scenes": size.scenes}
    both = dict(weights)
    for each in corrected:
        both[each.name] = both[each.task] = weights[each.task] / 2
    return [
        Stage("seeing", {**SEEING, "steps": size.seeing, **common}),
        Stage("sft", {**TUNING, "steps": size.tuning, **common}, "seeing", weights, told),
        Stage("correcting", {**CORRECTING, "steps": size.correcting, **common}, "sft", both, told),
    ]


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
