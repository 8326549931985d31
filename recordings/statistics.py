"""LeRobot's ten statistics of a feature: of an episode, and of many episodes together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from hardware.interfaces import Image

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


class PictureStatistics:
    """Counts how bright the pixels of a film are, per colour, as it is recorded."""

    def __init__(self) -> None:
        self._counts: Int64[np.ndarray, "3 256"] = np.zeros((3, 256), np.int64)
        self._pictures = 0

    def add(self, image: Image) -> None:
        """Count one picture, thinned to about 100 pixels a side."""
        height, width, _ = image.shape
        step = max(1, min(height, width) // 100)
        thin = image[::step, ::step]
        for colour in range(3):
            self._counts[colour] += np.bincount(thin[:, :, colour].ravel(), minlength=256)
        self._pictures += 1

    def result(self) -> Statistics:
        """Describe the pictures so far: 0 to 1, shape (3, 1, 1)."""
        levels = np.arange(256) / 255.0
        shares = self._counts / self._counts.sum(axis=1, keepdims=True)
        cumulative = shares.cumsum(axis=1)
        mean = shares @ levels
        seen = self._counts > 0
        found = {
            "min": levels[seen.argmax(axis=1)],
            "max": levels[255 - seen[:, ::-1].argmax(axis=1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0.0)),
        }
        for name, share in QUANTILES.items():
            found[name] = levels[(cumulative >= share - 1e-12).argmax(axis=1)]
        shaped: Statistics = {name: value.reshape(3, 1, 1) for name, value in found.items()}
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
