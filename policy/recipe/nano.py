"""The recipe of the checkpoint that ships, at three scales. Every number of it is here."""

from dataclasses import dataclass

from policy.recipe.recipe import Demonstrations, Measurement, Recipe, Scale, Stage

EPISODES: dict[str, dict[Scale, int]] = {
    "pick": {"smoke": 2, "laptop": 400, "gpu": 400},
    "push": {"smoke": 0, "laptop": 240, "gpu": 350},
    "put": {"smoke": 0, "laptop": 360, "gpu": 500},
    "hand_over": {"smoke": 0, "laptop": 220, "gpu": 400},
    "insert": {"smoke": 0, "laptop": 200, "gpu": 450},
    "stack": {"smoke": 0, "laptop": 240, "gpu": 500},
    "store": {"smoke": 0, "laptop": 220, "gpu": 500},
    "line_up": {"smoke": 0, "laptop": 120, "gpu": 500},
    "swap": {"smoke": 0, "laptop": 140, "gpu": 450},
    "sort": {"smoke": 0, "laptop": 130, "gpu": 450},
    "transfer": {"smoke": 1, "laptop": 120, "gpu": 350},
    "insertion": {"smoke": 0, "laptop": 120, "gpu": 450},
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
"""Corrections of each kind of task, where the checkpoint of the stage `sft` drives first."""

UNCORRECTED = ("insertion",)
"""Kinds that the stage `sft` does not come far enough with to be corrected."""

GROUNDING, QUESTIONS = 40, 6
"""Weights of what is beside the demonstrations, in the same measure as `SHARES`."""

AGAIN: dict[str, dict[Scale, int]] = {
    "pick": {"smoke": 1, "laptop": 150, "gpu": 150},
    "push": {"smoke": 0, "laptop": 460, "gpu": 460},
    "put": {"smoke": 0, "laptop": 260, "gpu": 260},
    "hand_over": {"smoke": 0, "laptop": 400, "gpu": 400},
    "insert": {"smoke": 0, "laptop": 500, "gpu": 500},
    "stack": {"smoke": 0, "laptop": 460, "gpu": 460},
    "store": {"smoke": 0, "laptop": 340, "gpu": 340},
    "line_up": {"smoke": 0, "laptop": 140, "gpu": 140},
    "swap": {"smoke": 0, "laptop": 120, "gpu": 120},
    "sort": {"smoke": 0, "laptop": 110, "gpu": 110},
    "transfer": {"smoke": 1, "laptop": 380, "gpu": 380},
    "insertion": {"smoke": 0, "laptop": 360, "gpu": 360},
}
"""Demonstrations in scenes that no stage before `practising` has seen."""

CORRECTIONS_AGAIN: dict[str, int] = {
    "pick": 40,
    "push": 130,
    "put": 80,
    "hand_over": 110,
    "insert": 130,
    "stack": 30,
    "store": 90,
    "transfer": 130,
    "insertion": 90,
}
"""Corrections where the checkpoint of the stage `correcting` drives first; one each in `smoke`."""

PRACTISED: dict[str, tuple[int, int, int, int]] = {
    "pick": (1, 1, 1, 2),
    "push": (2, 1, 4, 2),
    "put": (2, 1, 2, 2),
    "hand_over": (2, 1, 3, 2),
    "insert": (2, 1, 4, 2),
    "stack": (2, 1, 4, 1),
    "store": (1, 1, 3, 2),
    "line_up": (2, 1, 2, 0),
    "swap": (2, 0, 2, 0),
    "sort": (2, 0, 2, 0),
    "transfer": (1, 1, 4, 2),
    "insertion": (1, 0, 4, 2),
}
"""Weights of a kind's demonstrations and corrections in `practising`: the first ones, and those
of `AGAIN` and `CORRECTIONS_AGAIN`."""

PRACTISED_GROUNDING, PRACTISED_QUESTIONS = 52, 8


@dataclass(frozen=True, slots=True)
class Size:
    """How much is trained and measured at a scale."""

    scenes: int
    midway: int
    """Tasks under way."""
    batch: int
    seeing: int
    """Steps, as each of the three after it."""
    tuning: int
    correcting: int
    practising: int
    episodes: int
    """Starts per task where success is measured."""
    axis_episodes: int
    """Starts per task and axis."""
    questions: int


SIZES: dict[Scale, Size] = {
    "smoke": Size(64, 40, 40, 2, 2, 2, 2, 1, 1, 4),
    "laptop": Size(14_000, 70_000, 128, 720, 2250, 2250, 3900, 200, 20, 1000),
    "gpu": Size(20_000, 100_000, 512, 500, 3400, 1000, 2200, 200, 20, 1000),
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
"""Of the third: the same with corrections."""

PRACTISING = {**CORRECTING, "draws": 4, "strange_words": 0.5}
"""Of the last: with new scenes and corrections, and words that nobody has told it."""


def nano(scale: Scale) -> Recipe:
    """The recipe of `policy/pretrained/nano` at `scale`."""
    size = SIZES[scale]
    shown = _shown(scale, EPISODES, "", 0)
    corrected = _corrections(scale, [each.name for each in shown])
    practised = [
        *_shown(scale, AGAIN, "-again", 50_000),
        *(
            Demonstrations(
                f"{name}-again-corrected",
                STANDARD.get(name, name),
                1 if scale == "smoke" else count,
                60_000,
                driver="correcting",
            )
            for name, count in CORRECTIONS_AGAIN.items()
            if AGAIN[name][scale]
        ),
    ]
    return Recipe(
        name=f"nano-{scale}",
        demonstrations=(*shown, *practised, *corrected),
        stages=tuple(_stages(scale, shown, corrected, practised)),
        measurements=tuple(_measurements(size, [each.name for each in shown])),
        questions=size.questions,
        views=("cam_high@start",),
    )


def _shown(
    scale: Scale, episodes: dict[str, dict[Scale, int]], suffix: str, seed: int
) -> list[Demonstrations]:
    return [
        Demonstrations(name + suffix, STANDARD.get(name, name), counts[scale], seed, disturbed=0.3)
        for name, counts in episodes.items()
        if counts[scale]
    ]


def _corrections(scale: Scale, names: list[str]) -> list[Demonstrations]:
    return [
        Demonstrations(
            f"{name}-corrected",
            STANDARD.get(name, name),
            CORRECTIONS[scale],
            20_000,
            driver="sft",
        )
        for name in names
        if name not in UNCORRECTED
    ]


def _stages(
    scale: Scale,
    shown: list[Demonstrations],
    corrected: list[Demonstrations],
    practised: list[Demonstrations],
) -> list[Stage]:
    size = SIZES[scale]
    told = {"grounding": float(GROUNDING), "questions": float(QUESTIONS)}
    weights = {each.name: float(SHARES[each.name]) for each in shown}
    common = {"batch_size": size.batch, "seed": 0, "scenes": size.scenes}
    under_way = {**common, "midway": size.midway}
    correcting = {**CORRECTING, "steps": size.correcting, **under_way}
    both = dict(weights)
    for each in corrected:
        kind = each.name.removesuffix("-corrected")
        both[each.name] = both[kind] = weights[kind] / 2
    practice = _practice([each.name for each in (*shown, *corrected, *practised)])
    beside = {"grounding": float(PRACTISED_GROUNDING), "questions": float(PRACTISED_QUESTIONS)}
    largest = int(max(size.batch, sum(practice.values()) + sum(beside.values())))
    last = {**PRACTISING, **under_way, "steps": size.practising, "batch_size": largest}
    return [
        Stage("seeing", {**SEEING, "steps": size.seeing, **common}),
        Stage("sft", {**TUNING, "steps": size.tuning, **under_way}, "seeing", weights, told),
        Stage("correcting", correcting, "sft", both, told),
        Stage("practising", last, "correcting", practice, beside),
    ]


def _practice(names: list[str]) -> dict[str, float]:
    """Weights of the sets of demonstrations `names` in the last stage; a row or more of each."""
    suffixes = ("", "-corrected", "-again", "-again-corrected")
    return {
        kind + suffix: float(weight)
        for kind, weights in PRACTISED.items()
        for suffix, weight in zip(suffixes, weights, strict=True)
        if weight and kind + suffix in names
    }


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
