"""A recorded episode driving the robot, at the pace it was recorded."""

import numpy as np
from jaxtyping import Float32

from hardware.interfaces import Action, Observation
from policy.interface import ActionChunk


class ReplayAgent:
    """Plays recorded actions from its first turn on, then holds the last one."""

    def __init__(self, actions: Float32[np.ndarray, "frames joints"], fps: float) -> None:
        if len(actions) == 0:
            raise ValueError("The episode has no frames to replay.")
        self._actions = actions
        self._fps = fps
        self._chunk: ActionChunk | None = None

    @property
    def chunk(self) -> ActionChunk | None:
        """The whole episode, anchored to when its replay began; None before."""
        return self._chunk

    def reset(self) -> None:
        """Start over at the next turn."""
        self._chunk = None

    def act(self, observation: Observation) -> Action | None:
        """Return the action due now; the last one when the episode is over."""
        if self._chunk is None:
            self._chunk = ActionChunk(self._actions, observation.timestamp, self._fps)
        action = self._chunk.at(observation.timestamp)
        return self._actions[-1] if action is None else action
