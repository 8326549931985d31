"""The quality card of a part of an episode, judged anew from its rows."""

import numpy as np

from hardware.embodiment import Embodiment
from recordings.features import CAPTURE_PREFIX, LATE, SENT, TIME
from recordings.motion import motion_of
from recordings.quality import Quality, QualityCount

Columns = dict[str, np.ndarray]


def rejudged(card: Quality, columns: Columns, body: Embodiment, fps: int) -> Quality:
    """Judge the rows that are left of an episode of `body` whose card was `card`.

    Rows tell lateness, ages of pictures and what was sent. Ticks between rows are told by time:
    rows further apart than 1 / fps mean ticks that were missed. A dropped picture leaves a row
    that repeats the one before, so a part has no more of them than such rows.
    """
    control_hz = float(body.control_hz)
    time = columns[TIME].astype(np.float64)
    stride = max(1, round(control_hz / fps))
    apart = np.maximum(np.rint(np.diff(time) * control_hz).astype(int), stride)
    count = QualityCount(control_hz, ticks=1 + stride * (len(time) - 1), missed=0)
    count.missed = int((apart - stride).sum())
    count.late = [float(late) for late in columns[LATE]]
    count.not_sent = int((columns[SENT] == 0).sum())
    count.first_secs, count.last_secs = float(time[0]), float(time[-1])
    for camera in card.duplicated:
        taken = columns[CAPTURE_PREFIX + camera].astype(np.float64)
        count.duplicated[camera] = int((np.diff(taken) == 0).sum())
        count.standstill[camera] = float((time - taken).max())
    count.motion = motion_of(columns, fps, body.action_channels)
    dropped = {name: min(n, count.duplicated.get(name, 0)) for name, n in card.dropped.items()}
    return count.card(dropped)


def can_rejudge(card: Quality, columns: Columns) -> bool:
    """Whether the rows tell what a card says."""
    wanted = {TIME, LATE, SENT, *(CAPTURE_PREFIX + camera for camera in card.duplicated)}
    return wanted <= columns.keys()
