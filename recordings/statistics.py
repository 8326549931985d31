"""LeRobot's ten statistics of a feature: of an episode, and of many episodes together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)

Statistics = dict[str, np.ndarray]
"""One entry per name in `NAMES`, shaped like the feature; `count` has shape (1,)."""


def statistics_of(values: np.ndarray) -> Statistics:
    """Describe `values` of shape (rows,) or (rows, length), exactly."""
    values = values.reshape(len(values), -1)
    if values.dtype == bool:
        values = values.astype(np.int64)
    found: Statistics = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0, dtype=np.float64),
        "std": values.std(axis=0, dtype=np.float64),
        "count": np.array([len(values)]),
    }
    quantiles = np.quantile(values.astype(np.float64), list(QUANTILES.values()), axis=0)
    return found | dict(zip(QUANTILES, quantiles, strict=True))


DEPTH_LEVELS = 2**16
"""Of a depth picture; others have 256."""


class PictureStatistics:
    """Counts how bright the pixels of a film are, per colour, as it is recorded.

    Depth has one colour, counted as LeRobot shows it: three times the same, 1 at 65.535 m.
    """

    def __init__(self, levels: int = 256) -> None:
        self._levels = levels
        self._counts: Int64[np.ndarray, "colours levels"] = np.zeros(
            (3 if levels == 256 else 1, levels), np.int64
        )
        self._pictures = 0

    def add(self, image: np.ndarray) -> None:
        """Count one picture, thinned to about 100 pixels a side."""
        step = max(1, min(image.shape[:2]) // 100)
        thin = image[::step, ::step].reshape(-1, len(self._counts))
        for colour, counts in enumerate(self._counts):
            counts += np.bincount(thin[:, colour], minlength=self._levels)
        self._pictures += 1

    def result(self) -> Statistics:
        """Describe the pictures so far: 0 to 1, shape (3, 1, 1)."""
        last = self._levels - 1
        levels = np.arange(self._levels) / last
        shares = self._counts / self._counts.sum(axis=1, keepdims=True)
        cumulative = shares.cumsum(axis=1)
        mean = shares @ levels
        seen = self._counts > 0
        found = {
            "min": levels[seen.argmax(axis=1)],
            "max": levels[last - seen[:, ::-1].argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0.0)),
        }
        for name, share in QUANTILES.items():
            found[name] = levels[(cumulative >= share - 1e-12).argmax(axis=1)]
        shaped: Statistics = {
            name: np.broadcast_to(value, 3).reshape(3, 1, 1) for name, value in found.items()
        }
        return shaped | {"count": np.array([self._pictures])}


def together(parts: Sequence[Mapping[str, np.ndarray]]) -> Statistics:
    """Describe the union of what `parts` describe, as LeRobot does.

    Mean, deviation and extremes are exact; quantiles are averages weighted by count.
    """
    stacked = {name: np.stack([part[name] for part in parts]) for name in NAMES}
    counts = stacked["count"].astype(np.float64)
    weights = counts.reshape(len(parts), *[1] * (stacked["mean"].ndim - 1)) / counts.sum()
    mean = (weights * stacked["mean"]).sum(axis=0)
    spread: Float64[np.ndarray, "..."] = stacked["std"] ** 2 + (stacked["mean"] - mean) ** 2
    result: Statistics = {
        "min": stacked["min"].min(axis=0),
        "max": stacked["max"].max(axis=0),
        "mean": mean,
        "std": np.sqrt((weights * spread).sum(axis=0)),
        "count": stacked["count"].sum(axis=0),
    }
    return result | {name: (weights * stacked[name]).sum(axis=0) for name in QUANTILES}


def as_json(statistics: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Return the statistics of every feature as stats.json has them."""
    return {
        feature: {name: value.tolist() for name, value in found.items()}
        for feature, found in statistics.items()
    }


def from_json(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Statistics]:
    """Rebuild from `as_json`."""
    return {
        feature: {name: np.asarray(value) for name, value in found.items()}
        for feature, found in content.items()
    }
