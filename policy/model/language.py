"""The language head: learning answers in words, and giving them, with the weights that act."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from policy.model.processor import UNLABELLED, Inputs
from policy.model.words import END


def answer_loss(head: nn.Module, hidden: Tensor, labels: Tensor) -> Tensor:
    """Next-token cross-entropy (B,), each sample's mean over its own answer tokens; 0 without any.

    `hidden` (B, L, hidden) are last hidden states; `labels` (B, L) int64 repeat the input's ids
    where a token is part of an answer and are -100 elsewhere: position i is predicted from
    position i - 1. Only predicted positions pass `head`, whose vocabulary is large. The mean over
    a sample rather than the batch is ours: a long answer weighs as much as a short one, and a
    batch may be cut up in any way.
    """
    following = labels[:, 1:]
    asked = following != UNLABELLED
    losses = functional.cross_entropy(
        head(hidden[:, :-1][asked]).float(), following[asked], reduction="none"
    )
    rows = asked.nonzero()[:, 0]
    total = losses.new_zeros(len(labels)).index_add(0, rows, losses)
    return total / asked.sum(dim=1).clamp(min=1)


def left_padded(inputs: Inputs) -> dict[str, Tensor]:
    """The same samples with their padding moved to the front, where answers do not meet it."""
    length = inputs.input_ids.shape[1]
    shift = length - inputs.attention_mask.sum(dim=1, keepdim=True)
    index = (torch.arange(length, device=shift.device) - shift) % length
    return {
        name: getattr(inputs, name).gather(1, index)
        for name in ("input_ids", "attention_mask", "mm_token_type_ids")
    }


def generate_answers(
    backbone: PreTrainedModel, inputs: Inputs, limit: int, tokenizer: PreTrainedTokenizerBase
) -> list[str]:
    """The likeliest answer to each of B questions, at most `limit` tokens, token by token."""
    given: dict[str, Any] = left_padded(inputs)
    if inputs.pixel_values is not None:
        given |= {"pixel_values": inputs.pixel_values, "image_grid_thw": inputs.image_grid_thw}
    asked = given["input_ids"].shape[1]
    pad = tokenizer.pad_token_id
    # Pretrained ones may name the end of the text as eos; turns end otherwise, as ours do.
    turn_end = tokenizer.get_vocab().get(END)
    ends = [token for token in {tokenizer.eos_token_id, turn_end} if token is not None]
    said = backbone.generate(
        **given,
        generation_config=GenerationConfig(
            max_new_tokens=limit,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=ends[0] if pad is None else pad,
        ),
    )
    words = tokenizer.batch_decode(said[:, asked:], skip_special_tokens=True)
    return [answer.strip() for answer in words]
