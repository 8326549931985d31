"""Attention that is quick where we run it: many short sequences, on a processor or a GPU."""

from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel

PACKED = "packed_flash"
"""Name of `packed_attention` in transformers; "flash" in it asks for whole packed sequences."""


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax attention over (B, heads, N, D); `mask` is true where a key may be seen.

    On a processor the fused kernel's backward pass takes 2 to 10 times as long as three plain
    matrix operations at our lengths (`docs/log.md`), so it is used on GPUs only.
    """
    if q.device.type != "cpu":
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(scores, dim=-1) @ v


def attend_after(
    q: Tensor,
    own: tuple[Tensor, Tensor],
    past: tuple[Tensor, Tensor],
    mask: Tensor | None = None,
    past_mask: Tensor | None = None,
) -> Tensor:
    """Softmax attention over keys of one's own and of a past that several share.

    `q` and `own`, keys and values, are (B times R, heads, N, D), R after R of one sample; `past` is
    (B, heads, M, D) and not repeated. Masks (B times R, 1, 1, N) and (B, 1, 1, M) are true where a
    key may be seen.
    """
    several, width = len(q) // len(past[0]), q.shape[-1]
    seen = _together(q, several) @ past[0].transpose(-1, -2)
    if past_mask is not None:
        seen = seen.masked_fill(~past_mask, torch.finfo(seen.dtype).min)
    among = q @ own[0].transpose(-1, -2)
    if mask is not None:
        among = among.masked_fill(~mask, torch.finfo(among.dtype).min)
    scores = torch.cat([_apart(seen, several), among], dim=-1)
    weights = torch.softmax(scores * width**-0.5, dim=-1)
    before = past[0].shape[2]
    looked = _apart(_together(weights[..., :before], several) @ past[1], several)
    return looked + weights[..., before:] @ own[1]


def _together(x: Tensor, several: int) -> Tensor:
    """(B times R, heads, N, D) to (B, heads, R times N, D)."""
    _, heads, length, width = x.shape
    parted = x.reshape(-1, several, heads, length, width).transpose(1, 2)
    return parted.reshape(-1, heads, several * length, width)


def _apart(x: Tensor, several: int) -> Tensor:
    """The other way."""
    _, heads, length, width = x.shape
    parted = x.reshape(-1, heads, several, length // several, width).transpose(1, 2)
    return parted.reshape(-1, heads, length // several, width)


def packed_attention(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001 - the interface of transformers
    *,
    cu_seq_lens_q: Tensor,
    lengths: tuple[int, ...] | None = None,
    **_options: Any,  # noqa: ANN401 - likewise
) -> tuple[Tensor, None]:
    """Attention inside each picture of a pack (1, heads, N, D), equal lengths at once.

    `cu_seq_lens_q` (pictures + 1,) holds the boundaries; `lengths`, where known beforehand, spare
    a GPU to be asked for them. Returns (1, N, heads, D).
    """
    if lengths is not None:
        return _in_order(query[0], key[0], value[0], lengths), None
    starts = cu_seq_lens_q[:-1].long()
    sizes = cu_seq_lens_q[1:].long() - starts
    answer = torch.empty_like(query)
    for length in sorted(set(sizes.tolist())):
        first = starts[sizes == length]
        index = (first[:, None] + torch.arange(length, device=first.device)).flatten()

        def pick(x: Tensor, index: Tensor = index, length: int = length) -> Tensor:
            return x[0, :, index].view(x.shape[1], -1, length, x.shape[3]).transpose(0, 1)

        out = attend(pick(query), pick(key), pick(value))
        answer = answer.index_copy(
            2, index, out.transpose(0, 1).flatten(1, 2)[None].to(query.dtype)
        )
    return answer.transpose(1, 2), None


def _in_order(query: Tensor, key: Tensor, value: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """The same for (heads, N, D), one run of equal lengths after the other."""
    parts, start = [], 0
    for length, run in groupby(lengths):
        count = len(list(run))
        span = slice(start, start + count * length)
        q, k, v = (
            x[:, span].reshape(len(x), count, length, -1).transpose(0, 1)
            for x in (query, key, value)
        )
        parts.append(attend(q, k, v).transpose(1, 2).flatten(0, 1))
        start = span.stop
    return torch.cat(parts).to(query.dtype)[None]


def embed_patches(projection: nn.Conv3d, pixels: Tensor) -> Tensor:
    """Project patches (N, features) by one matrix product.

    A convolution over patches that do not overlap is just that, and several times as slow.
    """
    weight = projection.weight
    return functional.linear(pixels.to(weight.dtype), weight.flatten(1), projection.bias)


AttentionInterface.register(PACKED, packed_attention)


def use_quick_attention(backbone: PreTrainedModel) -> None:
    """Make a Qwen3.5 backbone attend, and take patches in, the quick way on this machine."""
    text = "sdpa" if torch.cuda.is_available() else "eager"
    backbone.set_attn_implementation({"vision_config": PACKED, "text_config": text})
    patches = backbone.model.visual.patch_embed
    patches.forward = partial(embed_patches, patches.proj)
