"""How sure a share is that was counted in so many trials."""

import math

Z95 = 1.959964
"""Quantile of the normal distribution that leaves 2.5 % on either side."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a success rate (Wilson 1927)."""
    if not trials:
        return 0.0, 1.0
    share = successes / trials
    middle = share + Z95 * Z95 / (2 * trials)
    spread = Z95 * math.sqrt(share * (1 - share) / trials + Z95 * Z95 / (4 * trials * trials))
    scale = 1 + Z95 * Z95 / trials
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)
