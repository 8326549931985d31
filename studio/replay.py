"""A recorded episode driving the robot, at the pace it was recorded."""

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, JointPositions, Observation
from hardware.safety.limits import Limits
from policy.interface import ActionChunk

REACHED = 1e-3
"""Radians, or shares of a gripper, within which the arms are commanded to be at a row."""

OUTSIDE = 1e-2
"""How far beyond a limit a recorded action may be; less is rounding, or a limit set anew."""


class ReplayAgent:
    """Goes to the first recorded action, plays all of them by the clock, and then says no more.

    The gate makes the way to the first one slow. Interrupted, it goes back to where it was.
    """

    def __init__(self, actions: Float32[np.ndarray, "frames joints"], fps: int | float) -> None:
        if len(actions) == 0:
            raise ValueError("The episode has no frames to replay.")
        self.over = False
        """Whether the last action was reached."""
        self._actions = actions
        self._fps = float(fps)
        self._row = 0
        self._going_on = False
        self._now = 0.0
        self._commanded: JointPositions | None = None
        self._chunk: ActionChunk | None = None

    @property
    def chunk(self) -> ActionChunk | None:
        """What is played, anchored to when it began; None before the first row is reached."""
        return self._chunk

    @property
    def secs_left(self) -> float:
        """How long it still plays, without the way to the first row."""
        left = (len(self._actions) - 1 - self._row) / self._fps
        return left if self._chunk is None else max(0.0, self._chunk.ends_at - self._now)

    def going_on(self) -> None:
        """Let the next reset be of the same replay, interrupted: it is not begun anew."""
        self._going_on = True

    def reset(self) -> None:
        """Start at the next turn: from the beginning, or from where it was interrupted."""
        if not self._going_on:
            self._row = 0
        elif self._chunk is not None:
            played = int((self._now - self._chunk.observed_at) * self._fps)
            self._row = min(self._row + played, len(self._actions) - 1)
        self._going_on, self.over = False, False
        self._chunk = self._commanded = None

    def go_on_from(self, commanded: JointPositions) -> None:
        """Be told where the arms are commanded to be, shape (joints,)."""
        self._commanded = commanded

    def act(self, observation: Observation) -> Action | None:
        """Return the action due now; None once the last one was reached."""
        self._now = observation.timestamp
        if self._chunk is None:
            first: Action = self._actions[self._row]
            if not self._reached(first, observation):
                return first
            self._chunk = ActionChunk(self._actions[self._row :], self._now, self._fps)
        due = self._chunk.at(self._now)
        if due is not None:
            return due
        last: Action = self._actions[-1]
        self.over = self.over or self._reached(last, observation)
        return None if self.over else last

    def keep_within(self, limits: Limits, body: Embodiment) -> None:
        """Put what is hardly beyond a workcell's `limits` onto them, as its gate would.

        Raises `ValueError` naming the joints that would go further beyond.
        """
        low, high = self._actions.min(axis=0), self._actions.max(axis=0)
        beyond = (low < limits.low - OUTSIDE) | (high > limits.high + OUTSIDE)
        found = [
            f"{channel.name} goes from {low[i]:.2f} to {high[i]:.2f}, allowed is "
            f"{limits.low[i]:.2f} to {limits.high[i]:.2f}"
            for i, channel in enumerate(body.action_channels)
            if beyond[i]
        ]
        if found:
            raise ValueError(
                f"This episode leaves the limits of this workcell: {'; '.join(found)}. Was it "
                "recorded in another one? Trim that part off, or change the limits."
            )
        self._actions = np.clip(self._actions, limits.low, limits.high)

    def _reached(self, action: Action, observation: Observation) -> bool:
        commanded = observation.state if self._commanded is None else self._commanded
        return bool((np.abs(commanded - action) <= REACHED).all())


def require_playable(
    actions: Float32[np.ndarray, "frames joints"], recorded: Embodiment, here: Embodiment
) -> None:
    """Raise `ValueError` naming what keeps actions of the body `recorded` off the body `here`.

    Cameras are none of it: nothing looks.
    """
    differences = recorded.with_cameras(()).differences(here)
    if differences:
        raise ValueError(
            f"This episode was recorded on another body, {recorded.name!r}, and this is "
            f"{here.name!r}: {'; '.join(differences)}. Replay it on the body it was recorded on."
        )
    if not np.isfinite(actions).all():
        raise ValueError("This episode holds actions that are no numbers: it cannot be replayed.")
