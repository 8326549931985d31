"""The way to rest, after which torque may be taken away. The gate makes it slow and safe."""

import time
from collections.abc import Callable

import numpy as np

from hardware.interfaces import Action, JointPositions, Observation
from hardware.safety.gate import SafetyGate
from hardware.safety.state import GateState

LOOK_SECS = 0.05
SLACK_SECS = 2.0
"""Longer than the loop itself waits until arms that are lowered must be at rest."""

ARRIVED = 0.12
"""Radians from rest within which an arm may be let go of: it sinks the rest of the way."""


class Lowering:
    """One lowering, from the moment of its first observation. Grippers hold what they hold."""

    def __init__(
        self,
        rest: JointPositions,
        kept: np.ndarray,
        commanded: JointPositions,
        deadline: float,
    ) -> None:
        """`kept` (joints,) says which stay as `commanded`; `deadline` is on the robot's clock."""
        self._moved = ~kept
        self._wish: Action = np.where(kept, commanded, rest).astype(np.float32)
        self._deadline = deadline

    @property
    def wish(self) -> Action:
        """Where to go."""
        return self._wish

    def arrived(self, observation: Observation) -> bool:
        """Whether every joint is at rest."""
        return bool((np.abs(observation.state - self._wish) < ARRIVED)[self._moved].all())

    def overdue(self, observation: Observation) -> bool:
        """Whether something must be in the way."""
        return observation.timestamp > self._deadline


def lower_at_end(gate: SafetyGate, reason: str, turning: Callable[[], bool]) -> None:
    """Have the loop lower the arms, and wait while it does and is `turning`; a stop ends it.

    Arms that are latched stay: they may be entangled, and nobody said that they may move.
    """
    gate.descend(reason)
    deadline = time.monotonic() + gate.limits.patience.lowering_secs + SLACK_SECS
    while gate.state is GateState.LOWERING and turning() and time.monotonic() < deadline:
        time.sleep(LOOK_SECS)
