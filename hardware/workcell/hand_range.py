"""The range of joints that a person moves by hand, to become the limits of a workcell."""

import numpy as np

from hardware.control_loop import Tick
from hardware.embodiment import Channel
from hardware.interfaces import JointPositions
from hardware.workcell.entries import ChannelLimit

LEAST_RADIANS = 0.2
"""A joint that was turned by less was not meant; its limits stay."""

MARGIN = 0.02
"""Radians left free at either end, so that the stop itself is never touched."""


class HandRange:
    """A listener of the control loop: notes how far joints are moved from `begin` to `end`."""

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        self._channels = channels
        self._seen: tuple[JointPositions, JointPositions] | None = None
        self._watching = False

    def __call__(self, tick: Tick) -> None:
        """Note one reading."""
        if self._watching:
            state, seen = tick.observation.state, self._seen
            low, high = (state, state) if seen is None else seen
            self._seen = np.minimum(low, state), np.maximum(high, state)

    @property
    def watching(self) -> bool:
        """Whether it notes readings now."""
        return self._watching

    def begin(self) -> None:
        """Forget what was noted, and note from now on."""
        self._seen, self._watching = None, True

    def end(self) -> None:
        """Note nothing more; what was noted stays until `begin` or `forget`."""
        self._watching = False

    def forget(self) -> None:
        """Note nothing more, and forget what was noted."""
        self._seen, self._watching = None, False

    @property
    def spans(self) -> dict[str, tuple[float, float]]:
        """Least and greatest position so far of each joint, radians, by channel name."""
        seen = self._seen
        if seen is None:
            return {}
        return {
            channel.name: (float(low), float(high))
            for channel, low, high in zip(self._channels, *seen, strict=True)
            if channel.unit == "rad"
        }

    def limits(self, rest: JointPositions | None) -> dict[str, ChannelLimit]:
        """Limits for the joints that were turned, inside what they are allowed already.

        `rest` is where the arms are lowered to, radians by channel; limits always include it.
        Raises `ValueError` for a joint that was turned where it may not go anyway.
        """
        rests = {} if rest is None else dict(zip(self._names, rest.tolist(), strict=True))
        own = {channel.name: channel for channel in self._channels}
        turned = {
            name: span for name, span in self.spans.items() if span[1] - span[0] > LEAST_RADIANS
        }
        return {name: _limit(own[name], span, rests.get(name)) for name, span in turned.items()}

    @property
    def _names(self) -> list[str]:
        return [channel.name for channel in self._channels]


def _limit(own: Channel, span: tuple[float, float], rest: float | None) -> ChannelLimit:
    low, high = max(span[0] + MARGIN, own.low), min(span[1] - MARGIN, own.high)
    if low >= high:
        raise ValueError(
            f"{own.name} was turned from {span[0]:.2f} to {span[1]:.2f} rad; it may go from "
            f"{own.low:.2f} to {own.high:.2f}. Turn it within that, or mend its limits in the file."
        )
    if rest is not None:
        low, high = min(low, rest), max(high, rest)
    return ChannelLimit(max(round(low, 4), own.low), min(round(high, 4), own.high))
