"""How one demonstration differs from the next: speed, path, pauses, a mistake. Knows no task."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

MISSED_SHARE = 0.15
"""How often a drawn variation begins with a grasp that is aimed off."""

SHORT, HIGH = (0.028, 0.036), (0.029, 0.036)
"""Metres by which a mistaken aim falls short of a thing, or is over it: fingers close on air."""

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Variation:
    """What people do differently each time. The default varies nothing."""

    speed: float = 1.0
    """Factor of the top speed."""
    bow: float = 0.0
    """Radians by which the way leaves the straight line to the left, while far away."""
    pitch: float = 0.0
    """Radians by which grippers point down more steeply."""
    hover: float = 0.0
    """Metres by which a gripper comes in higher before it grasps."""
    height: float = 0.0
    """Metres by which it grasps higher."""
    pause_ticks: int = 0
    """Control ticks of stillness before the first motion and before fingers close."""
    miss: Triple | None = None
    """Forward, left and up of the thing, metres: where the first grasp is aimed by mistake."""

    def corrected(self) -> "Variation":
        """The same without the mistake: for every grasp of an episode but the first."""
        return replace(self, miss=None)


STEADY: Final = Variation()
"""The same every time."""


def draw_variation(rng: np.random.Generator) -> Variation:
    """Draw the manner of one episode."""
    return Variation(
        speed=float(rng.uniform(0.75, 1.2)),
        bow=float(rng.uniform(-0.35, 0.35)),
        pitch=math.radians(float(rng.uniform(-4.0, 3.0))),
        hover=float(rng.uniform(-0.01, 0.025)),
        height=float(rng.uniform(0.0, 0.005)),
        pause_ticks=int(rng.integers(0, 9)),
        miss=_draw_miss(rng) if rng.random() < MISSED_SHARE else None,
    )


def _draw_miss(rng: np.random.Generator) -> Triple:
    """Draw an aim that is short or high; one far aside would put a finger onto the thing."""
    aside = float(rng.uniform(-0.006, 0.006))
    if rng.random() < 0.5:
        return -float(rng.uniform(*SHORT)), aside, float(rng.uniform(0.0, 0.015))
    return float(rng.uniform(-0.01, 0.0)), aside, float(rng.uniform(*HIGH))
