"""What to do at a moment that several chunks speak of: one action out of overlapping plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hardware.interfaces import Action
from policy.interface import ActionChunk

Blend = Literal["fade", "ensemble", "none"]
"""none: the newest chunk at once. fade: the newest, faded in. ensemble: all that reach so far."""

FADE_SECS = 0.2
"""A new chunk is faded in over this time, so that two plans that differ do not jerk the arm."""

ENSEMBLE_DECAY = 0.01
"""m of ACT's weights exp(-m i) over chunks, i = 0 the oldest (arXiv 2304.13705, stated)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A chunk, and when it took over."""

    chunk: ActionChunk
    since: float


def blend(taken: Sequence[Taken], now: float, way: Blend) -> Action | None:
    """The action due at `now`, from chunks in the order taken.

    None past the end of the newest, whatever older ones say.
    """
    wanted = taken[-1].chunk.at(now) if taken else None
    if wanted is None or way == "none":
        return wanted
    if way == "ensemble":
        due = [action for action in (each.chunk.at(now) for each in taken) if action is not None]
        weights = np.exp(-ENSEMBLE_DECAY * np.arange(len(due)))
        return np.asarray(weights @ np.stack(due) / weights.sum(), np.float32)
    return _faded(taken, now)


def _faded(taken: Sequence[Taken], now: float) -> Action:
    """Each chunk faded in over what the ones before it said together.

    So nothing jumps when a chunk takes over from one that is not faded in itself.
    """
    due = taken[-1].chunk.at(now)
    wanted = taken[-1].chunk.actions[-1] if due is None else due
    share = np.float32(min((now - taken[-1].since) / FADE_SECS, 1.0))
    if len(taken) == 1 or share >= 1:
        return wanted
    return np.asarray(share * wanted + (1 - share) * _faded(taken[:-1], now), np.float32)
