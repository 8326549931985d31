"""The vision-language backbone: Qwen3.5 or Qwen3-VL, built from numbers or read from a checkpoint.

Knows transformers' classes, special tokens and image settings; nothing of actions.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from torch import nn
from transformers import AutoTokenizer, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.image_processing_base import ImageProcessingMixin

from policy.model.attention import use_quick_attention
from policy.model.words import IMAGE, VIDEO, VISION_END, VISION_START

FAMILIES = {
    "qwen3_5": ("Qwen3_5Config", "Qwen3_5ForConditionalGeneration"),
    "qwen3_vl": ("Qwen3VLConfig", "Qwen3VLForConditionalGeneration"),
}
"""Model type to transformers' classes. Both take the same inputs and give the same outputs."""

MARKS = {
    "image_token_id": IMAGE,
    "video_token_id": VIDEO,
    "vision_start_token_id": VISION_START,
    "vision_end_token_id": VISION_END,
}
"""Special tokens that a config numbers and a tokenizer spells."""

STATISTICS = ("image_mean", "image_std")
"""What image settings say of the colours."""

OLDEST_TRANSFORMERS = (5, 3)
"""The first release whose Qwen3.5 takes `mm_token_type_ids`."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A backbone with all that belongs to it."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    config: dict[str, Any]
    """Its config as a dictionary, for `QwenVLAConfig.backbone`."""
    image_mean: tuple[float, float, float]
    image_std: tuple[float, float, float]


def check_transformers(version: str) -> None:
    """Raise `ValueError` when this transformers release is too old."""
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < OLDEST_TRANSFORMERS:
        wanted = ".".join(map(str, OLDEST_TRANSFORMERS))
        raise ValueError(
            f"The backbone needs transformers {wanted} or newer, got {version}. "
            "Run: pip install --upgrade transformers"
        )


def check_family(config: dict[str, Any], name: str) -> None:
    """Raise `ValueError` unless `config` is of a family that this network is made for."""
    kind = str(config.get("model_type"))
    if kind in FAMILIES:
        return
    known = f"Known: {', '.join(sorted(FAMILIES))} (Qwen/Qwen3.5-4B, Qwen/Qwen3-VL-4B-Instruct)."
    if "vision_config" not in config:
        raise ValueError(
            f"The backbone is a text-only model of type {kind!r}; one that sees is needed. "
            f"{known} Backbone: {name}"
        )
    raise ValueError(f"The backbone is of another family, {kind!r}. {known} Backbone: {name}")


def backbone_config(config: dict[str, Any]) -> PreTrainedConfig:
    """Transformers' config object of a dictionary. Raises `ValueError` for another family."""
    check_transformers(transformers.__version__)
    check_family(config, "config.json")
    made: PreTrainedConfig = getattr(transformers, FAMILIES[config["model_type"]][0])(**config)
    return made


def build_backbone(config: dict[str, Any]) -> PreTrainedModel:
    """A backbone with random weights; on the meta device, without any."""
    made = backbone_config(config)
    model: PreTrainedModel = getattr(transformers, FAMILIES[config["model_type"]][1])(made)
    use_quick_attention(model)
    return model


