"""Control ticks in, rows out: which ticks become rows, and what a row says. Keeps none."""

from collections.abc import Callable

import numpy as np

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Frame, Observation
from recordings import features as names
from recordings.disk import RecordingError
from recordings.quality import QualityCount

Row = dict[str, np.ndarray | float]
"""One number or vector per column; what only the dataset knows is not in it."""

StorePicture = Callable[[str, Frame, int], bool]
"""Takes a camera's picture for a row; returns False when it is left out."""


class RowMaker:
    """Makes a row of every `stride`-th tick of the loop, and counts what a quality card says.

    A row's action is what was sent to the motors. A tick at which nothing was sent repeats the
    last action sent in this episode; before any, it holds the measured state (a body whose state
    is not like its actions is recorded from the first action on). The column `sent` tells.
    """

    def __init__(self, embodiment: Embodiment, fps: int, *, motion: bool | None = None) -> None:
        """`motion`: whether rows have velocity and effort; None where the first tick tells."""
        self._cameras = embodiment.camera_names
        self._stride = stride_of(embodiment.control_hz, fps)
        self.rows = 0
        self.count = QualityCount(embodiment.control_hz)
        self._acts_like_state = [c.name for c in embodiment.state_channels] == [
            c.name for c in embodiment.action_channels
        ]
        self._last_sent: Action | None = None
        self._next_index: int | None = None
        self._last_index = 0
        self._origin = 0.0
        self._stored: dict[str, Frame] = {}
        self._moving = motion

    @property
    def began(self) -> float | None:
        """When the first row was, on the robot's clock; None before."""
        return None if self._next_index is None else self._origin

    def take(self, tick: Tick, store: StorePicture) -> Row | None:
        """Return the row of this tick, if it makes one.

        Raises `RecordingError` when a camera's picture is lacking, or the motion of joints that
        earlier rows have, or what `store` raises.
        """
        if tick.action is not None:
            self._last_sent = tick.action
        action = self._standing_action(tick.observation)
        if action is None or not self._is_due(tick):
            return None
        return self._row(tick, action, store)

    def _standing_action(self, observation: Observation) -> Action | None:
        """Return what the arms are commanded to do, or else what they do; None if unlike it."""
        if self._last_sent is not None:
            return self._last_sent
        return observation.state if self._acts_like_state else None

    def _is_due(self, tick: Tick) -> bool:
        if self._next_index is None:
            self._origin = tick.observation.timestamp
            self._next_index = tick.index
        else:
            self.count.missed += tick.index - self._last_index - 1
        self._last_index = tick.index
        self.count.see_tick(tick.observation.timestamp, tick.late_secs)
        if tick.index < self._next_index:
            return False
        strides = (tick.index - self._next_index) // self._stride + 1
        self._next_index += strides * self._stride
        return True

    def _row(self, tick: Tick, action: Action, store: StorePicture) -> Row:
        seen, sent = tick.observation, tick.action is not None
        pictures = {name: self._picture(name, seen, store) for name in self._cameras}
        values: Row = {
            names.STATE: seen.state,
            names.ACTION: action,
            names.WANTED: action if tick.wanted is None else tick.wanted,
            names.TIME: seen.timestamp - self._origin,
            names.LATE: tick.late_secs,
            names.SENT: float(sent),
            names.INTERVENTION: float(tick.intervention),
        }
        values |= self._motion(seen)
        for name, frame in pictures.items():
            values[names.CAPTURE_PREFIX + name] = frame.captured_at - self._origin
        self.count.not_sent += not sent
        self.rows += 1
        return values

    def _motion(self, seen: Observation) -> Row:
        """Return the speeds and efforts of the joints, if rows have them."""
        if self._moving is None:
            self._moving = seen.motion is not None
        if not self._moving:
            return {}
        if seen.motion is None:
            raise RecordingError(
                "Expected the velocity and effort of every joint, as in the rows before, got none. "
                "Arms that do not measure them are recorded into a new folder."
            )
        return {names.VELOCITY: seen.motion.velocity, names.EFFORT: seen.motion.effort}

    def _picture(self, camera: str, seen: Observation, store: StorePicture) -> Frame:
        frame = seen.frames.get(camera)
        if frame is None:
            raise RecordingError(
                f"Expected pictures of {list(self._cameras)}, got {sorted(seen.frames)}. "
                f"Is {camera} connected?"
            )
        before = self._stored.get(camera)
        same = before is not None and before.captured_at == frame.captured_at
        if not same and store(camera, frame, self.rows):
            self._stored[camera] = frame
        stored = self._stored[camera]
        self.count.see_picture(camera, seen.timestamp - stored.captured_at, same=same)
        return stored


def stride_of(control_hz: int | float, fps: int) -> int:
    """Return how many control ticks make one row. Raises `ValueError` unless a whole number."""
    stride = control_hz / fps if fps > 0 else 0.0
    if stride < 1 or abs(stride - round(stride)) > 1e-6:
        whole = [rate for rate in range(1, int(control_hz) + 1) if control_hz % rate == 0]
        raise ValueError(
            f"Expected rows at a whole fraction of the control rate, {control_hz:g} Hz, "
            f"got {fps} fps. Choose one of {whole}."
        )
    return round(stride)
