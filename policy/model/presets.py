"""Sizes of Qwen-VLA, from a laptop's to the paper's, and a fresh start on a pretrained backbone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import PreTrainedTokenizerFast

from policy.model.backbone import add_tokens, load_backbone
from policy.model.config import ContextForm, DecoderConfig, QwenVLAConfig
from policy.model.prompt import camera_tag
from policy.model.qwen_vla import QwenVLA
from policy.model.words import THINK

QWEN3_5_VOCABULARY = {
    "size": 248320,
    "pad": 248044,
    "end": 248046,
    "image": 248056,
    "video": 248057,
    "vision_start": 248053,
    "vision_end": 248054,
}
"""Of every published Qwen3.5: rows of the embedding, and the special tokens."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What tells one size from another; everything else is the same."""

    text: dict[str, Any]
    vision: dict[str, Any]
    decoder: DecoderConfig
    channels: int
    state: Literal["off", "decoder"]
    euler_steps: int
    first_picture: tuple[int, int]
    other_pictures: tuple[int, int]
    """Height and width of the first camera and of the others (wrists)."""


def _published(**numbers: Any) -> dict[str, Any]:  # noqa: ANN401 - numbers of any kind
    """The text tower of a Qwen3.5 that is on the hub: three linear layers, then a full one."""
    layers = numbers["num_hidden_layers"]
    return {
        **numbers,
        "head_dim": 256,
        "max_position_embeddings": 262144,
        "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * (layers // 4),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000000.0,
            "partial_rotary_factor": 0.25,
            "mrope_section": [11, 11, 10],
            "mrope_interleaved": True,
        },
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_num_key_heads": 16,
    }


def _tower(depth: int, hidden: int, heads: int) -> dict[str, Any]:
    return {
        "depth": depth,
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
        "num_heads": heads,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "num_position_embeddings": 2304,
    }


_NANO = Preset(
    text={
        "hidden_size": 160,
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 40,
        "max_position_embeddings": 2048,
        "layer_types": ["linear_attention", "full_attention"] * 2,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.4,
            "mrope_section": [3, 3, 2],
            "mrope_interleaved": True,
        },
        "linear_conv_kernel_dim": 4,
        "linear_key_head_dim": 40,
        "linear_value_head_dim": 40,
        "linear_num_key_heads": 4,
        "linear_num_value_heads": 4,
    },
    vision={
        "depth": 2,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_heads": 4,
        "patch_size": 8,
        "spatial_merge_size": 2,
        "temporal_patch_size": 1,
        "num_position_embeddings": 256,
    },
    decoder=DecoderConfig(width=192, blocks=4, heads=4, feed_forward=384),
    channels=32,
    state="decoder",
    euler_steps=5,
    first_picture=(96, 128),
    other_pictures=(48, 64),
)

_LARGE: dict[str, Any] = {
    "channels": 64,
    "state": "off",
    "euler_steps": 4,
    "first_picture": (224, 224),
    "other_pictures": (224, 224),
}

PRESETS = {
    "nano": _NANO,
    "0.8b": Preset(
        text=_published(
            hidden_size=1024,
            intermediate_size=3584,
            num_hidden_layers=24,
            num_attention_heads=8,
            num_key_value_heads=2,
            linear_num_value_heads=16,
        ),
        vision=_tower(depth=12, hidden=768, heads=12),
        decoder=DecoderConfig(width=768, blocks=16, heads=6, feed_forward=5120),
        **_LARGE,
    ),
    "2b": Preset(
        text=_published(
            hidden_size=2048,
            intermediate_size=6144,
            num_hidden_layers=24,
            num_attention_heads=8,
            num_key_value_heads=2,
            linear_num_value_heads=16,
        ),
        vision=_tower(depth=24, hidden=1024, heads=16),
        decoder=DecoderConfig(width=1024, blocks=16, heads=8, feed_forward=6912),
        **_LARGE,
    ),
    "4b": Preset(
        text=_published(
            hidden_size=2560,
            intermediate_size=9216,
            num_hidden_layers=32,
            num_attention_heads=16,
            num_key_value_heads=4,
            linear_num_value_heads=32,
        ),
        vision=_tower(depth=24, hidden=1024, heads=16),
        decoder=DecoderConfig(),
        **_LARGE,
    ),
}
"""`4b` is the paper's: its backbone is published, its decoder's width and sizes follow from the
paper's parameter table (inferred; heads are ours). The backbones of `0.8b` and `2b` are the
published Qwen3.5 of that size as third parties describe them; their decoders are ours, in the
paper's proportions: feed-forward about 20/3 of the width, heads of 128, and a quarter to a third
of the backbone's parameters. `nano` is ours throughout: it trains and runs on a laptop. Pictures
of 224 x 224 and 4 Euler steps are what the same team's FineVLA uses for ALOHA (inferred)."""


