"""The action decoder: a single-stream DiT over [hidden states ; state ; noisy actions].

Shapes: B batch, L backbone tokens, H horizon, K channels, D width, N = L + 1 + H.
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from policy.model.attention import attend, attend_after
from policy.model.config import DecoderConfig


def rotary_angles(positions: Tensor, head_dim: int, sections: list[int], theta: float) -> Tensor:
    """Angles of multi-section rotary embedding, continuing the backbone's.

    `positions` has shape (3, B, N): time, height, width. `sections` are the backbone's
    `mrope_section`, scaled here to `head_dim`; frequencies take turns between the axes as in
    Qwen3.5's interleaved layout. Returns (B, N, head_dim // 2) in float32.
    """
    half = head_dim // 2
    frequencies = theta ** (
        -torch.arange(half, dtype=torch.float32, device=positions.device) / half
    )
    total = sum(sections)
    height = round(sections[1] * half / total)
    width = round(sections[2] * half / total)
    axis = torch.zeros(half, dtype=torch.long, device=positions.device)
    axis[1 : 3 * height : 3] = 1
    axis[2 : 3 * width : 3] = 2
    return positions.float()[axis].permute(1, 2, 0) * frequencies


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs (i, i + head_dim / 2) of `x` (B, heads, N, head_dim).

    `cos` and `sin` (B, 1, N, head_dim / 2) of the angles.
    """
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def time_sinusoid(tau: Tensor, features: int) -> Tensor:
    """Sinusoidal features (..., features) of flow times `tau` of any shape, scaled by 1000."""
    half = features // 2
    exponent = torch.arange(half, dtype=torch.float32, device=tau.device) / half
    angles = 1000 * tau.float()[..., None] * torch.exp(-math.log(10000) * exponent)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


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
        mask = None if stream.mask is None else stream.mask[..., : stream.split]
        q, k, v = self.project(x, modulation, cos, sin)
        return x if last else self.add(x, attend(q, k, v, mask), modulation), (k, v)

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


def chosen(modulation: Tensor, given: Tensor | None) -> Tensor:
    """Of (B, 2, .) the second where `given` (B, N, 1) is true; of (B, 1, .) that one."""
    if given is None:
        return modulation
    return torch.where(given, modulation[:, 1:], modulation[:, :1])


