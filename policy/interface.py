"""What a policy is, and the chunk of actions it answers with. Needs no torch."""

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Embodiment
from hardware.interfaces import Action, Observation

Continuation = Literal["overwrite", "guide", "trained"]
"""How a new chunk is made to begin with the rows of the old one that will be executed anyway.

overwrite: at each step those rows are put back on the straight path from their noise to their
  value (plain inpainting). Costs nothing; the others may not follow on smoothly.
guide: real-time chunking (arXiv 2506.07339), a pull on all rows that the old chunk has, softer the
  later they are, through the network's own Jacobian. Costs a backward pass a step.
trained: training-time real-time chunking (arXiv 2512.05964), those rows are given clean at flow
  time 0. Costs nothing, for networks trained with `max_delay` > 0.
"""


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

    def rows(self, start: float, hz: float, count: int) -> Float32[np.ndarray, "rows joints"]:
        """The actions due at `start`, `1 / hz` later and so on: `count`, or as many as it has."""
        times = start + np.arange(count) / hz
        positions = np.maximum((times - self.observed_at) * self.hz, 0.0)
        positions = positions[positions <= len(self.actions) - 1 + 1e-6]
        row = np.minimum(positions.astype(int), len(self.actions) - 1)
        after = np.minimum(row + 1, len(self.actions) - 1)
        share = (positions - row)[:, None]
        mixed = (1 - share) * self.actions[row] + share * self.actions[after]
        return np.asarray(mixed, np.float32)

    def at(self, timestamp: float) -> Action | None:
        """Return the action due at `timestamp`, or None past the end of the chunk."""
        position = max((timestamp - self.observed_at) * self.hz, 0.0)
        if position > len(self.actions) - 1:
            return None
        row = int(position)
        after = min(row + 1, len(self.actions) - 1)
        share = np.float32(position - row)
        return np.asarray((1 - share) * self.actions[row] + share * self.actions[after], np.float32)


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the robot will do while the next chunk is planned, so that that can go on from it."""

    chunk: ActionChunk
    """The chunk in play."""
    until: float
    """When the next chunk is expected to take over, on the robot's clock."""

    def seen_from(self, observed_at: float, hz: float, horizon: int) -> tuple[np.ndarray, int]:
        """The chunk in play as rows (n, joints) of one observed at `observed_at`, and how many.

        The number is that of rows to be executed anyway: all up to `until` and the next, so that
        both chunks say the same at that moment also between rows. At most n and `horizon` - 1.
        """
        rows = self.chunk.rows(observed_at, hz, horizon)
        committed = math.ceil((self.until - observed_at) * hz - 1e-6) + 1
        return rows, min(max(committed, 0), len(rows), horizon - 1)


@runtime_checkable
class Policy(Protocol):
    """Plans actions for one embodiment from what it sees and what it is told."""

    @property
    def embodiment(self) -> Embodiment:
        """The body this policy was trained on."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on, for suggestions."""

    def predict_action_chunk(
        self, observation: Observation, task: str, previous: Commitment | None = None
    ) -> ActionChunk:
        """Plan ahead from `observation`, going on from what is in play if that is given.

        Raises `ValueError` for an instruction it cannot take.
        """
