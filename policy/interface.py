"""What a policy is, and the chunk of actions it answers with. Needs no torch."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Observation


@dataclass(frozen=True, slots=True)
class ActionChunk:
    """Actions planned together, anchored to the observation they answer."""

    actions: Float32[np.ndarray, "horizon joints"]
    observed_at: float
    """Timestamp of that observation. Row 0 is due at it, row i at `i / hz` seconds later."""
    hz: float
    """Rows per second; may be lower than the control rate, values between rows are interpolated."""

    @property
    def ends_at(self) -> float:
        """When the last row is due, on the robot's clock."""
        return self.observed_at + (len(self.actions) - 1) / self.hz

    def at(self, timestamp: float) -> Action | None:
        """Return the action due at `timestamp`, or None past the end of the chunk."""
        position = max((timestamp - self.observed_at) * self.hz, 0.0)
        if position > len(self.actions) - 1:
            return None
        row = int(position)
        after = min(row + 1, len(self.actions) - 1)
        share = np.float32(position - row)
        return np.asarray((1 - share) * self.actions[row] + share * self.actions[after], np.float32)


@runtime_checkable
class Policy(Protocol):
    """Plans actions for one embodiment from what it sees and what it is told."""

    @property
    def embodiment(self) -> Embodiment:
        """The body this policy was trained on."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on, for suggestions."""

    def predict_action_chunk(self, observation: Observation, task: str) -> ActionChunk:
        """Plan ahead from `observation`. Raises `ValueError` for an instruction it cannot take."""
