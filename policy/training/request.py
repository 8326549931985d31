"""What a training job was asked to do: `request.json` of its folder."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from policy.data.item import Kind
from policy.model.config import ContextForm, TimeLaw
from policy.training.rl_options import RLOptions

STRICT = ConfigDict(extra="forbid")

Stage = Literal["seeing", "grounding", "t2a", "cpt", "sft", "rl"]

STAGES: Mapping[Stage, Mapping[str, Any]] = MappingProxyType(
    {
        "seeing": {
            "scenes": 6000,
            "freeze": ("decoder", "language", "pointer"),
            "backbone_learning_rate": 2e-3,
        },
        "grounding": {"scenes": 6000, "learning_rate": 2e-3, "backbone_learning_rate": 2e-3},
        "t2a": {
            "freeze": ("vision", "language"),
            "steps": 2000,
            "time_law": TimeLaw("logit_normal"),
        },
        "cpt": {},
        "sft": {},
        "rl": {
            "freeze": ("vision", "language"),
            "learning_rate": 5e-6,
            "backbone_learning_rate": 5e-6,
            "warmup": 0,
            "ema": 0.0,
        },
    }
)
"""What a stage sets when the request does not. Stated in the paper: the order, what is frozen,
2,000 steps and the logit-normal law of T2A, the learning rate of RL. Ours: `seeing`, the vision
tower alone, and `grounding`, stages before the others that stand in for a pretrained
vision-language model. In RL the backbone stays as it is unless `freeze` is empty, as in pi_RL (the
paper does not say): seen once a decision."""

PRETRAINED: Mapping[str, Any] = MappingProxyType(
    {"learning_rate": 1e-4, "backbone_learning_rate": 1e-5, "warmup": 500}
)
"""What starting from a `backbone` sets when the request does not: rates of the same team's FineVLA
with Qwen3.5-4B on ALOHA (inferred), a warm-up of ours."""

DEMONSTRATED = ("actions", "trajectories")
"""Kinds of which there are demonstrations."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One part of a mixture."""

    __pydantic_config__ = STRICT
    kind: Kind
    dataset: str | None = None
    """Folder of demonstrations (LeRobotDataset v3.0), of which questions ask where grippers go and
    grounding where a hand acts next, or of questions. Without: about simulated scenes."""
    weight: float = 1.0
    """Share of every batch, relative to the other parts."""
    embodiment: str | None = None
    """Name of a body of `hardware.bodies`, or an embodiment.json, for a dataset that has none."""
    action_hz: float | None = None
    """Rows a second of this body's chunks (the paper: each dataset's own); else the network's."""
    horizon: int | None = None
    """Rows of this body's chunks, at most the network's."""
    cameras: dict[str, str] = field(default_factory=dict)
    """Name of a network's camera to that of the dataset's, where they differ."""
    keep_all: bool = False
    """Learn from episodes marked as failed or recorded badly too."""


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """One job. Give a `dataset`, a `mixture`, or `scenes`."""

    __pydantic_config__ = STRICT
    stage: Stage = "sft"
    dataset: str | None = None
    """Folder of demonstrations: short for a mixture of it alone."""
    scenes: int = 0
    """Simulated scenes to ground the backbone on and to ask about."""
    midway: int = 0
    """Simulated tasks under way to ground it on besides: where a hand acts next (ours)."""
    scenes_share: float = 0.25
    """Share of every batch that grounding takes, beside a `dataset`."""
    mixture: tuple[Ingredient, ...] = ()
    base: str | None = None
    """Checkpoint to start from."""
    backbone: str | None = None
    """Pretrained vision-language model to start from instead, by hub name or folder."""
    preset: str = "nano"
    """Of a network that starts at random; no other than `nano` can be learnt from nothing."""
    cameras: tuple[str, ...] = ("cam_high",)
    """What a network without `base` looks at; the first at higher resolution in `nano`."""
    state: Literal["off", "text", "decoder"] | None = None
    """Where the joint state is shown; as in the base, or by the preset, when not given."""
    prompt_convention: bool | None = None
    prompt_grippers: bool | None = None
    """Whether the prompt says the action convention, and how far each gripper is open (ours)."""
    stem: tuple[int, ...] | None = None
    first_picture_last: bool | None = None
    """Of a network that starts at random, convolutions before its vision tower; of one that has
    learnt no actions, the order of its pictures: as `QwenVLAConfig` has them (ours)."""
    decoder_context: ContextForm | None = None
    """Of a decoder that has learnt nothing yet, `DecoderConfig.context`."""
    pointer: bool | None = None
    """Whether a decoder that has learnt nothing yet is told where the backbone points (ours)."""
    action_hz: float | None = None
    """Rows a second that a network without `base` predicts; every dataset is read at this rate."""
    action_convention: str | None = None
    """What a network without `base` predicts: `as_body` or `chunk_relative_end_effector`."""
    horizon: int | None = None
    """Rows of a chunk of a network without `base`."""
    steps: int = 1000
    batch_size: int = 32
    """Of a step, over every GPU and accumulated pass."""
    accumulation: int = 1
    """Passes that a step is cut into, to need less memory."""
    seed: int = 0
    optimizer: Literal["adamw", "muon"] = "adamw"
    """What steps the matrices inside the network; all else is stepped by AdamW."""
    learning_rate: float = 1e-3
    """Of the action decoder, at its peak."""
    backbone_learning_rate: float = 5e-4
    freeze: tuple[str, ...] = ()
    """Parts that stay as they are: `vision`, `language`, `decoder`, `pointer`."""
    freeze_backbone: bool = False
    """Train the decoder alone, on hidden states computed once: quicker, without augmentation."""
    correct_pointing: bool = False
    """Where the pointer is wrong about a demonstration, the decoder is told where the hand acts
    next instead, and so learns to go where it is told. With `freeze_backbone` or `touch_weight`."""
    lora_rank: int = 0
    """Rank of low-rank adapters on the backbone; 0 trains its weights themselves."""
    lora_alpha: float = 32.0
    warmup: int = 50
    """Steps of linear warm-up, then a cosine to a hundredth of the peak."""
    weight_decay: float = 1e-4
    clip: float = 1.0
    """Largest norm of the gradient."""
    draws: int = 2
    """Noise draws of each sample from one backbone pass."""
    time_law: TimeLaw | None = None
    """How flow times are drawn; by the stage, or as in the config, when not given."""
    longest_prefix: int = 0
    """Most rows of a chunk given as committed already (training-time real-time chunking)."""
    action_weight: float = 1.0
    question_weight: float = 0.1
    """The paper's weight of the next-token loss in fine-tuning."""
    grounding_weight: float = 1.0
    touch_weight: float = 0.0
    """Of finding where a hand acts next; needs kinematics and a still first camera (ours)."""
    ema: float = 0.998
    """Decay of the averaged weights that are saved; 0 saves the last ones."""
    state_noise: float = 0.02
    """Standard deviation added to the normalised state, so that pictures stay worth looking at."""
    augment: float = 1.0
    """Strength of picture augmentation that leaves things where they are."""
    crop: float = 0.0
    """Share of each side that is cut off at random; blurs where things are, for a fixed camera."""
    paraphrase: float = 0.0
    """Share of samples whose instruction is said in other words."""
    strange_words: float = 0.0
    """Share in which invented words stand for one or two that do not say which thing (ours)."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them."""
    save_every: int = 250
    threads: int | None = None
    """Processor threads; all cores when not given."""
    workers: int = 1
    """Processes that make batches; 0 makes them between steps."""
    keep_all: bool = False
    """Of a `dataset`: learn from episodes marked as failed or recorded badly too."""
    rl: RLOptions = field(default_factory=RLOptions)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "draws", "save_every", "accumulation"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        for wrong, said in self._contradictions():
            if wrong:
                raise ValueError(said)

    def _contradictions(self) -> Iterator[tuple[bool, str]]:
        """What a request may not say, and the words to refuse it in."""
        data, rl = bool(self.dataset or self.mixture or self.scenes), self.stage == "rl"
        yield not data and not rl, "A training request needs a dataset, a mixture, or scenes."
        yield data and rl, "The stage rl learns from its own attempts: give no data."
        yield rl and self.base is None, "The stage rl improves a checkpoint: give it as base."
        yield not 0 <= self.ema < 1, f"ema is from 0 to below 1, got {self.ema}."
        kinds = {part.kind for part in self.ingredients}
        told = "grounding" in kinds and self.stage != "seeing"
        wrong = self.midway < 0 or bool(self.midway and not told)
        yield wrong, f"midway joins the scenes of a part of kind grounding, got {self.midway}."
        said = "touch_weight learns from pictures of demonstrations: give a part of kind actions."
        yield bool(self.touch_weight) and "actions" not in kinds, said
        yield (
            bool(self.pointer and self.backbone) and self.state != "decoder",
            'A network that points is shown the state: set "state": "decoder" beside pointer.',
        )
        yield (
            bool(self.touch_weight) and (self.crop > 0 or self.freeze_backbone),
            "touch_weight teaches the backbone where hands act in the picture as it was taken: "
            "leave crop and freeze_backbone out.",
        )
        yield (
            self.correct_pointing and not self.freeze_backbone and not self.touch_weight,
            "correct_pointing leaves a backbone that points wrong untaught: set touch_weight or "
            "freeze_backbone beside it.",
        )
        said = "A pretrained backbone takes pictures in as it learnt to: leave stem out."
        yield bool(self.backbone and self.stem), said
        yield (
            self.stage == "seeing" and kinds != {"grounding"},
            'The stage seeing learns from scenes alone: give "scenes", and no dataset or mixture.',
        )
        idle = "vision" in self.freeze or self.freeze_backbone or self.lora_rank or self.pointer
        yield (
            self.stage == "seeing" and bool(idle),
            "The stage seeing teaches the vision tower alone: leave lora_rank, pointer and vision "
            "among the frozen parts out.",
        )
        yield None not in (self.base, self.backbone), "Start from a base or a backbone, not both."
        yield (
            self.keep_all and (bool(self.mixture) or self.dataset is None),
            'keep_all is of a "dataset". In a mixture, set "keep_all": true in its parts instead.',
        )
        yield (
            bool(self.lora_rank) and ("language" in self.freeze or self.freeze_backbone),
            "Adapters train the language tower: do not freeze it as well.",
        )
        taught = sorted(kinds - set(DEMONSTRATED))
        yield (
            self.freeze_backbone and bool(taught),
            f"freeze_backbone leaves nothing for {', '.join(taught)} to teach. Leave those out, or "
            'freeze parts by "freeze".',
        )

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """The mixture, spelt out."""
        if self.mixture:
            return self.mixture
        kind: Kind = "trajectories" if self.stage == "t2a" else "actions"
        parts = []
        if self.dataset is not None:
            share = 1 - self.scenes_share
            parts.append(Ingredient(kind, self.dataset, weight=share, keep_all=self.keep_all))
        if self.scenes:
            parts.append(Ingredient("grounding", weight=self.scenes_share))
        return tuple(parts)

    @classmethod
    def load(cls, path: Path) -> "TrainRequest":
        """Read a request, filling in what its stage sets.

        Raises `ValueError` naming what is unknown or wrong.
        """
        try:
            given = TypeAdapter(dict[str, Any]).validate_json(path.read_bytes())
            given = {name: value for name, value in given.items() if value is not None}
            size = PRETRAINED if "backbone" in given else {}
            filled = {**size, **STAGES.get(given.get("stage", "sft"), {}), **given}
            return TypeAdapter(TrainRequest).validate_python(filled)
        except OSError as error:
            raise ValueError(f"Not a training request: {error}.") from error
        except ValidationError as error:
            wrong = "; ".join(_in_words(found) for found in error.errors(include_url=False))
            raise ValueError(f"Not a training request: {wrong}. File: {path}") from error

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    def changed(self) -> dict[str, Any]:
        """What differs from the defaults, for the model card."""
        return {
            f.name: asdict(self)[f.name]
            for f in fields(self)
            if f.name == "stage" or getattr(self, f.name) != f.default
        }


def _in_words(found: ErrorDetails) -> str:
    place = ".".join(str(part) for part in found["loc"]) or "the file"
    if found["type"] == "unexpected_keyword_argument":
        return f"{place} is not a field (known: {', '.join(f.name for f in fields(TrainRequest))})"
    return f"{place}: {found['msg']}, got {str(found['input'])[:80]!r}"
