"""How a checkpoint is taught a new task: every number of it, and the request that says so."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from policy.training.request import Ingredient, TrainRequest


@dataclass(frozen=True, slots=True)
class Lesson:
    """What teaching does. Ours: the paper does not teach single tasks on a laptop.

    The numbers are for a base as small as the shipped one; a pretrained one wants lower rates.
    """

    new_share: float = 0.5
    """Of a batch: the new demonstrations. The rest shows what was known before."""
    moved_share: float = 0.2
    """Of a batch and of that share, where the base points: those with their pictures moved about,
    so that it does not learn twenty places by heart (`policy.data.moved_pictures`)."""
    questions_share: float = 0.06
    """Of a batch: questions about simulated scenes, where the base is of the simulated body."""
    batch_size: int = 48
    optimizer: Literal["adamw", "muon"] = "muon"
    learning_rate: float = 1e-3
    """Of the action decoder, at its peak."""
    backbone_learning_rate: float = 6e-4
    freeze: tuple[str, ...] | None = None
    """Parts that stay as they are: `vision`, `language`, `decoder`. Left out: `vision` where the
    base has seen the body that is shown in simulation, and nothing elsewhere."""
    action_weight: float = 3.0
    """Of the actions' loss, beside 1 of pointing, where the base learns to point."""
    draws: int = 4
    """Noise draws of each sample from one backbone pass: nearly free supervision."""
    paraphrase: float = 0.5
    """Share of samples whose instruction is said in other words."""
    warmup: int = 30
    ema: float = 0.99
    """Of so few steps, weights averaged over 100 are newest enough."""
    scenes: int = 200
    """Simulated scenes that questions are about."""
    fewest_steps: int = 60
    """Below these, nothing comes of it: more minutes are asked for."""
    most_steps: int = 3000
    """Beyond these, few demonstrations are learnt by heart; a fast machine is done earlier."""
    replay_seed: int = 40_000
    """Of the demonstrations of old tasks that are generated."""
    replay_disturbed: float = 0.35
    """Share of those that begin beside the way."""

    def __post_init__(self) -> None:
        if not 0 < self.new_share <= 1 or not 0 <= self.questions_share < 1:
            raise ValueError(
                "Shares of a batch are within 0..1 and the new demonstrations have one, got "
                f"new_share {self.new_share} and questions_share {self.questions_share}."
            )
        if not 0 <= self.moved_share < self.new_share:
            raise ValueError(
                f"moved_share is a part of new_share, {self.new_share}, and less than it; got "
                f"{self.moved_share}."
            )


@dataclass(frozen=True, slots=True)
class Material:
    """What is learnt from."""

    dataset: Path
    """The new demonstrations."""
    base: Path
    replay: tuple[Path, ...]
    """Demonstrations of what the base knows."""
    simulated: bool
    """Whether the base is of the body that simulated scenes show."""
    points: bool = False
    """Whether the base's network points, and is to learn where for the new task too."""
    keep_all: bool = False
    """Whether episodes marked as failed or recorded badly are learnt from too."""


def request_for(lesson: Lesson, material: Material, steps: int, threads: int) -> TrainRequest:
    """The job that teaches: the new demonstrations beside what was known. Saves at its end."""
    freeze = frozen(lesson, material)
    points = _points(lesson, material)
    return TrainRequest(
        base=str(material.base),
        mixture=tuple(_mixture(lesson, material)),
        scenes=lesson.scenes,
        steps=steps,
        batch_size=lesson.batch_size,
        optimizer=lesson.optimizer,
        learning_rate=lesson.learning_rate,
        backbone_learning_rate=lesson.backbone_learning_rate,
        freeze=freeze,
        augment=0.0 if material.simulated and "vision" in freeze else 1.0,
        draws=lesson.draws,
        action_weight=lesson.action_weight if points else 1.0,
        touch_weight=float(points),
        correct_pointing=points,
        paraphrase=lesson.paraphrase,
        warmup=min(lesson.warmup, steps // 4),
        ema=lesson.ema,
        save_every=max(steps // 3, 1),
        threads=threads,
    )


def frozen(lesson: Lesson, material: Material) -> tuple[str, ...]:
    """Parts that stay as they are.

    A frozen tower looks once at each picture that nothing varies (on a processor): more samples in
    the same time.
    """
    if lesson.freeze is not None:
        return lesson.freeze
    return ("vision",) if material.simulated else ()


def _points(lesson: Lesson, material: Material) -> bool:
    """Whether pointing is learnt."""
    return material.points and "language" not in frozen(lesson, material)


def probe_of(request: TrainRequest, steps: int) -> TrainRequest:
    """The same job, so short that it only shows how fast the machine is."""
    return replace(request, steps=steps, warmup=1, save_every=steps)


def steps_that_fit(lesson: Lesson, seconds: int | float, samples_per_second: int | float) -> int:
    """Steps for `seconds` at a measured rate. Raises `ValueError` when they are too few."""
    steps = int(seconds * samples_per_second / lesson.batch_size)
    if steps < lesson.fewest_steps:
        raise ValueError(
            f"In the {max(seconds, 0):.0f} s that are left this machine makes {max(steps, 0)} "
            f"steps at {samples_per_second:.1f} samples/s; {lesson.fewest_steps} are the fewest "
            "that teach anything. Give more --minutes, or end what else is running."
        )
    return min(steps, lesson.most_steps)


def _mixture(lesson: Lesson, material: Material) -> list[Ingredient]:
    told = material.simulated and "language" not in frozen(lesson, material)
    asked = lesson.questions_share if told else 0
    moved = lesson.moved_share if _points(lesson, material) else 0
    kept = max(1 - lesson.new_share - asked, 0.0)
    new = lesson.new_share - moved
    parts = [_demonstrated(material.dataset, new, keep_all=material.keep_all)]
    if moved:
        parts.append(replace(parts[0], kind="grounding", weight=moved))
    if kept:
        each = kept / max(1, len(material.replay))
        parts += [_demonstrated(old, each, keep_all=material.keep_all) for old in material.replay]
    if asked:
        parts.append(Ingredient("questions", weight=asked))
    return parts


def _demonstrated(dataset: Path, share: float, *, keep_all: bool) -> Ingredient:
    return Ingredient("actions", str(dataset), share, keep_all=keep_all)
