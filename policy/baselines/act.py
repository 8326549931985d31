"""ACT (Zhao et al. 2023) as lerobot implements it, put together for a machine without a GPU.

Two things differ from lerobot's own defaults. The ResNet-18 starts from random weights, so it has
group normalisation where lerobot freezes the statistics of ImageNet. And it sees the middle of the
picture from above, where the arms work, in its own pixels. Runs in an environment of its own, see
requirements-act.txt: `policy.baselines.act_train` trains, `policy.baselines.act_server` serves.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

CAMERA = "cam_high"
IMAGE = f"observation.images.{CAMERA}"

PICTURE = (240, 320)
"""Height and width of a recorded picture, pixels."""

WINDOW = (slice(88, 184), slice(80, 240))
"""Rows and columns of it that the network sees: 0.52 x 0.86 m of the table's surface."""

DIMENSIONS = 14
"""Of state and action of an ALOHA."""


@dataclass(frozen=True, slots=True)
class ActSize:
    """How large the network is, and how far it plans."""

    rows: int = 50
    """Of a chunk."""
    hz: float = 25.0
    """Rows a second: every second of the control ticks."""
    width: int = 256
    feedforward: int = 1024

    @property
    def stride(self) -> int:
        """Control ticks of 20 ms per row."""
        return round(50.0 / self.hz)


def window(image: np.ndarray) -> np.ndarray:
    """Cut what the network sees out of a picture (240, 320, 3)."""
    if image.shape != (*PICTURE, 3):
        raise ValueError(f"ACT was trained on pictures of {PICTURE}, got {image.shape}.")
    return image[WINDOW]


def build(size: ActSize) -> Any:  # noqa: ANN401 - lerobot's ACTPolicy, which is imported late
    """Return lerobot's ACT with weights at random."""
    import lerobot.configs.types as kinds
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy

    height, width = (extent.stop - extent.start for extent in WINDOW)
    visual, state, action = (
        kinds.FeatureType.VISUAL,
        kinds.FeatureType.STATE,
        kinds.FeatureType.ACTION,
    )
    config = ACTConfig(
        chunk_size=size.rows,
        n_action_steps=size.rows,
        dim_model=size.width,
        dim_feedforward=size.feedforward,
        pretrained_backbone_weights=None,
        device="cpu",
        input_features={
            IMAGE: kinds.PolicyFeature(visual, (3, height, width)),
            "observation.state": kinds.PolicyFeature(state, (DIMENSIONS,)),
        },
        output_features={"action": kinds.PolicyFeature(action, (DIMENSIONS,))},
    )
    policy = ACTPolicy(config)
    policy.model.backbone = _backbone()
    return policy


def _backbone() -> torch.nn.Module:
    import torchvision  # noqa: PLC0415 - comes with lerobot, which is not in our environment
    from torchvision.models._utils import IntermediateLayerGetter  # noqa: PLC0415 - as above

    network = torchvision.models.resnet18(norm_layer=_normalisation)
    features = IntermediateLayerGetter(network, return_layers={"layer4": "feature_map"})
    return features.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def _normalisation(channels: int) -> torch.nn.GroupNorm:
    return torch.nn.GroupNorm(channels // 16, channels)


@dataclass(frozen=True)
class Scale:
    """Means and deviations of the training data, by which inputs and outputs are normalised."""

    state_mean: list[float]
    state_std: list[float]
    action_mean: list[float]
    action_std: list[float]

    @classmethod
    def of(cls, state: np.ndarray, action: np.ndarray) -> "Scale":
        """Measure rows (n, 14) of both. A channel that never moves gets deviation 0.01."""
        spread = [np.maximum(values.std(0), 0.01) for values in (state, action)]
        columns = (state.mean(0), spread[0], action.mean(0), spread[1])
        return cls(*(column.astype(float).tolist() for column in columns))

    def state(self, values: np.ndarray) -> torch.Tensor:
        """Normalise states (..., 14)."""
        return _tensor((values - np.array(self.state_mean)) / np.array(self.state_std))

    def action(self, values: np.ndarray) -> torch.Tensor:
        """Normalise actions (..., 14)."""
        return _tensor((values - np.array(self.action_mean)) / np.array(self.action_std))

    def to_action(self, values: torch.Tensor) -> np.ndarray:
        """Undo `action`."""
        scaled = values.numpy() * np.array(self.action_std) + np.array(self.action_mean)
        return np.asarray(scaled, np.float32)


def images(pictures: np.ndarray) -> torch.Tensor:
    """Turn windows (n, h, w, 3) of bytes into what the network takes, (n, 3, h, w) about 0."""
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return scaled.contiguous(memory_format=torch.channels_last)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


class Act:
    """A trained ACT: plans a chunk from a state and a picture."""

    def __init__(self, policy: Any, size: ActSize, scale: Scale, about: dict[str, Any]) -> None:  # noqa: ANN401
        self.size, self.about = size, about
        self._policy, self._scale = policy.eval(), scale

    def plan(self, state: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """Return targets (rows, 14) from a state (14,) and a picture (240, 320, 3)."""
        batch = {
            IMAGE: images(window(picture)[None]),
            "observation.state": self._scale.state(state[None]),
        }
        with torch.inference_mode():
            return self._scale.to_action(self._policy.predict_action_chunk(batch)[0])

    def save(self, folder: Path) -> None:
        """Write the weights and everything else that `load` needs."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(self._policy.state_dict(), folder / "act.pt")
        described = {"size": asdict(self.size), "scale": asdict(self._scale), "about": self.about}
        (folder / "act.json").write_text(json.dumps(described, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Act":
        """Read what `save` wrote. Raises `ValueError` naming a folder that is none of ours."""
        try:
            described = json.loads((folder / "act.json").read_text())
            weights = torch.load(folder / "act.pt", weights_only=True)
        except OSError as error:
            raise ValueError(f"No ACT checkpoint ({error}). Folder: {folder}") from error
        size = ActSize(**described["size"])
        policy = build(size)
        policy.load_state_dict(weights)
        return cls(policy, size, Scale(**described["scale"]), described["about"])
