"""What a Qwen3.5 backbone works out from shapes alone, kept for as long as the shapes stay.

A robot asks thousands of times with the same cameras and words. Positions, resampling of the
learnt picture positions, masks and places of the picture tokens are then the same, and working
them out makes a GPU wait for the processor, which also rules CUDA graphs out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.vision_utils import (
    get_vision_attention_seqlens,
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
)

from policy.model.processor import Inputs
from policy.model.seen_pictures import SeenPictures

KEPT = 64
"""Layouts kept at most; more than a robot has instructions."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Of one shape of inputs: B samples of L tokens."""

    positions: Tensor
    """(3, B, L) rotary positions: time, height, width."""
    places: Tensor
    """(picture tokens,) numbers of their places among B * L."""
    vision: Mapping[str, Any]
    """Arguments that save the vision tower its own working out."""
    masks: Mapping[str, Tensor | None]
    """Of each kind of text layer. Causal attention and right padding need no other mask: no real
    token sees one of the padding after it."""


def lay_out(model: PreTrainedModel, inputs: Inputs, *, see: bool = True) -> Layout:
    """Work out the layout of `inputs` for a `Qwen3_5Model`; unless to `see`, without vision's."""
    positions, _ = model.get_rope_index(
        inputs.input_ids,
        inputs.mm_token_type_ids,
        image_grid_thw=inputs.image_grid_thw,
        attention_mask=inputs.attention_mask,
    )
    length, grid = inputs.input_ids.shape[1], inputs.image_grid_thw
    causal = None
    if model.config.text_config._attn_implementation == "eager":  # noqa: SLF001 - no other way
        forbidden = torch.ones(length, length, dtype=torch.bool, device=positions.device).triu(1)
        causal = torch.zeros(1, 1, length, length, device=positions.device, dtype=model.dtype)
        causal = causal.masked_fill(forbidden, torch.finfo(model.dtype).min)
    return Layout(
        positions,
        inputs.mm_token_type_ids.flatten().nonzero().flatten(),
        {} if grid is None or not see else _vision(model.visual, grid),
        {"full_attention": causal, "linear_attention": None},
    )


def _vision(tower: PreTrainedModel, grid: Tensor) -> dict[str, Any]:
    merge = int(tower.config.spatial_merge_size)
    indices, weights = get_vision_interpolation_indices_and_weights(
        grid,
        num_grid_per_side=tower.num_grid_per_side,
        mode=tower.interpolation_mode,
        align_corners=tower.interpolation_align_corners,
        spatial_merge_size=merge,
    )
    boundaries, longest = get_vision_attention_seqlens(grid, tower.config)
    return {
        "interp_indices": indices,
        "interp_weights": weights,
        "position_ids": get_vision_position_ids(grid, merge),
        "cu_seqlens": boundaries,
        "max_seqlen": longest,
        "lengths": tuple((boundaries[1:] - boundaries[:-1]).tolist()),
        **({"sizes": tuple(map(tuple, grid[:, 1:].tolist()))} if hasattr(tower, "stem") else {}),
    }


class Layouts:
    """The layouts met so far."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Layout] = {}

    @staticmethod
    def key(model: PreTrainedModel, inputs: Inputs) -> tuple[Any, ...]:
        """What inputs of the same layout have in common."""
        parts = (inputs.mm_token_type_ids, inputs.attention_mask, inputs.image_grid_thw)
        return (
            str(inputs.input_ids.device),
            model.dtype,
            *(None if p is None else (tuple(p.shape), p.cpu().numpy().tobytes()) for p in parts),
        )

    def of(self, model: PreTrainedModel, inputs: Inputs) -> Layout:
        """The layout of `inputs`, worked out when it was not met before."""
        key = self.key(model, inputs)
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = lay_out(model, inputs)
        return self._kept[key]


def hidden_states(
    model: PreTrainedModel, inputs: Inputs, layout: Layout, pictures: SeenPictures | None = None
) -> Tensor:
    """The last hidden states (B, L, hidden) of a `Qwen3_5Model`, as its own forward gives them.

    The vision tower is not asked for what `pictures` has seen.
    """
    words = model.get_input_embeddings()(inputs.input_ids)
    if inputs.pixel_values is not None:
        grid = inputs.image_grid_thw
        if pictures is not None and grid is not None:
            seen = pictures(inputs.pixel_values, grid)
        else:
            pixels = inputs.pixel_values.to(model.visual.dtype)
            seen = model.visual(pixels, grid_thw=grid, **layout.vision).pooler_output
        flat = words.flatten(0, 1).index_copy(0, layout.places, seen.to(words.dtype))
        words = flat.view_as(words)
    outputs = model.language_model(
        inputs_embeds=words,
        position_ids=layout.positions,
        attention_mask=dict(layout.masks),
        use_cache=False,
    )
    hidden: Tensor = outputs.last_hidden_state
    return hidden
