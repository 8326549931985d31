"""The blocks of the action decoder: one stream, or a context apart from the actions.

Shapes: B batch, H horizon, D width, M tokens before the actions, N = M + H.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from policy.model.attention import attend, attend_after
from policy.model.config import DecoderConfig


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs (i, i + head_dim / 2) of `x` (B, heads, N, head_dim).

    `cos` and `sin` (B, 1, N, head_dim / 2) of the angles.
    """
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Adaptive layer norm without learnt affine: (B, N, D) by (B, 1 or N, D)."""
    return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:], eps=1e-6), scale)


@dataclass(frozen=True, slots=True)
class Stream:
    """What the decoder makes of a context once, whatever the flow time and the noisy actions."""

    tokens: Tensor
    """(B, M, D): the hidden states, then the state if there is one, projected."""
    cos: Tensor
    sin: Tensor
    """(B, 1, N, head_dim / 2), N = M + H: rotary angles of all tokens, the actions included."""
    mask: Tensor | None
    """(B, 1, 1, N), true where a key is real; None says that all are."""

    @property
    def split(self) -> int:
        """M, the number of tokens before the actions."""
        return self.tokens.shape[1]


Past = tuple[Tensor, Tensor]
"""Keys and values (B, heads, M, head_dim) of a context in one block."""


class Layers(nn.Module):
    """AdaLN-zero, self-attention, AdaLN-zero, SwiGLU: what every kind of block is made of."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, width, bias=False)

    def project(
        self, x: Tensor, modulation: Tensor, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, heads, N, head_dim) of `x` (B, N, D)."""
        batch, length, width = x.shape
        shift, scale = modulation[..., : 2 * width].chunk(2, dim=-1)
        qkv = self.qkv(modulate(x, shift, 1 + scale)).view(batch, length, 3 * self.heads, -1)
        qk, v = qkv.transpose(1, 2).split([2 * self.heads, self.heads], dim=1)
        q, k = rotate(qk, cos, sin).chunk(2, dim=1)
        return q, k, v

    def keys(self, x: Tensor, modulation: Tensor, cos: Tensor, sin: Tensor) -> Past:
        """Keys and values of `project` alone."""
        batch, length, width = x.shape
        shift, scale = modulation[..., : 2 * width].chunk(2, dim=-1)
        kv = functional.linear(modulate(x, shift, 1 + scale), self.qkv.weight[width:])
        k, v = kv.view(batch, length, 2 * self.heads, -1).transpose(1, 2).chunk(2, dim=1)
        return rotate(k, cos, sin), v

    def add(self, x: Tensor, attended: Tensor, modulation: Tensor) -> Tensor:
        """`x` (B, N, D) with what it attended to, and the feed-forward of that."""
        gate1, shift, scale, gate2 = modulation[..., 2 * x.shape[-1] :].chunk(4, dim=-1)
        x = torch.addcmul(x, gate1, self.out(attended.transpose(1, 2).flatten(2)))
        gate, up = self.gate_up(modulate(x, shift, 1 + scale)).chunk(2, dim=-1)
        return torch.addcmul(x, gate2, self.down(functional.silu(gate) * up))


class Block(Layers):
    """Of a joint stream: every token sees every other."""

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        stream: Stream,
        given: Tensor | None = None,
        rows: int | None = None,
    ) -> Tensor:
        """`x` (B, N, D), `time` (B, 1 or 2, D) after SiLU; returns the last `rows` tokens, or all.

        Where `given` (B, N, 1) is true, a token has the second time.
        """
        return self.modulated(x, chosen(self.modulation(time), given), stream, rows)

    def modulated(
        self, x: Tensor, modulation: Tensor, stream: Stream, rows: int | None = None
    ) -> Tensor:
        """The same with the `modulation` (B, 1 or N, 6 D) of the times already known."""
        q, k, v = self.project(x, modulation, stream.cos, stream.sin)
        if rows is not None:  # the last block: nobody looks at the others after it
            x, q, modulation = x[:, -rows:], q[:, :, -rows:], modulation[:, -rows:]
        return self.add(x, attend(q, k, v, stream.mask), modulation)


class ContextFirstBlock(Layers):
    """The context sees itself, the actions see it and themselves."""

    def forward(  # noqa: PLR0913 - both halves of the stream, each with its time
        self,
        context: Tensor,
        actions: Tensor,
        clean: Tensor,
        time: Tensor,
        stream: Stream,
        given: Tensor | None,
        last: bool,  # noqa: FBT001 - checkpointing passes on by place
    ) -> tuple[Tensor, Tensor]:
        """Context (B, M, D) at the time `clean` (1, 1, D), and actions (B times R, H, D) at `time`.

        Where `given` (B times R, H, 1) is true, an action has the second time. After the `last`
        block nobody looks at the context any more.
        """
        context, past = self.before(context, self.modulation(clean), stream, last=last)
        return context, self.after(actions, chosen(self.modulation(time), given), stream, past)

    def before(
        self, x: Tensor, modulation: Tensor, stream: Stream, *, last: bool
    ) -> tuple[Tensor, Past]:
        """The context `x` (B, M, D) on its own, and its keys and values; the `last` only those."""
        cos, sin = (angles[:, :, : stream.split] for angles in (stream.cos, stream.sin))
        if last:
            return x, self.keys(x, modulation, cos, sin)
        mask = None if stream.mask is None else stream.mask[..., : stream.split]
        q, k, v = self.project(x, modulation, cos, sin)
        return self.add(x, attend(q, k, v, mask), modulation), (k, v)

    def after(self, x: Tensor, modulation: Tensor, stream: Stream, past: Past) -> Tensor:
        """Action tokens `x` (B times R, H, D), R of each sample, which see its context."""
        several = len(x) // len(stream.tokens)
        cos, sin = (
            angles[:, :, stream.split :].repeat_interleave(several, dim=0)
            for angles in (stream.cos, stream.sin)
        )
        masks: list[Tensor | None] = [None, None]
        if stream.mask is not None:
            rows = stream.mask[..., stream.split :].repeat_interleave(several, dim=0)
            masks = [rows, stream.mask[..., : stream.split]]
        q, k, v = self.project(x, modulation, cos, sin)
        return self.add(x, attend_after(q, (k, v), past, *masks), modulation)


class ContextReadBlock(ContextFirstBlock):
    """The context stays as the backbone left it; the actions see it and themselves."""

    def before(
        self, x: Tensor, modulation: Tensor, stream: Stream, *, last: bool
    ) -> tuple[Tensor, Past]:
        """As any block's `before`, `last` or not: the context as it is, its keys and values."""
        del last
        return super().before(x, modulation, stream, last=True)


KINDS = {"joint": Block, "before": ContextFirstBlock, "read": ContextReadBlock}
"""The block of each `DecoderConfig.context`."""


def chosen(modulation: Tensor, given: Tensor | None) -> Tensor:
    """Of (B, 2, .) the second where `given` (B, N, 1) is true; of (B, 1, .) that one."""
    if given is None:
        return modulation
    return torch.where(given, modulation[:, 1:], modulation[:, :1])
