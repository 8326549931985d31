"""The action decoder: a single-stream DiT over [hidden states ; state ; noisy actions].

Shapes: B batch, L backbone tokens, H horizon, K channels, D width, N = L + 1 + H.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from policy.model.attention import attend
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


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Rotate pairs (i, i + head_dim / 2) of `x` (B, heads, N, head_dim) by `angles` (B, N, .)."""
    cos, sin = angles.cos()[:, None].to(x.dtype), angles.sin()[:, None].to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def time_sinusoid(tau: Tensor, features: int) -> Tensor:
    """Sinusoidal features (B, features) of the flow time `tau` (B,), scaled by 1000."""
    half = features // 2
    exponent = torch.arange(half, dtype=torch.float32, device=tau.device) / half
    angles = 1000 * tau.float()[:, None] * torch.exp(-math.log(10000) * exponent)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Adaptive layer norm without learnt affine: (B, N, D) by per-sample (B, D)."""
    normed = functional.layer_norm(x, x.shape[-1:], eps=1e-6)
    return normed * (1 + scale[:, None]) + shift[:, None]


class Block(nn.Module):
    """AdaLN-zero, self-attention, AdaLN-zero, SwiGLU."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, width, bias=False)

    def forward(self, x: Tensor, time: Tensor, angles: Tensor, mask: Tensor) -> Tensor:
        """`x` (B, N, D), `time` (B, D) after SiLU, `mask` (B, 1, 1, N) true where keys are real."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(time).chunk(6, dim=-1)
        batch, length, width = x.shape
        qkv = self.qkv(modulate(x, shift1, scale1)).view(batch, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = attend(rotate(q, angles), rotate(k, angles), v, mask)
        attended = attended.transpose(1, 2).reshape(batch, length, width)
        x = x + gate1[:, None] * self.out(attended)
        gate, up = self.gate_up(modulate(x, shift2, scale2)).chunk(2, dim=-1)
        fed: Tensor = x + gate2[:, None] * self.down(functional.silu(gate) * up)
        return fed


def projection(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """The two-layer MLP at either end of the action stream."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))


class ActionDecoder(nn.Module):
    """Predicts the velocity of noisy actions, seeing every backbone token."""

    def __init__(
        self,
        config: DecoderConfig,
        *,
        hidden: int,
        channels: int,
        sections: list[int],
        theta: float,
    ) -> None:
        super().__init__()
        self.config = config
        self._sections, self._theta = sections, theta
        width = config.width
        self.from_backbone = nn.Linear(hidden, width)
        self.time = nn.Sequential(
            nn.Linear(config.time_features, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.actions_in = projection(channels, width, width)
        self.state_in = projection(channels, width, width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
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

    def forward(
        self,
        hidden: Tensor,
        positions: Tensor,
        attention_mask: Tensor,
        noisy: Tensor,
        tau: Tensor,
        state: Tensor | None,
    ) -> Tensor:
        """Return the velocity (B, H, K).

        `hidden` (B, L, hidden) and `attention_mask` (B, L) come from the backbone, `positions`
        (3, B, L) are its rotary positions; `noisy` (B, H, K), `tau` (B,), `state` (B, K) or None.
        """
        horizon = noisy.shape[1]
        parts = [self.from_backbone(hidden)]
        if state is not None:
            parts.append(self.state_in(state)[:, None])
        parts.append(self.actions_in(noisy))
        x = torch.cat(parts, dim=1)
        extra = x.shape[1] - hidden.shape[1]
        real = functional.pad(attention_mask.bool(), (0, extra), value=True)
        after = positions.masked_fill(~attention_mask.bool(), 0).amax(dim=(0, 2)) + 1
        following = after[:, None] + torch.arange(extra, device=positions.device)
        every = torch.cat([positions, following.expand(3, -1, -1)], dim=2)
        angles = rotary_angles(
            every, self.config.width // self.config.heads, self._sections, self._theta
        )
        time = functional.silu(self.time(time_sinusoid(tau, self.config.time_features).to(x.dtype)))
        for block in self.blocks:
            x = block(x, time, angles, real[:, None, None])
        shift, scale = self.modulation(time).chunk(2, dim=-1)
        velocity: Tensor = self.actions_out(modulate(x[:, -horizon:], shift, scale))
        return velocity