def projection(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """The two-layer MLP at either end of the action stream."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))


class ActionDecoder(nn.Module):
    """Predicts the velocity of noisy actions, seeing every backbone token."""

    def __init__(  # noqa: PLR0913 - widths of all that comes in
        self,
        config: DecoderConfig,
        *,
        hidden: int,
        channels: int,
        sections: list[int],
        theta: float,
        state: bool = True,
        pointed: int = 0,
    ) -> None:
        """With `state`, the joint state is one token of the stream, and `pointed` numbers in it."""
        super().__init__()
        self.config = config
        self.checkpointing = False
        self._sections, self._theta = sections, theta
        width = config.width
        self.from_backbone = nn.Linear(hidden, width)
        self.time = nn.Sequential(
            nn.Linear(config.time_features, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.actions_in = projection(channels, width, width)
        if state:
            self.state_in = projection(channels + pointed, width, width)
        kind = Block if config.context == "joint" else ContextFirstBlock
        self.blocks = nn.ModuleList(kind(config) for _ in range(config.blocks))
        self.modulation = nn.Linear(width, 2 * width)
        self.actions_out = projection(width, width, channels)
        self.reset()

    def reset(self) -> None:
        """Xavier weights; every modulation and the last layer start at zero (AdaLN-zero)."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        modulations = [m for name, m in self.named_modules() if name.endswith("modulation")]
        for layer in (*modulations, self.actions_out[-1]):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def stream(
        self,
        hidden: Tensor,
        positions: Tensor,
        attention_mask: Tensor,
        state: Tensor | None,
        real_rows: Tensor,
    ) -> Stream:
        """Everything of a context that no Euler step changes.

        `hidden` (B, L, hidden) and `attention_mask` (B, L) come from the backbone, `positions`
        (3, B, L) are its rotary positions; `state` (B, K) or None; `real_rows` (B, H) is false in
        rows that are padding and must not be seen. In a joint stream, keys and values of
        the context cannot be kept between Euler steps: its tokens are modulated by the flow time
        and attend to the noisy actions, so they change in every block.
        """
        parts = [self.from_backbone(hidden)]
        if state is not None:
            parts.append(self.state_in(state.to(hidden.dtype))[:, None])
        tokens = torch.cat(parts, dim=1)
        extra = tokens.shape[1] - hidden.shape[1]
        real = functional.pad(attention_mask.bool(), (0, extra), value=True)
        real = torch.cat([real, real_rows], dim=1)
        extra += real_rows.shape[1]
        after = positions.masked_fill(~attention_mask.bool(), 0).amax(dim=(0, 2)) + 1
        following = after[:, None] + torch.arange(extra, device=positions.device)
        every = torch.cat([positions, following.expand(3, -1, -1)], dim=2)
        angles = rotary_angles(
            every, self.config.width // self.config.heads, self._sections, self._theta
        )[:, None]
        cos, sin = angles.cos().to(tokens.dtype), angles.sin().to(tokens.dtype)
        everyone = real.device.type == "cpu" and bool(real.all())  # a GPU would have to wait
        return Stream(tokens, cos, sin, None if everyone else real[:, None, None])

    def embed_time(self, tau: Tensor) -> Tensor:
        """Flow times of any shape to (..., D), after SiLU."""
        features = time_sinusoid(tau, self.config.time_features)
        embedded: Tensor = functional.silu(self.time(features.to(self.from_backbone.weight.dtype)))
        return embedded

    def forward(  # noqa: PLR0913
        self,
        hidden: Tensor,
        positions: Tensor,
        attention_mask: Tensor,
        noisy: Tensor,
        tau: Tensor,
        state: Tensor | None,
        real_rows: Tensor | None = None,
    ) -> Tensor:
        """Return the velocity (B, H, K) of `noisy` (B, H, K); the others as in `stream`.

        `tau` is (B,), or (B, H) when some rows are given clean (`flow.prefix_times`): those have
        flow time 0, all other tokens the sample's own (training-time real-time chunking,
        arXiv 2512.05964). Without `real_rows` (B, H) every row is real. Where the context is done
        with before the actions, `noisy`, `tau` and `real_rows` may be B times R long, the R of a
        sample one after the other.
        """
        horizon = noisy.shape[1]
        if real_rows is None:
            real_rows = torch.ones_like(noisy[..., 0], dtype=torch.bool)
        several = len(noisy) // len(hidden)
        stream = self.stream(hidden, positions, attention_mask, state, real_rows[::several])
        times, given = tau[:, None], None
        if tau.ndim == 2:
            times = torch.stack([tau.amax(dim=1), torch.zeros_like(tau[:, 0])], dim=1)
            given = functional.pad(tau == 0, (stream.tokens.shape[1], 0), value=False)[..., None]
        time = self.embed_time(times)
        if self.config.context == "before":
            return self._after(stream, noisy, time, given)
        x = torch.cat([stream.tokens, self.actions_in(noisy.to(stream.tokens.dtype))], dim=1)
        for i, block in enumerate(self.blocks):
            rows = horizon if i == len(self.blocks) - 1 else None
            x = self._through(block, x, time, stream, given, rows)
        last = chosen(self.modulation(time), None if given is None else given[:, -horizon:])
        return self.velocity(x, last)

    def _through(self, block: nn.Module, *values: Any) -> Any:  # noqa: ANN401 - a block's own
        """One block, whose activations are computed twice where that is asked for."""
        if self.checkpointing and self.training:
            return checkpoint(block, *values, use_reentrant=False)
        return block(*values)

    @property
    def _clean(self) -> Tensor:
        return self.embed_time(torch.zeros(1, 1, device=self.from_backbone.weight.device))

    def pasts(self, stream: Stream) -> list[Past]:
        """What every block needs of a context that is done with before the actions."""
        x, clean, found = stream.tokens, self._clean, []
        blocks = cast(list[ContextFirstBlock], list(self.blocks))
        for block in blocks:
            last = block is blocks[-1]
            x, past = block.before(x, block.modulation(clean), stream, last=last)
            found.append(past)
        return found

    def _after(self, stream: Stream, noisy: Tensor, time: Tensor, given: Tensor | None) -> Tensor:
        """The velocity of the noisy actions of `forward`, R of them for each context."""
        rows = None if given is None else given[:, -noisy.shape[1] :]
        context, clean = stream.tokens, self._clean
        x = self.actions_in(noisy.to(context.dtype))
        for i, block in enumerate(self.blocks):
            last = i == len(self.blocks) - 1
            context, x = self._through(block, context, x, clean, time, stream, rows, last)
        return self.velocity(x, chosen(self.modulation(time), rows))

    def velocity(self, x: Tensor, modulation: Tensor) -> Tensor:
        """The last layers, on action tokens `x` (B, H, D) alone."""
        shift, scale = modulation.chunk(2, dim=-1)
        velocity: Tensor = self.actions_out(modulate(x, shift, 1 + scale))
        return velocity
