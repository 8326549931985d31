"""Averaged weights (EMA): often better than the last ones, and what a checkpoint holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of some parameters; with a decay of 0, the parameters."""

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self.decay = decay
        self._parameters: list[Tensor] = list(parameters)
        self._values = [p.detach().clone() for p in self._parameters] if decay else []

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after `step` in; early on the average forgets faster."""
        if self._values:
            decay = min(self.decay, (step + 1) / (step + 10))
            torch._foreach_lerp_(self._values, self._parameters, 1 - decay)

    @torch.no_grad()
    def take(self) -> None:
        """Begin again from the parameters as they are."""
        for value, parameter in zip(self._values, self._parameters, strict=False):
            value.copy_(parameter)

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Put the average in the place of the weights for a while."""
        if not self._values:
            yield
            return
        kept = [p.detach().clone() for p in self._parameters]
        self._set(self._values)
        try:
            yield
        finally:
            self._set(kept)

    def _set(self, values: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for parameter, value in zip(self._parameters, values, strict=True):
                parameter.copy_(value)
