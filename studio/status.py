"""What the station does now, in a form that anyone may read."""

import enum
from dataclasses import dataclass

from hardware.safety import GateState


class Driver(enum.StrEnum):
    """What kind of agent has the robot."""

    NOBODY = enum.auto()
    POLICY = enum.auto()
    PERSON = enum.auto()
    REPLAY = enum.auto()


@dataclass(frozen=True, slots=True)
class Status:
    """What the station does now, for anyone to read."""

    driver: Driver
    paused: bool
    """Whether an instruction waits to be resumed."""
    instruction: str
    """What the policy is, or was last, told; empty before the first."""
    gate: GateState
    reason: str
    """Why the gate is stopped; empty otherwise."""
    running: bool
    """Whether the control loop turns."""
    hz: float
    """Turns per second, over the last second."""
    num_chunks: int
    plan_secs: float | None
