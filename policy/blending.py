"""What to do at a moment that several chunks speak of: one action out of overlapping plans."""

from collections.abc import Sequence
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


def blend(chunks: Sequence[ActionChunk], now: float, since: float, way: Blend) -> Action | None:
    """The action due at `now`, from chunks in the order taken; the newest was taken at `since`.

    None past the end of the newest, whatever older ones say.
    """
    wanted = chunks[-1].at(now) if chunks else None
    if wanted is None or way == "none":
        return wanted
    if way == "ensemble":
        due = [action for action in (chunk.at(now) for chunk in chunks) if action is not None]
        weights = np.exp(-ENSEMBLE_DECAY * np.arange(len(due)))
        return np.asarray(weights @ np.stack(due) / weights.sum(), np.float32)
    before = chunks[-2].at(now) if len(chunks) > 1 else None
    share = np.float32(min((now - since) / FADE_SECS, 1.0))
    if before is None or share >= 1:
        return wanted
    return np.asarray(share * wanted + (1 - share) * before, np.float32)
