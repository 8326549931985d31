"""Flow matching: noise to actions along straight lines (arXiv 2605.30280 section 2.5).

Time tau runs from 1 (noise) to 0 (clean): y_tau = (1 - tau) y_0 + tau y_1, velocity y_1 - y_0.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from policy.model.config import TimeLaw


def draw_times(law: TimeLaw, count: int, device: torch.device) -> Tensor:
    """Draw `count` flow times in (0, 1)."""
    if law.family == "logit_normal":
        tau = torch.sigmoid(law.mean + law.std * torch.randn(count, device=device))
    else:
        beta = torch.distributions.Beta(law.a, law.b)
        tau = beta.sample((count,)).to(device) * 0.999 + 0.001
    return 1 - tau if law.flip else tau


def interpolate(clean: Tensor, noise: Tensor, tau: Tensor) -> Tensor:
    """The noisy actions (B, H, K) at times `tau` (B,)."""
    tau = tau[:, None, None]
    return (1 - tau) * clean + tau * noise


def masked_loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error, averaged over rows inside each active channel, then over channels.

    All of shape (B, H, K); `mask` is 1 where a number is real. Every active channel weighs the
    same however many rows are real; padding weighs nothing. Returns (B,), one loss a sample.
    """
    squared = (predicted - target).square() * mask
    rows = mask.sum(dim=1)
    per_channel = squared.sum(dim=1) / rows.clamp(min=1)
    active = (rows > 0).to(squared.dtype)
    return (per_channel * active).sum(dim=1) / active.sum(dim=1).clamp(min=1)


def sample(
    velocity: Callable[[Tensor, Tensor], Tensor], noise: Tensor, mask: Tensor, steps: int
) -> Tensor:
    """Integrate from noise to actions by `steps` Euler steps; all of shape (B, H, K).

    Padded channels are zero throughout, so that they cannot influence the active ones.
    """
    y = noise * mask
    for i in range(steps):
        tau = torch.full((len(y),), 1 - i / steps, device=y.device)
        y = (y - velocity(y, tau) / steps) * mask
    return y
