"""How much memory a network needs to train or to run, roughly, and what would fit.

Weights, gradients and optimiser are counted; activations are estimated (ours) within a factor
of about two, which is enough to say what to change.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from policy.model.config import QwenVLAConfig
from policy.model.qwen_vla import QwenVLA

WORDS = 96
"""Tokens of an embodiment prompt with its tags, about."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a network is trained, as far as memory is concerned."""

    batch: int
    """Samples in one pass of one GPU."""
    draws: int = 2
    frozen: tuple[str, ...] = ()
    """Of `vision`, `language`, `decoder`."""
    lora_rank: int = 0
    averaged: bool = True
    checkpointing: bool = False
    master_bytes: int = 4
    """Of a weight in memory; computing is in bfloat16."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes."""

    weights: int
    gradients: int
    optimizer: int
    """Two moments, and the average of the weights if one is kept."""
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations


def num_tokens(config: QwenVLAConfig) -> int:
    """Backbone tokens of one sample, about: its pictures and a prompt."""
    vision = config.backbone["vision_config"]
    cell = int(vision["patch_size"]) * int(vision["spatial_merge_size"])
    return WORDS + sum((h // cell) * (w // cell) for h, w in config.image_sizes.values())


def training_memory(config: QwenVLAConfig, plan: Plan) -> Memory:
    """What one step of training takes, on one GPU without sharding."""
    return _training(config, plan, _Sizes.of(config))


def running_memory(config: QwenVLAConfig, *, bytes_per_weight: int = 2) -> Memory:
    """What planning one chunk at a time takes."""
    parameters = sum(_Sizes.of(config).parts.values())
    text = config.backbone["text_config"]
    widest = max(int(text["intermediate_size"]), config.decoder.feed_forward)
    tokens = num_tokens(config) + config.horizon
    return Memory(bytes_per_weight * parameters, 0, 0, 16 * tokens * widest)


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Numbers of parameters."""

    parts: dict[str, int]
    adapter: int
    """Of adapters of rank 1 on every linear layer of the language tower."""

    @classmethod
    def of(cls, config: QwenVLAConfig) -> "_Sizes":
        with torch.device("meta"):
            model = QwenVLA(config)
        vision, language = model.backbone.model.visual, model.backbone.model.language_model
        linear = (module for module in language.modules() if isinstance(module, nn.Linear))
        parts = {
            "vision": _count(vision),
            "language": _count(model.backbone) - _count(vision),
            "decoder": _count(model.decoder),
        }
        return cls(parts, sum(layer.in_features + layer.out_features for layer in linear))


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _training(config: QwenVLAConfig, plan: Plan, sizes: _Sizes) -> Memory:
    adapters = plan.lora_rank * sizes.adapter
    whole = [part for part in sizes.parts if part not in plan.frozen]
    if adapters:
        whole = [part for part in whole if part == "decoder"]
    trained = adapters + sum(sizes.parts[part] for part in whole)
    return Memory(
        weights=plan.master_bytes * sum(sizes.parts.values()) + 4 * adapters,
        gradients=4 * trained,
        optimizer=(12 if plan.averaged else 8) * trained,
        activations=_activations(config, plan),
    )


def _layer(width: int, inner: int) -> int:
    """Bytes that a block keeps for each token.

    Half of what autograd was seen to save in float32, within a tenth: `nano` whole and `0.8b` cut
    to a few layers, with plain attention.
    """
    return 2 * (14 * width + 5 * inner)


def _activations(config: QwenVLAConfig, plan: Plan) -> int:
    """Of every block whose input needs a gradient, or one of them and every block's input."""
    text, vision = config.backbone["text_config"], config.backbone["vision_config"]
    tokens = num_tokens(config)
    patches = (tokens - WORDS) * int(vision["spatial_merge_size"]) ** 2
    towers = [
        (
            plan.batch * plan.draws * (tokens + config.horizon),
            config.decoder.blocks,
            config.decoder.width,
            config.decoder.feed_forward,
        )
    ]
    if not {"vision", "language"} <= set(plan.frozen):
        rows = plan.batch * tokens
        text_size = (int(text["hidden_size"]), int(text["intermediate_size"]))
        towers.append((rows, int(text["num_hidden_layers"]), *text_size))
    if "vision" not in plan.frozen and not plan.lora_rank:
        vision_size = (int(vision["hidden_size"]), int(vision["intermediate_size"]))
        towers.append((plan.batch * patches, int(vision["depth"]), *vision_size))
    kept = [rows * _layer(width, inner) for rows, _, width, inner in towers]
    if plan.checkpointing:
        return max(kept) + sum(2 * rows * depth * width for rows, depth, width, _ in towers)
    return sum(size * depth for size, (_, depth, _, _) in zip(kept, towers, strict=True))


def what_fits(config: QwenVLAConfig, plan: Plan, available: int) -> str:
    """Say what the plan needs and the least change of it that would fit into `available` bytes."""
    sizes = _Sizes.of(config)
    need = _training(config, plan, sizes).total
    said = (
        f"Training {config.preset} with {plan.batch} samples a pass needs about "
        f"{_gigabytes(need)}, there are {_gigabytes(available)}."
    )
    for advice, other in _smaller(plan):
        least = _training(config, other, sizes).total
        if least <= available:
            return f"{said} What would fit: {advice} (about {_gigabytes(least)})."
    return f"{said} Nothing of this size fits: take a smaller preset, or several GPUs with FSDP."


def _smaller(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Changes in the order in which they cost least."""
    batch = plan.batch // 2
    while batch:
        yield f"batch_size {batch} with more accumulation", replace(plan, batch=batch)
        batch //= 2
    light = replace(plan, checkpointing=True)
    yield "gradient_checkpointing", light
    yield "gradient_checkpointing with batch_size 1", replace(light, batch=1)
    lora = replace(light, batch=1, lora_rank=plan.lora_rank or 16)
    yield f"lora_rank {lora.lora_rank} with gradient_checkpointing and batch_size 1", lora
    frozen = replace(light, batch=1, lora_rank=0, frozen=("vision", "language"), averaged=False)
    yield "freeze_backbone with ema 0 and batch_size 1", frozen


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
