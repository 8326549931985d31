"""Where the robot was in the last seconds, and how often it was looked at."""

from collections import deque

import numpy as np

from hardware.control_loop import Tick
from hardware.interfaces import JointPositions


class Trail:
    """Measured states, newest last. One thread adds, any may read."""

    def __init__(self, control_hz: float, secs: float = 3.0) -> None:
        self._kept: deque[tuple[float, JointPositions]] = deque(maxlen=int(secs * control_hz))

    def add(self, tick: Tick) -> None:
        """Remember what was measured in `tick`. Waits for nothing."""
        self._kept.append((tick.observation.timestamp, tick.observation.state))

    def clear(self) -> None:
        """Forget everything: the robot was put elsewhere."""
        self._kept.clear()

    def states(self, num_points: int) -> list[JointPositions]:
        """Return states, oldest first, thinned to about `num_points`."""
        states = [state for _, state in self._kept.copy()]
        return states[:: max(1, len(states) // num_points)]

    def hz(self, now: float) -> float:
        """Turns per second over the second before `now`, on the robot's clock; 0 without two."""
        times = np.array([at for at, _ in self._kept.copy()])
        recent = times[times > now - 1.0]
        if len(recent) < 2:
            return 0.0
        return float((len(recent) - 1) / max(recent[-1] - recent[0], 1e-9))
