"""Flow matching: noise to actions along straight lines (arXiv 2605.30280 section 2.5).

Time tau runs from 1 (noise) to 0 (clean): y_tau = (1 - tau) y_0 + tau y_1, velocity y_1 - y_0.
"""

import numpy as np
import torch
from torch import Tensor

from policy.model.config import TimeLaw


def draw_times(law: TimeLaw, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` flow times in (0, 1], float32."""
    if law.family == "logit_normal":
        tau = 1 / (1 + np.exp(-rng.normal(law.mean, law.std, count)))
    else:
        tau = rng.beta(law.a, law.b, count) * 0.999 + 0.001
    return np.asarray(1 - tau if law.flip else tau, np.float32)


def interpolate(clean: Tensor, noise: Tensor, tau: Tensor) -> Tensor:
    """The noisy actions (B, H, K) at times `tau`, (B,) or of each row (B, H)."""
    tau = tau[:, None, None] if tau.ndim == 1 else tau[..., None]
    return (1 - tau) * clean + tau * noise


def prefix_times(tau: Tensor, prefix: Tensor, horizon: int) -> Tensor:
    """Flow times of each row (B, H): 0 for the first `prefix` (B,) rows, else `tau` (B,).

    Training-time real-time chunking (arXiv 2512.05964, stated): those rows are given clean, as
    the part of the chunk in play that is executed while the next one is planned.
    """
    given = torch.arange(horizon, device=tau.device) < prefix[:, None]
    return torch.where(given, 0.0, tau[:, None])


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
