"""How an expert goes about a task: what differs from one demonstration to the next."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Manner:
    """The free choices of a motion. The default is the plainest one."""

    top_speed: float = 0.40
    """Of a gripper, metres per second."""
    pitch: float = math.radians(60)
    """How steeply a gripper points down to grasp, radians."""
    hover: float = 0.08
    """How much higher than the grasp a gripper comes in, metres."""
    meeting: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where the arms meet, beside the usual place; metres."""

    @classmethod
    def drawn(cls, rng: np.random.Generator | None) -> "Manner":
        """Draw one; the default without `rng`."""
        if rng is None:
            return cls()
        x, y, z = rng.uniform(-0.01, 0.01, 3)
        return cls(
            top_speed=float(rng.uniform(0.34, 0.46)),
            pitch=math.radians(float(rng.uniform(55, 65))),
            hover=float(rng.uniform(0.07, 0.10)),
            meeting=(float(x), float(y), float(z)),
        )
