"""Where a training starts: the network of a base, of a pretrained backbone, or one at random."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from policy.model.checkpoint import Checkpoint
from policy.model.config import DecoderConfig
from policy.model.presets import preset, start_from_backbone
from policy.model.processor import Processor
from policy.model.prompt import camera_tag
from policy.model.qwen_vla import QwenVLA
from policy.model.words import train_tokenizer, vocabulary
from policy.training.card import training_history
from policy.training.request import TrainRequest


@dataclass(frozen=True, slots=True)
class Start:
    """What a training begins with."""

    model: QwenVLA
    tokenizer: PreTrainedTokenizerBase
    base: Checkpoint | None
    history: str
    """How the base was trained, in the words of its card."""

    @property
    def processor(self) -> Processor:
        """Of this network."""
        return Processor(self.model.config, self.tokenizer)


def start(request: TrainRequest) -> Start:
    """Load or build what the request starts from. Raises `ValueError` saying what is wrong."""
    if request.base is not None:
        return _from_base(request, Path(request.base))
    if request.backbone is not None:
        model, tokenizer = start_from_backbone(
            *(request.backbone, request.cameras),
            context=request.decoder_context,
            **_choices(request),
        )
        return Start(model, tokenizer, None, "")
    if request.preset != "nano":
        raise ValueError(
            f"The preset {request.preset!r} at random learns nothing in a lifetime. Give a "
            'pretrained backbone: "backbone": "Qwen/Qwen3.5-4B", or a folder that holds one.'
        )
    tags = [tag for camera in request.cameras for tag in camera_tag(camera)]
    tokenizer = train_tokenizer([], tags)
    config = preset("nano", request.cameras, vocabulary(tokenizer))
    choices = _choices(request, config.decoder)
    return Start(QwenVLA(replace(config, **choices)), tokenizer, None, "")


def _choices(request: TrainRequest, decoder: DecoderConfig | None = None) -> dict[str, Any]:
    """Fields of the config that the request sets; of the `decoder`, if its size is known."""
    if decoder is not None and request.decoder_context is not None:
        decoder = replace(decoder, context=request.decoder_context)
    given = {
        "state": request.state,
        "action_convention": request.action_convention,
        "horizon": request.horizon,
        "action_hz": request.action_hz,
        "prompt_convention": request.prompt_convention,
        "prompt_grippers": request.prompt_grippers,
        "stem": request.stem,
        "first_picture_last": request.first_picture_last,
        "pointer": request.pointer,
        "decoder": decoder,
    }
    return {name: value for name, value in given.items() if value is not None}


def _from_base(request: TrainRequest, folder: Path) -> Start:
    base = Checkpoint.load(folder)
    config = base.model.config
    choices = _choices(request, config.decoder)
    differing = {n: v for n, v in choices.items() if v != getattr(config, n)}
    if differing and (base.tasks or "stem" in differing):
        raise ValueError(
            f"The base was trained with { ({n: getattr(config, n) for n in differing}) }; the "
            f"request says {differing}. Start from a base that has learnt no actions (a stem: "
            "that has the same one), or from none."
        )
    model = base.model.cast(torch.float32)  # masters: small steps vanish in bfloat16
    if differing:  # the same backbone under a fresh decoder
        pointer, model = model.pointer, QwenVLA(replace(config, **differing), model.backbone)
        if pointer is not None and model.pointer is not None:
            model.pointer = pointer
    card = folder / "README.md"
    history = training_history(card.read_text()) if card.is_file() else ""
    return Start(model, base.tokenizer, base, history)
