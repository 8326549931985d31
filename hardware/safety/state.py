"""What the gate may be in, and why it changed. Decides nothing.

| state    | what is sent                   | entered by                   | left by               |
|----------|--------------------------------|------------------------------|-----------------------|
| disarmed | nothing, there is no torque    | start; `lowered`; `disarm`   | `arm` -> ready        |
| ready    | nothing, the arms hold         | `arm`, `release`, `reset`    | `engage` -> ramping   |
| ramping  | what a driver wants, slowly    | `engage`; a jump when active | matched -> active     |
| active   | what a driver wants, in limits | ramping, once matched        | `release` -> ready    |
| hold     | nothing; latched by the kernel | `hold` from the three above  | `reopen` -> ready     |
| stopped  | nothing; latched by a person   | `stop` unless disarmed       | `reopen` -> ready     |
| lowering | the way to rest, slowly        | a second `stop`, `descend`   | `lowered` -> disarmed |

Hold and stop let `relaxed` pass: the pose in which arms that press on something are found.
`reopen` is `reset` and `arm`, unless Stop was pressed meanwhile; then disarmed becomes stopped.
A stop wins over a hold. What would be a hold while the arms are being lowered, and a third stop,
end the lowering: stopped again. Disarmed, hold and stopped are left by a person alone.
"""

import enum


class GateState(enum.StrEnum):
    """What the gate lets through, readable from across a room."""

    DISARMED = enum.auto()
    """The arms have no torque, or are not open."""
    READY = enum.auto()
    """Nobody drives; the arms keep their last command."""
    RAMPING = enum.auto()
    """A driver asked for a pose away from where the arms are; moving there slowly."""
    ACTIVE = enum.auto()
    """Commands pass, within limits."""
    HOLD = enum.auto()
    """Latched by the kernel: the arms hold with torque, every command is refused until `reset`."""
    STOPPED = enum.auto()
    """Latched by a person: the arms hold, every command is refused until `reset`."""
    LOWERING = enum.auto()
    """A second stop: the arms are lowered to rest and then let go of."""


DRIVEN = frozenset({GateState.RAMPING, GateState.ACTIVE})
"""Somebody drives."""

OPEN = DRIVEN | {GateState.READY}
"""Somebody may drive; in all others a person must act first."""


class Cause(enum.StrEnum):
    """Why the gate changed, for people and for programs that count."""

    PERSON = enum.auto()
    """A button, a key, the HTTP interface or a signal."""
    NOT_FINITE = enum.auto()
    CLEARANCE = enum.auto()
    """An arm would come too near to the other arm or to the table."""
    WORKSPACE = enum.auto()
    """A gripper would leave its box."""
    SPEED = enum.auto()
    """An arm moves faster than it was ever told to."""
    CURRENT = enum.auto()
    """Amperes, or newton metres where an arm reports these."""
    TEMPERATURE = enum.auto()
    STALE_AGENT = enum.auto()
    """Whoever drives says nothing any more."""
    DRIVER_FAILED = enum.auto()
    LOST_SERVER = enum.auto()
    """The connection to whoever plans is gone."""
    LOST_BROWSER = enum.auto()
    MISSED_TICKS = enum.auto()
    STALE_CAMERA = enum.auto()
    HARDWARE = enum.auto()
    """A device is missing, silent, or refused a command."""
    LOOP_FAILED = enum.auto()
    LOWERING_FAILED = enum.auto()
    CLOSING = enum.auto()
