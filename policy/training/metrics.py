"""metrics.jsonl: what a run says of itself, a line every few steps."""

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from policy.training.request import TrainRequest

logger = logging.getLogger(__name__)

LOG_EVERY = 10
"""Steps a line speaks for."""


class Metrics:
    """Appends a line to a job's metrics.jsonl, and to the log, every `LOG_EVERY` steps."""

    def __init__(self, folder: Path, request: TrainRequest, step: int) -> None:
        self._path, self._request = folder / "metrics.jsonl", request
        self._first, self._began = step, time.monotonic()
        self._losses: dict[str, list[float]] = {}
        self._since, self._waited = self._began, 0.0

    def add(
        self, step: int, losses: Mapping[str, float], rates: Mapping[str, float], waited: float
    ) -> None:
        """Take in one step.

        `losses` by kind, learning `rates` by group, and the seconds the run has `waited` for data
        so far.
        """
        for name, value in losses.items():
            self._losses.setdefault(name, []).append(value)
        if step % LOG_EVERY and step != self._request.steps:
            return
        now = time.monotonic()
        done = len(self._losses["loss"])
        speed = done / max(now - self._since, 1e-9)
        left = (self._request.steps - step) * (now - self._began) / (step - self._first)
        means = {name: float(np.mean(values)) for name, values in self._losses.items()}
        line = {
            "step": step,
            "steps": self._request.steps,
            **{name: round(value, 6) for name, value in means.items()},
            **rates,
            "samples_per_second": round(speed * self._request.batch_size, 2),
            "data_wait": round((waited - self._waited) / max(now - self._since, 1e-9), 4),
            "seconds": round(now - self._began, 1),
            "seconds_left": round(left, 1),
        }
        with self._path.open("a") as metrics:
            metrics.write(json.dumps(line) + "\n")
        self._losses, self._since, self._waited = {}, now, waited
        shown = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        logger.info(
            "step %d/%d  %s  %.1f samples/s  %d min left",
            *(step, self._request.steps, shown, line["samples_per_second"], left / 60),
        )
