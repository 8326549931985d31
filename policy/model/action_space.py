"""One action tensor for every body: leading channels, zero padding, a mask, quantiles."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

NARROWEST = 1e-3
"""Least width of a quantile range; a channel that never moved would divide by zero."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The 1 % and 99 % quantiles of each channel, in its own unit (paper, equation 5)."""

    q01: Float32[np.ndarray, "channels"]
    q99: Float32[np.ndarray, "channels"]

    def __post_init__(self) -> None:
        if self.q01.shape != self.q99.shape or self.q01.ndim != 1:
            raise ValueError(
                f"q01 and q99 need one number per channel, got {self.q01.shape}, {self.q99.shape}"
            )
        wrong = np.flatnonzero(~(self.q01 <= self.q99))
        if len(wrong):
            raise ValueError(
                f"q01 must not be above q99 and both be numbers; channel {wrong[0]} has "
                f"{self.q01[wrong[0]]}, {self.q99[wrong[0]]}"
            )

    @classmethod
    def of(cls, rows: Float32[np.ndarray, "rows channels"]) -> "Quantiles":
        """Measure. Raises `ValueError` when a number is not finite or there are no rows."""
        if not len(rows):
            raise ValueError("Need numbers to normalise by, got no rows.")
        wild = np.flatnonzero(~np.isfinite(rows).all(axis=0))
        if len(wild):
            raise ValueError(
                f"Need finite numbers to normalise by, got NaN or infinity in channels "
                f"{wild.tolist()} of {len(rows)} rows."
            )
        q01, q99 = np.quantile(rows, [0.01, 0.99], axis=0).astype(np.float32)
        return cls(q01, q99)

    def _middle_and_half(self) -> tuple[np.ndarray, np.ndarray]:
        half = np.maximum((self.q99 - self.q01) / 2, NARROWEST)
        return (self.q99 + self.q01) / 2, half

    def normalize(self, values: Float32[np.ndarray, "... channels"]) -> np.ndarray:
        """To [-1, 1], clipped."""
        middle, half = self._middle_and_half()
        return np.asarray(np.clip((values - middle) / half, -1, 1), np.float32)

    def widened(self, rows: Float32[np.ndarray, "rows channels"]) -> "Quantiles":
        """Make room for `rows` in channels where more than 2 % of them would be clipped."""
        other = Quantiles.of(rows)
        middle, half = self._middle_and_half()
        narrow = (np.abs(rows - middle) > half + 1e-6).mean(axis=0) > 0.02
        return Quantiles(
            np.where(narrow, np.minimum(self.q01, other.q01), self.q01).astype(np.float32),
            np.where(narrow, np.maximum(self.q99, other.q99), self.q99).astype(np.float32),
        )

    def restore(self, values: Float32[np.ndarray, "... channels"]) -> np.ndarray:
        """Back to the channels' own units."""
        middle, half = self._middle_and_half()
        return np.asarray(values * half + middle, np.float32)


@dataclass(frozen=True, slots=True)
class NormStats:
    """How states and actions of one dataset are normalised; saved inside the checkpoint."""

    state: Quantiles
    action: Quantiles

    def widened(self, state: np.ndarray, action: np.ndarray) -> "NormStats":
        """Make room for new rows in channels that would be clipped; the others stay as learnt."""
        return NormStats(self.state.widened(state), self.action.widened(action))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        fields = {
            kind: {"q01": quantiles.q01.tolist(), "q99": quantiles.q99.tolist()}
            for kind, quantiles in (("state", self.state), ("action", self.action))
        }
        path.write_text(json.dumps(fields, indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "NormStats":
        """Read JSON written by `save`. Raises `ValueError` naming the file and what is wrong."""
        try:
            fields = json.loads(path.read_text())
            return cls(
                *(
                    Quantiles(*(np.array(fields[kind][q], np.float32) for q in ("q01", "q99")))
                    for kind in ("state", "action")
                )
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"Not normalisation statistics: {error}. File: {path}") from error


def pad(rows: np.ndarray, *, horizon: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Put `rows` (h, c) into the leading corner of (horizon, channels); return it and its mask.

    Raises `ValueError` when the rows do not fit.
    """
    height, width = rows.shape
    if height > horizon or width > channels:
        raise ValueError(
            f"Rows of shape {rows.shape} do not fit into {(horizon, channels)}. A network of more "
            "channels or a longer horizon is needed."
        )
    padded = np.zeros((horizon, channels), np.float32)
    mask = np.zeros((horizon, channels), np.float32)
    padded[:height, :width] = rows
    mask[:height, :width] = 1
    return padded, mask
