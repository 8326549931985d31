"""What the rows of an episode tell of its motion and timing. Judges nobody; `quality` does."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hardware.embodiment import Channel
from recordings.features import ACTION, CAPTURE_PREFIX, INTERVENTION, STATE, TIME

STILL_SECS = 0.2
"""Motion is looked at over so long, so that the noise of an encoder is none."""
STILL_RATE = 0.02
"""Radians, or shares of a gripper's way, per second, below which a channel stands."""
AT_LIMIT = 1e-3
"""Share of its range within which a joint is at a limit."""
AT_SPEED = 0.98
"""Share of its fastest from which a joint is at its fastest."""

JITTER_SHARE = 0.1
"""Of the time between rows; more than that is told."""
SKEW_SECS = 0.05
STILL_START_SECS = 1.0
SATURATED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Motion:
    """Figures of one episode. What cannot be known of it is None."""

    jitter_secs: float | None
    """Standard deviation of the time between rows."""
    skew_secs: float | None
    """How far apart the pictures of one row were taken: its 99th percentile."""
    still_start_secs: float
    """How long nothing moves at the beginning."""
    jerk: float
    """Root mean square of the third derivative of the actions of all joints, rad/s^3 (the jerk of
    Flash and Hogan 1985), by differences of rows."""
    saturated_share: float | None
    """Share of the rows in which a joint is told to be at a limit, or goes as fast as it may."""
    intervened_share: float | None
    """Share of the rows in which a person had taken over from a policy."""

    def hints(self, fps: int | float) -> list[str]:
        """Say what a person might want to mend, one sentence each."""
        found = []
        if self.jitter_secs is not None and self.jitter_secs * fps > JITTER_SHARE:
            found.append(f"Rows came unsteadily: ± {self.jitter_secs * 1e3:.0f} ms.")
        if self.skew_secs is not None and self.skew_secs > SKEW_SECS:
            found.append(f"The pictures of a row are up to {self.skew_secs * 1e3:.0f} ms apart.")
        if self.still_start_secs > STILL_START_SECS:
            found.append(f"Nothing moves for the first {self.still_start_secs:.1f} s: trim it off.")
        if self.saturated_share is not None and self.saturated_share > SATURATED_SHARE:
            found.append(
                f"A joint is at its limit or its fastest in {self.saturated_share:.0%} of the rows."
            )
        return found


def motion_of(
    columns: Mapping[str, np.ndarray], fps: int | float, channels: tuple[Channel, ...] = ()
) -> Motion:
    """Return the figures of an episode from its columns, (rows,) or (rows, channels).

    `channels` describe the actions; without them no limit is known, and every channel counts as
    an angle.
    """
    actions = _matrix(columns, ACTION)
    known = len(channels) == actions.shape[1] and actions.shape[1] > 0
    angles = np.array([c.unit == "rad" for c in channels]) if known else np.ones(1, bool)
    moved = actions[:, angles] if known else actions
    return Motion(
        jitter_secs=_jitter(columns),
        skew_secs=_skew(columns),
        still_start_secs=_still_start(np.hstack([_matrix(columns, STATE), actions]), fps),
        jerk=_jerk(moved, fps),
        saturated_share=_saturated(moved, fps, channels, angles) if known else None,
        intervened_share=float(columns[INTERVENTION].mean()) if INTERVENTION in columns else None,
    )


def _matrix(columns: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    rows = len(next(iter(columns.values())))
    values = np.asarray(columns.get(name, np.zeros((rows, 0))), np.float64)
    return values.reshape(rows, -1)


def _jitter(columns: Mapping[str, np.ndarray]) -> float | None:
    if TIME not in columns or len(columns[TIME]) < 3:
        return None
    return float(np.diff(columns[TIME].astype(np.float64).ravel()).std())


def _skew(columns: Mapping[str, np.ndarray]) -> float | None:
    taken = [
        values.astype(np.float64).ravel()
        for name, values in columns.items()
        if name.startswith(CAPTURE_PREFIX)
    ]
    if len(taken) < 2:
        return None
    apart = np.max(taken, axis=0) - np.min(taken, axis=0)
    return float(np.percentile(apart, 99))


def _still_start(values: np.ndarray, fps: int | float) -> float:
    step = max(1, round(STILL_SECS * fps))
    if len(values) <= step or not values.shape[1]:
        return 0.0
    moves = (np.abs(values[step:] - values[:-step]) * fps / step > STILL_RATE).any(axis=1)
    return float(moves.argmax() if moves.any() else len(values)) / fps


def _jerk(actions: np.ndarray, fps: int | float) -> float:
    if len(actions) < 4 or not actions.shape[1]:
        return 0.0
    return float(np.sqrt(((np.diff(actions, 3, axis=0) * fps**3) ** 2).mean()))


def _saturated(
    actions: np.ndarray, fps: int | float, channels: tuple[Channel, ...], angles: np.ndarray
) -> float:
    joints = [channel for channel, angle in zip(channels, angles, strict=True) if angle]
    if not joints:
        return 0.0
    low, high = (np.array([getattr(c, side) for c in joints]) for side in ("low", "high"))
    margin = AT_LIMIT * (high - low)
    at_limit = ((actions <= low + margin) | (actions >= high - margin)).any(axis=1)
    fastest = AT_SPEED * np.array([c.max_rate for c in joints])
    speed = np.abs(np.diff(actions, axis=0, prepend=actions[:1])) * fps
    return float((at_limit | (speed >= fastest).any(axis=1)).mean())
