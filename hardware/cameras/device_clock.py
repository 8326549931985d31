"""Moves time stamps of a camera's own clock onto the robot's clock. Reads no clock itself."""

import math
from collections import deque

WINDOW_SECS = 30.0
"""The drift of a quartz (up to 100 ppm) over half of this is 1.5 ms."""

WORST_JUMP_SECS = 1.0
"""A camera's clock that is further off than this was set anew."""


class DeviceClock:
    """Estimates by how much a camera's clock differs from the robot's.

    The difference between a picture's arrival and its time stamp is the offset of the clocks plus
    the time on the way, which is never negative: the smallest one seen lately is the best bound of
    the offset (the minimum filter of NTP, RFC 5905 section 10). What remains is the shortest time
    on the way, 5 to 15 ms over USB, by which pictures seem younger than they are.
    """

    def __init__(self) -> None:
        self._offsets: deque[tuple[float, float]] = deque()
        """Arrival and offset, of rising offsets: the first is the smallest of the window."""
        self._last = -math.inf

    def captured_at(self, device_secs: float, arrived_at: float) -> float:
        """Return when a picture was taken, on the clock of `arrived_at`; it never goes back."""
        offset = arrived_at - device_secs
        if self._offsets and abs(offset - self._offsets[0][1]) > WORST_JUMP_SECS:
            self._offsets.clear()
        while self._offsets and self._offsets[-1][1] >= offset:
            self._offsets.pop()
        self._offsets.append((arrived_at, offset))
        while arrived_at - self._offsets[0][0] > WINDOW_SECS:
            self._offsets.popleft()
        # A better bound of the offset must not put a picture before its forerunner.
        self._last = max(self._last, device_secs + self._offsets[0][1])
        return self._last