def preset(
    name: str, cameras: Sequence[str], vocabulary: dict[str, int] | None = None
) -> QwenVLAConfig:
    """The config of a preset that looks at `cameras`, the first perhaps at a higher resolution.

    `vocabulary` gives `size` and the ids of the special tokens (`policy.model.words.vocabulary`);
    without it, those of the published Qwen3.5. Raises `ValueError` for an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"The presets are {', '.join(PRESETS)}, got {name!r}.")
    size, words = PRESETS[name], vocabulary or QWEN3_5_VOCABULARY
    backbone = {
        "model_type": "qwen3_5",
        "text_config": {
            "vocab_size": words["size"],
            **size.text,
            "pad_token_id": words["pad"],
            "eos_token_id": words["end"],
            "tie_word_embeddings": True,
        },
        "vision_config": {**size.vision, "out_hidden_size": size.text["hidden_size"]},
        "image_token_id": words["image"],
        "video_token_id": words["video"],
        "vision_start_token_id": words["vision_start"],
        "vision_end_token_id": words["vision_end"],
        "tie_word_embeddings": True,
    }
    return QwenVLAConfig(
        preset=name,
        backbone=backbone,
        decoder=size.decoder,
        image_sizes=_image_sizes(size, cameras),
        channels=size.channels,
        state=size.state,
        euler_steps=size.euler_steps,
    )


def _image_sizes(size: Preset, cameras: Sequence[str]) -> dict[str, tuple[int, int]]:
    return {
        camera: size.first_picture if i == 0 else size.other_pictures  # also of first looks
        for i, camera in enumerate(cameras)
    }


def size_for(hidden: int) -> Preset:
    """The smallest preset whose backbone is as wide as `hidden`, else the largest (ours)."""
    fitting = (s for s in PRESETS.values() if s.text["hidden_size"] >= hidden)
    return next(fitting, PRESETS["4b"])


def start_from_backbone(
    name_or_path: str | Path,
    cameras: Sequence[str],
    *,
    decoder: DecoderConfig | None = None,
    context: ContextForm | None = None,
    dtype: torch.dtype = torch.float32,
    camera_tokens: bool = False,
    **choices: Any,  # noqa: ANN401 - fields of QwenVLAConfig
) -> tuple[QwenVLA, PreTrainedTokenizerFast]:
    """A fresh action decoder on a pretrained backbone: where a lab starts.

    `name_or_path` is a folder or a name on the hub, such as "Qwen/Qwen3.5-4B". Without `decoder`,
    its size is that of the preset whose backbone is as wide; `context` is the decoder's. Weights
    are `dtype` in memory and bfloat16 in checkpoints. Camera tags are plain words; with
    `camera_tokens`, tokens of their own.
    `choices` are other fields of `QwenVLAConfig`. Raises `ValueError` as `load_backbone` does.
    """
    pretrained = load_backbone(name_or_path, dtype)
    if camera_tokens:
        add_tokens(pretrained, [tag for camera in cameras for tag in camera_tag(camera)])
    size = size_for(int(pretrained.config["text_config"]["hidden_size"]))
    # Qwen3-VL's instructed models know the token and answer without the block.
    thinks = THINK in pretrained.tokenizer.get_vocab()
    thinks = thinks and pretrained.config["model_type"] == "qwen3_5"
    chosen = decoder or size.decoder
    if context is not None:
        chosen = replace(chosen, context=context)
    config = QwenVLAConfig(
        preset=Path(name_or_path).name,
        backbone=pretrained.config,
        decoder=chosen,
        image_sizes=_image_sizes(size, cameras),
        channels=size.channels,
        state=size.state,
        euler_steps=size.euler_steps,
        image_mean=pretrained.image_mean,
        image_std=pretrained.image_std,
        think_block=thinks,
        dtype="bfloat16",
    )
    return QwenVLA(replace(config, **choices), pretrained.model).cast(dtype), pretrained.tokenizer
