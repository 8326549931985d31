"""Low-rank adapters on the backbone (LoRA, arXiv 2106.09685), and plain weights back from them.

The action decoder is trained whole; a checkpoint holds merged weights and knows no adapters.
"""

import logging
from collections.abc import Mapping, Sequence

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from policy.model.qwen_vla import QwenVLA
from policy.training.parts import count

logger = logging.getLogger(__name__)

LANGUAGE = (
    *("q_proj", "k_proj", "v_proj", "o_proj"),
    *("in_proj_qkv", "in_proj_z", "in_proj_b", "in_proj_a", "out_proj"),
    *("gate_proj", "up_proj", "down_proj"),
)
"""Every linear layer of the language tower: attention, gated delta rule (Qwen3.5), feed-forward.
The usual q, k, v, o alone would reach a quarter of Qwen3.5's layers, the others have no such."""

VISION = ("qkv", "proj", "linear_fc1", "linear_fc2")
"""Every linear layer of the vision tower's blocks and merger."""

_NAME = "default"
"""What peft calls a single adapter."""


def apply_lora(
    model: QwenVLA,
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    targets: Sequence[str] = LANGUAGE,
) -> int:
    """Freeze the backbone and put adapters beside its layers named `targets`, in place.

    An adapter adds alpha / rank * B A x and starts at nothing. Returns how many parameters are
    trained now, the decoder's included. Raises `ValueError` when there are adapters already, for
    a rank below 1, or when no target is a layer of this backbone.
    """
    if rank < 1:
        raise ValueError(f"The rank of adapters must be at least 1, got {rank}.")
    if any(".lora_A." in name for name, _ in model.named_parameters()):
        raise ValueError("The network has adapters already. Merge them before adding others.")
    layers = [
        name
        for name, module in model.backbone.named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head"
    ]
    found = [name for name in layers if _last(name) in targets]
    if not found:
        raise ValueError(
            f"None of {list(targets)} is a linear layer of this backbone. It has "
            f"{sorted({_last(name) for name in layers})}."
        )
    settings = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=found, bias="none"
    )
    inject_adapter_in_model(settings, model.backbone, _NAME)
    for part, (trained, whole) in count(model).items():
        logger.info("Trained in %s: %.2f of %.2f M parameters.", part, trained / 1e6, whole / 1e6)
    return sum(trained for trained, _ in count(model).values())


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def merged_state(model: QwenVLA, state: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Weights under the names of a network without adapters, the adapters added in float32.

    `state` is used instead of the model's own: averaged, or gathered from several GPUs. Of a
    network without adapters, it is returned as it is.
    """
    given = dict(model.state_dict() if state is None else state)
    scales = {
        name: float(module.scaling[_NAME])
        for name, module in model.named_modules()
        if hasattr(module, "lora_A")
    }
    merged: dict[str, Tensor] = {}
    for name, value in given.items():
        layer, _, kind = name.partition(".base_layer.")
        if kind == "weight":
            down, up = (given[f"{layer}.lora_{side}.{_NAME}.weight"] for side in ("A", "B"))
            merged[f"{layer}.weight"] = _added(value, down, up, scales[layer])
        elif kind:
            merged[f"{layer}.{kind}"] = value
        elif ".lora_" not in name:
            merged[name] = value
    return merged


@torch.no_grad()
def _added(weight: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    return (weight.float() + scale * (up.float() @ down.float())).to(weight.dtype)
