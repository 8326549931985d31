"""What a motor can say of itself besides its place, and what a person can do for an arm.

Protocols that a driver may meet beyond `Arm`; the kernel uses what there is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the motors of one arm bear, by motor or joint; empty where it is not known."""

    amperes: Mapping[str, float] = field(default_factory=dict)
    newton_metres: Mapping[str, float] = field(default_factory=dict)
    celsius: Mapping[str, float] = field(default_factory=dict)


NOTHING_KNOWN = Vitals()


@runtime_checkable
class ReportsVitals(Protocol):
    """An arm whose motors say what they bear."""

    @property
    def vitals(self) -> Vitals:
        """What was read last. Asks nobody."""


@runtime_checkable
class Recoverable(Protocol):
    """An arm that refuses commands after a fault until a person decides otherwise."""

    def recover(self) -> None:
        """Give torque where the arm stands and take commands again, if need be on a new port.

        Raises `HardwareError` while the cause is still there.
        """


@runtime_checkable
class Releasable(Protocol):
    """An arm whose torque can be taken away."""

    def let_go(self) -> None:
        """Take torque away at once; the arm must be at rest or supported."""


@runtime_checkable
class Rests(Protocol):
    """An arm that leaves its place when it is closed, unless told otherwise."""

    @property
    def rests_at_end(self) -> bool:
        """Whether it shall be lowered to rest and let go of at the end."""

    def stay(self) -> None:
        """When it is closed, hold: do not move. Until it is opened again."""


@runtime_checkable
class LowersItself(Protocol):
    """An arm that lowers itself when it is closed, through a gate of its own."""

    @property
    def lowering_failed(self) -> bool:
        """Whether it holds because it could not be lowered when it was closed."""

    def stay_when(self, stopped: Callable[[], bool]) -> None:
        """Once `stopped`, asked at every step of the way, says so: hold there."""
