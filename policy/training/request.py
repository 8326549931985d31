"""What a training job was asked to do: `request.json` of its folder."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """One job. At least one of `dataset` and `scenes` must be given."""

    dataset: str | None = None
    """Folder of demonstrations (LeRobotDataset v3.0); without it only grounding is trained."""
    base: str | None = None
    """Checkpoint to start from; without it the weights of `preset` start at random."""
    stage: str = "sft"
    preset: str = "nano"
    cameras: tuple[str, ...] = ("cam_high",)
    """What a network that starts at random looks at; the first at higher resolution."""
    steps: int = 1000
    batch_size: int = 32
    seed: int = 0
    learning_rate: float = 1e-3
    """Of the action decoder, at its peak."""
    backbone_learning_rate: float = 5e-4
    freeze_backbone: bool = False
    """Train the action decoder alone, on hidden states computed once: several times quicker, and
    what the backbone knows is not lost."""
    warmup: int = 50
    """Steps of linear warm-up, then a cosine to a hundredth of the peak."""
    draws: int = 2
    """Noise draws of each sample from one backbone pass."""
    ema: float = 0.998
    """Decay of the averaged weights that are saved."""
    state_noise: float = 0.02
    """Standard deviation added to the normalised state, so that pictures stay worth looking at."""
    scenes: int = 0
    """Simulated scenes to ground the backbone on, beside the demonstrations or alone."""
    grounding_every: int = 4
    """With demonstrations, one step in so many is a grounding step."""
    save_every: int = 250
    threads: int | None = None
    """Processor threads; all cores when not given."""

    def __post_init__(self) -> None:
        if self.dataset is None and not self.scenes:
            raise ValueError("A training request needs a dataset, scenes, or both.")
        for name in ("steps", "batch_size", "draws", "save_every", "grounding_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.stage not in ("sft", "grounding"):
            raise ValueError(f"The stages are sft and grounding, got {self.stage!r}.")
        if self.preset != "nano":
            raise ValueError(f"The only preset is nano, got {self.preset!r}.")

    @classmethod
    def load(cls, path: Path) -> "TrainRequest":
        """Read a request. Raises `ValueError` naming what is unknown or wrong."""
        try:
            given: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"Not a training request: {error}. File: {path}") from error
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ValueError(f"Unknown in {path}: {unknown}. Known: {sorted(known)}.")
        given = {name: value for name, value in given.items() if value is not None}
        if "cameras" in given:
            given["cameras"] = tuple(given["cameras"])
        return cls(**given)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
