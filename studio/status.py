"""What the station does now, in a form that anyone may read."""

import enum
from dataclasses import dataclass

from hardware.safety.state import GateState

LATCHED = {
    GateState.DISARMED: "has no torque",
    GateState.HOLD: "holds",
    GateState.STOPPED: "is stopped",
    GateState.LOWERING: "is on its way down",
}
"""What a person is told who wants to drive and may not."""


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
    """Why the gate is latched, or refuses what it is asked; empty otherwise."""
    stop_number: int | None
    """Names the stop in force; a page tells it with the press that shall lower the arms."""
    running: bool
    """Whether the control loop turns."""
    hz: float
    """Turns per second, over the last second."""
    num_chunks: int
    plan_secs: float | None
