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
        """Note nothing more; what was noted stays until `begin`."""
        self._watching = False

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

    def limits(self) -> dict[str, ChannelLimit]:
        """Limits for the joints that were turned, inside what they are allowed already."""
        own = {channel.name: channel for channel in self._channels}
        return {
            name: ChannelLimit(
                round(max(low + MARGIN, own[name].low), 4),
                round(min(high - MARGIN, own[name].high), 4),
            )
            for name, (low, high) in self.spans.items()
            if high - low > LEAST_RADIANS
        }
