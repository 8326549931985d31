"""Where an episode only waits: before anything moves, and after everything has."""

from dataclasses import dataclass

import numpy as np

from recordings.features import ACTION, STATE, as_arrays
from recordings.source import Source

STILL_SHARE = 0.02
"""Share of its range, per second, that a channel may move and still count as standing."""
MARGIN_SECS = 0.2
"""Left standing at both ends, so that a policy sees what begins and what ends a motion."""
SHORTEST_SECS = 0.5
"""Waiting for less is not worth cutting."""


@dataclass(frozen=True, slots=True)
class Idle:
    """How many rows could be cut off an episode."""

    head: int
    tail: int


def idle_part(source: Source, episode: int, ranges: dict[str, np.ndarray]) -> Idle:
    """Return how many rows wait at both ends of `episode`: none if few do, or if all do.

    A row waits when no channel of state or action moves faster than `STILL_SHARE` of its range a
    second until the next row, where `ranges` are those of `ranges_of`.
    """
    columns = as_arrays(source.table(episode).select(list(ranges)))
    moves = np.zeros(max(0, source.length(episode) - 1), bool)
    for name, span in ranges.items():
        values = columns[name].reshape(len(moves) + 1, -1).astype(np.float64)
        speed = np.abs(np.diff(values, axis=0)) * source.fps / span
        moves |= (speed > STILL_SHARE).any(axis=1)
    if not moves.any():
        return Idle(0, 0)
    margin, shortest = round(MARGIN_SECS * source.fps), SHORTEST_SECS * source.fps
    first, last = int(moves.argmax()), len(moves) - int(moves[::-1].argmax())
    head, tail = max(0, first - margin), max(0, len(moves) - last - margin)
    return Idle(head if head >= shortest else 0, tail if tail >= shortest else 0)


def ranges_of(source: Source) -> dict[str, np.ndarray]:
    """Return how far each channel of state and action goes in the whole dataset.

    A channel that never moves has an infinite range: no noise of it is a motion.
    """
    if not source.has_statistics:
        raise ValueError(
            f"The episode table lacks statistics. Run: python -m recordings.repair {source.folder}"
        )
    ranges = {}
    for name in (STATE, ACTION):
        if name in source.info["features"]:
            low, high = (
                np.array(source.episode_table[f"stats/{name}/{kind}"].to_pylist())
                for kind in ("min", "max")
            )
            span = high.max(axis=0) - low.min(axis=0)
            ranges[name] = np.where(span > 0, span, np.inf)
    if not ranges:
        raise ValueError(f"This dataset has neither {STATE} nor {ACTION}. Folder: {source.folder}")
    return ranges
