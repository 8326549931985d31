"""How well a control loop keeps time, in a few figures. Waits for nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

LATENESS_WINDOW = 50 * 60 * 15
"""Turns that are remembered: a quarter of an hour at 50 Hz."""


@dataclass(frozen=True, slots=True)
class Timeliness:
    """How well the loop kept time over its last `LATENESS_WINDOW` turns."""

    turns: int
    missed: int
    """Whole ticks that passed with no turn, since the loop was made."""
    late_p50_secs: float
    late_p99_secs: float
    late_max_secs: float

    @classmethod
    def of(cls, late_secs: Iterable[float], missed: int) -> "Timeliness":
        """Summarise how late the turns began, in seconds after their deadlines."""
        known = list(late_secs)
        late = np.array(known or [0.0])
        p50, p99 = np.percentile(late, [50, 99])
        return cls(len(known), missed, float(p50), float(p99), float(late.max()))
