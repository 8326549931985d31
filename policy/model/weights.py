"""Weights on disk: safetensors, in shards when large, read without building random ones."""

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from huggingface_hub import save_torch_state_dict
from torch import Tensor

from policy.model.backbone import settle_buffers
from policy.model.config import QwenVLAConfig
from policy.model.qwen_vla import QwenVLA

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
HEAD = "backbone.lm_head.weight"
EMBEDDING = "backbone.model.language_model.embed_tokens.weight"
"""One tensor under two names, when the backbone ties them; only the second is written."""


def save_weights(
    weights: Mapping[str, Tensor],
    config: QwenVLAConfig,
    folder: Path,
    *,
    shard: int | str = "5GB",
) -> None:
    """Write a network's state in the config's dtype; files of at most `shard`.

    Raises `ValueError` for a state with adapters: checkpoints hold plain weights.
    """
    adapters = [name for name in weights if ".base_layer." in name or ".lora_" in name]
    if adapters:
        raise ValueError(
            f"{len(adapters)} of the weights are adapters, first {adapters[0]}. Save what "
            "policy.training.lora.merged_state gives."
        )
    dtype: torch.dtype = getattr(torch, config.dtype)
    plain = {
        name: _own(value.detach().to("cpu", dtype))
        for name, value in weights.items()
        if name != HEAD or not config.backbone.get("tie_word_embeddings")
    }
    save_torch_state_dict(plain, folder, max_shard_size=shard)


def _own(value: Tensor) -> Tensor:
    """`value` in memory of its own: gathered from several processes it may be part of more."""
    return value if value.untyped_storage().nbytes() == value.nbytes else value.clone()


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read every shard. Raises `ValueError` when one is missing, and what safetensors raises."""
    index = folder / INDEX
    names = [WHOLE]
    if index.is_file():
        parts = json.loads(index.read_text())
        named = parts.get("weight_map") if isinstance(parts, dict) else None
        if not isinstance(named, dict) or not named:
            raise ValueError(f"Expected a weight_map that names files in {index}, there is none.")
        names = sorted(set(named.values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"Weights are missing: {', '.join(missing)}. Folder: {folder}")
    weights: dict[str, Tensor] = {}
    for name in names:
        weights |= safetensors.torch.load_file(folder / name)
    return weights


def load_network(config: QwenVLAConfig, folder: Path) -> QwenVLA:
    """The network of a checkpoint, in the dtype that was written.

    Raises `RuntimeError` naming weights that are missing, unknown or of another shape.
    """
    with torch.device("meta"):
        model = QwenVLA(config)
    settle_buffers(model)
    weights = read_weights(folder)
    if config.backbone.get("tie_word_embeddings"):
        tied = weights.get(EMBEDDING, weights.get(HEAD))
        if tied is not None:
            weights |= {EMBEDDING: tied, HEAD: tied}
    model.load_state_dict(weights, assign=True)
    model.backbone.tie_weights()
    return model
