"""Least squares of a smooth function with few unknowns, where a few values are outliers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

STEP = 1e-6
"""Of the unknowns for differences; they are radians and metres."""

HUBER = 2.0
"""Residuals beyond this many robust standard deviations count linearly (Huber 1964)."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the sum of squares is least."""

    point: Float64[np.ndarray, "unknowns"]
    covariance: Float64[np.ndarray, "unknowns unknowns"]
    """Of `point`, as the scatter of the residuals between groups implies."""


def minimise(
    residuals: Callable[[Float64[np.ndarray, "unknowns"]], Float64[np.ndarray, "residuals"]],
    start: Float64[np.ndarray, "unknowns"],
    groups: Int64[np.ndarray, "residuals"],
    *,
    rounds: int = 30,
) -> Solution:
    """Minimise the Huber loss of `residuals` by Levenberg-Marquardt (Marquardt 1963).

    Residuals of one group (numbers from 0) may err together; groups err independently.
    """
    point, damping = start.astype(np.float64), 1e-3
    values = residuals(point)
    scale = _scale(values)
    for _ in range(rounds):
        jacobian = _jacobian(residuals, point, values)
        weights = _weights(values, scale)
        normal = jacobian.T @ (weights[:, None] * jacobian)
        gradient = jacobian.T @ (weights * values)
        change = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -gradient)
        proposed = residuals(point + change)
        if _loss(proposed, scale) < _loss(values, scale):
            point, values = point + change, proposed
            scale, damping = _scale(values), damping / 5
        else:
            damping *= 5
        if float(np.linalg.norm(change)) < 1e-8 or damping > 1e8:
            break
    jacobian = _jacobian(residuals, point, values)
    return Solution(point, _covariance(jacobian, values, _weights(values, scale), groups))


def _covariance(
    jacobian: Float64[np.ndarray, "residuals unknowns"],
    values: Float64[np.ndarray, "residuals"],
    weights: Float64[np.ndarray, "residuals"],
    groups: Int64[np.ndarray, "residuals"],
) -> Float64[np.ndarray, "unknowns unknowns"]:
    """Return the covariance that is robust to errors shared in a group (Liang and Zeger 1986)."""
    bread = np.linalg.inv(jacobian.T @ (weights[:, None] * jacobian))
    pulls = np.zeros((int(groups.max()) + 1, jacobian.shape[1]))
    np.add.at(pulls, groups, jacobian * (weights * values)[:, None])
    count = len(pulls)
    return np.asarray(bread @ (pulls.T @ pulls) @ bread * (count / max(count - 1, 1)))


def _jacobian(
    residuals: Callable[[Float64[np.ndarray, "unknowns"]], Float64[np.ndarray, "residuals"]],
    point: Float64[np.ndarray, "unknowns"],
    values: Float64[np.ndarray, "residuals"],
) -> Float64[np.ndarray, "residuals unknowns"]:
    columns = [(residuals(point + step) - values) / STEP for step in np.eye(len(point)) * STEP]
    return np.stack(columns, axis=1)


def _scale(values: Float64[np.ndarray, "residuals"]) -> float:
    """Robust standard deviation: 1.4826 times the median absolute value."""
    return max(1.4826 * float(np.median(np.abs(values))), 1e-9)


def _weights(
    values: Float64[np.ndarray, "residuals"], scale: float
) -> Float64[np.ndarray, "residuals"]:
    return np.asarray(HUBER * scale / np.maximum(np.abs(values), HUBER * scale))


def _loss(values: Float64[np.ndarray, "residuals"], scale: float) -> float:
    size, limit = np.abs(values), HUBER * scale
    return float(np.sum(np.where(size <= limit, size**2 / 2, limit * (size - limit / 2))))
