"""Flow-SDE: the sampler with noise in it, so that a chunk of actions has a likelihood.

Flow time tau runs from 1 (noise) to 0 (clean), velocity v = y1 - y0, as in `policy.model.flow`.
The sampler's ODE is dy = v dtau. For any sigma(tau) the SDE that runs down in tau (w a Wiener
process of that time, s = 1 - tau)

    dy = (-v + sigma^2 / 2 * score) ds + sigma dw

has the same density at every time (the Fokker-Planck equation: half the diffusion is undone by
the score). On the straight paths y = (1 - tau) y0 + tau y1 with y1 standard normal, the score is
known from the velocity: score = -E[y1 | y] / tau = -(y + (1 - tau) v) / tau. One Euler step of
length delta is then Gaussian, with

    mean = y - delta v - delta sigma^2 / (2 tau) (y + (1 - tau) v)
    std  = sigma sqrt(delta),        sigma = noise sqrt(tau / (1 - tau)).

The conversion and this sigma are those of Flow-GRPO (arXiv 2505.05470, stated)
and of Flow-SDE in pi_RL (arXiv 2510.25889, stated), which Qwen-VLA trains with. sigma has no bound
at tau = 1, so the first step takes that of the next time, as RLinf does.
"""

import math

import torch
from torch import Tensor

from policy.model.sampling import Sampling


def deviation(step: Tensor, sampling: Sampling, noise: int | float) -> Tensor:
    """The standard deviation of step number `step` (B,), counted from the noise; (B,)."""
    tau = 1 - step / sampling.steps
    inside = torch.where(step == 0, 1 - 1 / max(sampling.steps, 2), tau)
    sigma: Tensor = noise * (inside / (1 - inside)).sqrt()
    return sigma / math.sqrt(sampling.steps)


def mean(y: Tensor, velocity: Tensor, step: Tensor, sampling: Sampling, std: Tensor) -> Tensor:
    """Where step number `step` (B,) goes on average from `y` (B, H, K), given its `std` (B,).

    With a deviation of 0 this is the Euler step of the ODE.
    """
    step, std = step[:, None, None], std[:, None, None]
    tau = 1 - step / sampling.steps
    end = y + (1 - tau) * velocity  # what of it is noise
    return y - velocity / sampling.steps - std.square() / (2 * tau) * end


def log_probability(sample: Tensor, at: Tensor, std: Tensor, mask: Tensor) -> Tensor:
    """The logarithm of the density (B,) of `sample` (B, H, K) under a Gaussian about `at`.

    The sum over numbers where `mask` is 1: the likelihood of what was done, so that a ratio of
    two and their divergence are true ones (as RLinf's `chunk_level`; means over dimensions, as
    in Flow-GRPO, would leave the clipping of PPO without effect).
    """
    std = std[:, None, None]
    each = -0.5 * ((sample - at) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)
    return (each * mask).sum(dim=(1, 2))
