"""Where a gripper acts next, in the picture: dense labels that every demonstration holds.

Ours, beside the paper's grounding: where a hand will next close, open or come down, as seen by a
camera that stands still, teaches a small backbone what an instruction asks for at this moment. A
flow loss alone takes many times as long to tell it (`docs/log.md`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from hardware.kinematics import Kinematics
from policy.data.gripper_paths import ARMS, known_camera, seen_tips
from policy.data.item import Place
from policy.data.samples import Samples

SLOW = 0.06
"""Metres a second below which a hand that closes or opens does so somewhere, not on its way."""

FALLEN, FALL_SECS, FALLING = 0.03, 1.0, 0.03
"""A hand comes down where it has fallen so many metres in so many seconds, and then falls no
quicker than so many metres a second."""

AWAY = 0.05
"""Metres from where it began that a hand must be to act for the first time, and from where it last
acted to end somewhere else."""

CHANGE, CHANGE_SECS = 0.02, 0.1
"""Of an opening, where 1 is open, in so many seconds: more than chance, less than a slow hand."""

NOWHERE = -100
"""Label of what is not to be learnt."""


@dataclass(frozen=True, slots=True)
class Touches:
    """Of every row of a dataset, where the hand acts next that acts first."""

    centres: Float32[np.ndarray, "rows 2"]
    """In the picture, x and y in 0..1."""
    arms: Int64[np.ndarray, "rows"]
    """Number of the arm in `ARMS`; `NOWHERE` if none acts before the end, or does so unseen."""

    def place(self, row: int, grid: tuple[int, int]) -> Place:
        """The token of a camera of `grid`, rows and columns, that holds the place."""
        rows, columns = grid
        nothing = np.zeros(0, np.int64)
        arm, centre = int(self.arms[row]), self.centres[row]
        if arm == NOWHERE:
            return Place(nothing, NOWHERE, np.zeros(2, np.float32), NOWHERE, rows * columns)
        across = min(int(centre[0] * columns), columns - 1)
        down = min(int(centre[1] * rows), rows - 1)
        return Place(nothing, down * columns + across, centre, arm, rows * columns)


def coming_touches(samples: Samples, kinematics: Kinematics, camera: str, aspect: float) -> Touches:
    """Look ahead from every row to the end of its episode.

    `camera` must not move; its picture has `aspect` (width over height). Raises `ValueError` for a
    camera that moves with an arm, and for a body without the grippers of `ARMS`.
    """
    names = [channel.name for channel in samples.embodiment.action_channels]
    lacking = [arm for arm in ARMS if f"{arm}_gripper" not in names]
    if lacking:
        raise ValueError(f"{samples.embodiment.name!r} has no gripper of the arms {lacking}.")
    columns = [names.index(f"{arm}_gripper") for arm in ARMS]
    seen, inside = seen_tips(samples.state, kinematics, camera, aspect)
    tips = kinematics.tips(samples.state)
    centres = np.zeros((len(samples), 2), np.float32)
    arms = np.full(len(samples), NOWHERE, np.int64)
    for episode in samples.episodes:
        span = slice(episode.start, episode.stop)
        acts = [
            _acts(tips[span, arm], samples.action[span, column], samples.fps)
            for arm, column in enumerate(columns)
        ]
        coming = sorted((row, arm) for arm, rows in enumerate(acts) for row in rows)
        start = 0
        for row, arm in coming:
            stop = row + 1
            if inside[episode.start + row, arm] and stop > start:
                here = slice(episode.start + start, episode.start + stop)
                centres[here], arms[here] = seen[episode.start + row, arm], arm
            start = max(start, stop)
    return Touches(centres, arms)


def touches_of(samples: Samples, camera: str) -> Touches:
    """The same for whatever body `samples` are of. Raises `ValueError` if it has no such model."""
    body = samples.embodiment
    kinematics = known_camera(body, camera)
    views = {view.name: view for view in body.cameras}
    if kinematics is None or camera not in views:
        raise ValueError(
            f"Where hands act can be said where a camera's place is known, as of the simulated "
            f"ALOHA; of {camera!r} of {body.name!r} it is not. Leave touch_weight out."
        )
    return coming_touches(samples, kinematics, camera, views[camera].width / views[camera].height)


def _acts(
    tip: Float[np.ndarray, "n 3"], opening: Float[np.ndarray, "n"], fps: int | float
) -> list[int]:
    """The rows at which a hand acts, from its tip in metres and its opening as sent."""
    speed = np.linalg.norm(np.diff(tip, axis=0, prepend=tip[:1]), axis=1) * fps
    last, back = len(opening) - 1, max(1, round(CHANGE_SECS * fps))
    rows = np.arange(len(opening))
    later, earlier = np.minimum(rows + 1, last), np.maximum(rows + 1 - back, 0)
    changes = np.abs(opening[later] - opening[earlier]) > CHANGE
    begins = changes & ~np.concatenate([[False], changes[:-1]])
    height, before = tip[:, 2], max(1, round(FALL_SECS * fps))
    highest = np.array([height[max(0, n - before) : n + 1].max() for n in range(len(height))])
    low = (highest - height > FALLEN) & (-np.diff(height, append=height[-1]) * fps < FALLING)
    arrives = low & ~np.concatenate([[False], low[:-1]])
    found: list[int] = []
    origin = tip[0]
    for row in np.flatnonzero((begins & (speed < SLOW)) | arrives).tolist():
        if found or np.linalg.norm(tip[row] - origin) > AWAY:
            found.append(row)
            origin = tip[row]
    if np.linalg.norm((tip[-1] - origin)[:2]) > AWAY:
        found.append(len(tip) - 1)
    return found