def settle_buffers(model: nn.Module) -> None:
    """Compute what no checkpoint holds, the rotary frequencies, of a model built on meta.

    Every module with such a buffer is a rotary embedding and is made again from its config.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if any(buffer.is_meta for buffer in child.buffers(recurse=False)):
                setattr(parent, name, type(child)(child.config))


def load_backbone(name_or_path: str | Path, dtype: torch.dtype) -> Pretrained:
    """Read a pretrained backbone from a folder or by its name on the Hugging Face hub.

    Raises `ValueError` naming the backbone for a missing folder, another family, a text-only
    model, special tokens or patch sizes that contradict each other, and torn weights.
    """
    name = str(name_or_path)
    check_transformers(transformers.__version__)
    given = _read(name, "a config", PreTrainedConfig.get_config_dict)[0]
    check_family(given, name)
    tokenizer = _read(name, "a tokenizer", AutoTokenizer.from_pretrained)
    seen = _read(name, "image settings", ImageProcessingMixin.get_image_processor_dict)[0]
    check_marks(given, tokenizer, name)
    check_patches(given["vision_config"], seen, name)
    model = _load_weights(name, given["model_type"], dtype)
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ValueError(
            f"The tokenizer has {len(tokenizer)} tokens and the backbone embeds {rows}. They do "
            f"not belong together. Backbone: {name}"
        )
    use_quick_attention(model)
    mean, std = ((float(r), float(g), float(b)) for r, g, b in (seen[k] for k in STATISTICS))
    config = json.loads(model.config.to_json_string(use_diff=False))
    return Pretrained(model, tokenizer, config, mean, std)


def _read(name: str, what: str, read: Any) -> Any:  # noqa: ANN401 - transformers is untyped
    try:
        return read(name)
    except (OSError, ValueError, KeyError, HFValidationError) as error:
        raise ValueError(
            f"Cannot read {what} of the backbone: {error}. Give a folder that holds a whole "
            f"checkpoint of transformers, or a name on the hub that can be reached. Got: {name}"
        ) from error


def _load_weights(name: str, family: str, dtype: torch.dtype) -> PreTrainedModel:
    loader = getattr(transformers, FAMILIES[family][1])
    try:
        model, report = loader.from_pretrained(name, dtype=dtype, output_loading_info=True)
    except (SafetensorError, RuntimeError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"The backbone's weights are torn: {error}. Backbone: {name}") from error
    wrong = sorted([*report["missing_keys"], *report["mismatched_keys"]], key=str)
    if wrong:
        raise ValueError(
            f"The backbone's weights are torn: {len(wrong)} are missing or of another shape, "
            f"first {wrong[0]}. Fetch the checkpoint again. Backbone: {name}"
        )
    loaded: PreTrainedModel = model
    return loaded


def check_marks(config: dict[str, Any], tokenizer: PreTrainedTokenizerFast, name: str) -> None:
    """Raise `ValueError` unless config and tokenizer number the special tokens alike."""
    known = tokenizer.get_vocab()
    differing = [
        f"{token} is {config.get(field)} in the config and {known.get(token)} in the tokenizer"
        for field, token in MARKS.items()
        if config.get(field) is None or config.get(field) != known.get(token)
    ]
    if differing:
        raise ValueError(f"Special tokens differ: {'; '.join(differing)}. Backbone: {name}")


def check_patches(vision: dict[str, Any], seen: dict[str, Any], name: str) -> None:
    """Raise `ValueError` unless the image settings are those the vision tower was built for."""
    missing = [key for key in STATISTICS if len(seen.get(key) or ()) != 3]
    pairs = {
        "patch_size": "patch_size",
        "spatial_merge_size": "merge_size",
        "temporal_patch_size": "temporal_patch_size",
    }
    differing = [
        f"{theirs} is {seen.get(theirs)}, the vision tower has {vision[ours]}"
        for ours, theirs in pairs.items()
        if ours in vision and seen.get(theirs) != vision[ours]
    ]
    if missing or differing:
        wrong = "; ".join([*(f"{key} is missing" for key in missing), *differing])
        raise ValueError(f"Wrong preprocessor_config.json: {wrong}. Backbone: {name}")


def add_tokens(pretrained: Pretrained, tokens: Iterable[str]) -> None:
    """Make each of `tokens` one token of its own, embedded as the mean of its pieces was.

    Rows that the vocabulary leaves spare are used first, so that the tied embedding of Qwen3.5
    (248,320 rows, 248,077 tokens) keeps its size. Ours: whether the paper's camera tags are
    tokens or plain words is not stated.
    """
    tokenizer, model = pretrained.tokenizer, pretrained.model
    pieces = {token: tokenizer(token, add_special_tokens=False)["input_ids"] for token in tokens}
    new = [token for token, ids in pieces.items() if len(ids) > 1]
    tokenizer.add_tokens(new, special_tokens=True)
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        pretrained.config["text_config"]["vocab_size"] = len(tokenizer)
    with torch.no_grad():
        for table in _tables(model):
            for token in new:
                row = tokenizer.convert_tokens_to_ids(token)
                table[row] = table[pieces[token]].mean(dim=0)


def _tables(model: PreTrainedModel) -> list[nn.Parameter]:
    """The embedding, and the head where it is not the same."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    tables: list[nn.Parameter] = [embedding.weight]
    return tables if head.weight is embedding.weight else [*tables, head.weight]
