"""The action decoder: a single-stream DiT over [hidden states ; state ; noisy actions].

Shapes: B batch, L backbone tokens, H horizon, K channels, D width, N = L + 1 + H.
"""

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from policy.model.block import KINDS, ContextFirstBlock, Past, Stream, chosen, modulate
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


def time_sinusoid(tau: Tensor, features: int) -> Tensor:
    """Sinusoidal features (..., features) of flow times `tau` of any shape, scaled by 1000."""
    half = features // 2
    exponent = torch.arange(half, dtype=torch.float32, device=tau.device) / half
    angles = 1000 * tau.float()[..., None] * torch.exp(-math.log(10000) * exponent)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


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
        self.blocks = nn.ModuleList(KINDS[config.context](config) for _ in range(config.blocks))
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
        if self.config.context != "joint":
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
