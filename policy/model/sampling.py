"""From noise to a chunk of actions: Euler steps, and chunks that go on from the one in play.

Everything is in the network's normalised space, B samples of H rows and K channels; flow time 1
is noise, 0 is clean. Knows the decoder and not the backbone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from policy.interface import Continuation
from policy.model.block import Block, ContextFirstBlock, Layers, Stream
from policy.model.decoder import ActionDecoder

Velocity = Callable[[Tensor, int], Tensor]
"""Of noisy actions (B, H, K) at the number of the Euler step, counted from the noise."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a chunk is sampled."""

    steps: int = 5
    """Euler steps from noise to actions; the paper says "a few"."""
    continuation: Continuation = "guide"
    pull: float = 5.0
    """Largest weight of the guidance (beta of arXiv 2506.07339, which uses 5)."""

    def __post_init__(self) -> None:
        if self.steps < 1 or self.pull < 0:
            raise ValueError(
                f"Sampling needs at least 1 step and a pull of 0 or more, got {self.steps} steps "
                f"and a pull of {self.pull}."
            )

    def time(self, step: int) -> float:
        """The flow time at which step number `step` asks for the velocity, from 1 down."""
        return 1 - step / self.steps


@dataclass(frozen=True, slots=True)
class Previous:
    """The chunk in play, aligned in time to the one being made: its row 0 is now."""

    actions: Tensor
    """(B, H, K); rows from `known` on may hold anything."""
    committed: int
    """The first rows, that will be executed before the new chunk is there."""
    known: int
    """Rows that the old chunk reaches to; at least `committed`."""

    def __post_init__(self) -> None:
        horizon = self.actions.shape[1]
        if not 0 <= self.committed <= self.known <= horizon:
            raise ValueError(
                f"Expected 0 <= committed <= known <= {horizon} rows, got {self.committed} "
                f"committed of {self.known} known."
            )


def soft_weights(horizon: int, committed: int, known: int) -> Tensor:
    """How firmly each row (H,) is held to the old chunk (equation 5 of arXiv 2506.07339, stated).

    1 for committed rows, falling exponentially over the rest that is known, 0 after it.
    """
    rows = torch.arange(horizon)
    left = (known - rows) / (known - committed + 1)
    falling = left * torch.expm1(left) / (math.e - 1)
    return torch.where(rows < committed, 1.0, torch.where(rows < known, falling, 0.0))


def guidance_weight(tau: float, largest: float) -> float:
    """The weight of the pull at flow time `tau` (equation 2 of arXiv 2506.07339, stated).

    Theirs is 0 at noise and 1 clean; with r^2 = (1 - t)^2 / (t^2 + (1 - t)^2) it is
    (1 - t) / (t r^2), here (tau^2 + (1 - tau)^2) / (tau (1 - tau)).
    """
    clean = 1 - tau
    if tau * clean == 0:
        return largest
    return min((tau * tau + clean * clean) / (tau * clean), largest)


def guided(
    velocity: Velocity,
    y: Tensor,
    mask: Tensor,
    step: int,
    sampling: Sampling,
    previous: Previous,
) -> Tensor:
    """The velocity at `y`, pulled to where the chunk in play ends up (arXiv 2506.07339, stated).

    The pull is the softly weighted error of the clean actions foreseen from here, through the
    Jacobian of foreseeing. Padded channels foresee nothing, so that they pull at none (ours).
    """
    tau = sampling.time(step)
    weights = soft_weights(y.shape[1], previous.committed, previous.known).to(y.device)
    weights = weights[:, None] * mask
    with torch.enable_grad():
        y = y.detach().requires_grad_()
        flow = velocity(y, step)
        foreseen = y - tau * flow
        error = torch.where(weights > 0, previous.actions - foreseen.detach(), 0.0)
        (pull,) = torch.autograd.grad(foreseen, y, error * weights)
    return flow.detach() - guidance_weight(tau, sampling.pull) * pull


def integrate(
    velocity: Velocity,
    noise: Tensor,
    mask: Tensor,
    sampling: Sampling,
    previous: Previous | None = None,
) -> Tensor:
    """Integrate from noise to actions; all of shape (B, H, K).

    Padded channels are zero throughout, so that they cannot influence the active ones. With
    `previous` the chunk begins with its committed rows.
    """
    noise = noise * mask
    y = noise
    for step in range(sampling.steps):
        if previous is None:
            flow = velocity(y, step)
        elif sampling.continuation == "guide":
            flow = guided(velocity, y, mask, step, sampling, previous) * mask
        else:
            tau = sampling.time(step) if sampling.continuation == "overwrite" else 0.0
            y = begin(y, (1 - tau) * previous.actions + tau * noise, previous) * mask
            flow = velocity(y, step)
        y = (y - flow / sampling.steps) * mask
    return y if previous is None else begin(y, previous.actions, previous) * mask


def begin(y: Tensor, rows: Tensor, previous: Previous) -> Tensor:
    """`y` with its committed rows taken from `rows`; all of shape (B, H, K)."""
    return torch.cat([rows[:, : previous.committed], y[:, previous.committed :]], dim=1)


class StepVelocity:
    """A decoder's velocity over one context, at flow times known beforehand.

    What no Euler step changes is computed once: the projected context, rotary angles, and every
    block's modulation at every flow time.
    """

    def __init__(
        self, decoder: ActionDecoder, stream: Stream, sampling: Sampling, clean: int = 0
    ) -> None:
        """The first `clean` action rows are given clean, at flow time 0."""
        self._decoder, self._stream = decoder, stream
        steps = torch.arange(sampling.steps, device=stream.tokens.device)
        time = decoder.embed_time(functional.pad(1 - steps / sampling.steps, (0, 1)))
        blocks = cast(list[Layers], list(decoder.blocks))
        self._modulations = [block.modulation(time) for block in blocks]
        self._last = decoder.modulation(time)
        self._pasts = [] if decoder.config.context == "joint" else decoder.pasts(stream)
        horizon = stream.cos.shape[2] - stream.tokens.shape[1]
        self._rows = torch.arange(horizon, device=time.device)[:, None] < clean if clean else None

    def __call__(self, noisy: Tensor, step: int) -> Tensor:
        """The velocity of `noisy` (B, H, K), in float32."""
        decoder, stream, horizon = self._decoder, self._stream, noisy.shape[1]
        if self._pasts:
            x = decoder.actions_in(noisy.to(stream.tokens.dtype))
            told = cast(list[ContextFirstBlock], list(decoder.blocks))
            for one, past, times in zip(told, self._pasts, self._modulations, strict=True):
                x = one.after(x, self._at(times, step, horizon), stream, past)
            return decoder.velocity(x, self._at(self._last, step, horizon)).float()
        x = torch.cat([stream.tokens, decoder.actions_in(noisy.to(stream.tokens.dtype))], dim=1)
        for i, block in enumerate(cast(list[Block], list(decoder.blocks))):
            rows = horizon if i == len(decoder.blocks) - 1 else None
            modulation = self._at(self._modulations[i], step, x.shape[1])
            x = block.modulated(x, modulation, stream, rows)
        return decoder.velocity(x, self._at(self._last, step, horizon)).float()

    def _at(self, modulation: Tensor, step: int, length: int) -> Tensor:
        """Of (steps + 1, .) the row of `step` as (1, 1, .), or (1, N, .) with clean rows."""
        if self._rows is None:
            return modulation[step][None, None]
        given = functional.pad(self._rows, (0, 0, length - len(self._rows), 0), value=False)
        return torch.where(given, modulation[-1], modulation[step])[None]
