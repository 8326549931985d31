"""The motors of one arm: roll call, motion read every tick, health read in turn. Knows no joint.

Holds on to the first fault until a person clears it: `check` then refuses every command.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from hardware.dynamixel import control_table as table
from hardware.dynamixel.bus import BusError, Reply, ServoBus
from hardware.dynamixel.control_table import Register, hardware_errors
from hardware.dynamixel.motors import Fingerprint, Motor
from hardware.interfaces import HardwareError

logger = logging.getLogger(__name__)

HEALTH_FROM, HEALTH_TO = table.TORQUE_ENABLE.address, table.PRESENT_TEMPERATURE.address + 1
"""One read tells torque, errors, watchdog, voltage and temperature of a motor."""

ANSWER_ALL = 2
"""Status return level: every instruction is answered."""

LOAD_UNIT = 0.001
"""Share of full load in one unit, for motors that measure load instead of current."""


@dataclass(frozen=True, slots=True)
class Motion:
    """Where the motors of a chain are and what they bear, in the chain's order."""

    positions: Int64[np.ndarray, "motors"]
    """Ticks."""
    velocities: Float64[np.ndarray, "motors"]
    """Radians per second."""
    currents: Float64[np.ndarray, "motors"]
    """Amperes; share of full load, -1 to 1, for motors that do not measure current."""


@dataclass(frozen=True, slots=True)
class Health:
    """What one motor said of itself when it was last asked."""

    torque: bool
    errors: str
    """Hardware errors in words; empty if there are none."""
    watchdog_tripped: bool
    volts: float
    celsius: float


class MotorChain:
    """All motors of one arm on its own bus. Not thread-safe: one owner at a time."""

    def __init__(
        self,
        bus: ServoBus,
        motors: Sequence[Motor],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bus = bus
        self.motors = tuple(motors)
        self.ids = tuple(motor.id for motor in motors)
        self.models = {motor.id: motor.models[0] for motor in motors}
        """What each motor is, by ID: as designed until roll call, then as found."""
        self.motion: Motion | None = None
        """The newest reading; None before the first."""
        self.health: dict[int, Health] = {}
        """Newest word of each motor, by ID."""
        self.torque_wanted: frozenset[int] = frozenset()
        """IDs of motors that were given torque: losing it is a fault."""
        self.fault = ""
        """Why commands are refused; empty if they are not."""
        self._now = now
        self._fast = False
        self._next_health = 0
        self._alerts: frozenset[int] = frozenset()
        self._shutdown: dict[int, int] = {}
        self._spoken_at = now()

    def roll_call(self) -> list[Fingerprint]:
        """Read what every motor keeps without power. Raises `BusError` naming all silent ones."""
        missing = [id_ for id_ in self.ids if self.bus.ping(id_, tries=1) is None]
        if len(missing) < len(self.ids):
            missing = [id_ for id_ in missing if self.bus.ping(id_) is None]
        else:
            raise BusError(
                "No motor answers. Is the arm's 12 V supply on, and the emergency stop released? "
                f"Port: {self.bus.port.path}",
                missing,
            )
        if missing:
            names = ", ".join(self.bus.name(id_) for id_ in missing)
            raise BusError(
                f"These motors are silent: {names}. Check the plug of the first, then its ID and "
                f"baud rate. Port: {self.bus.port.path}",
                missing,
            )
        # Another program may have silenced them; only this write needs no answer.
        self.bus.sync_write(table.STATUS_RETURN_LEVEL, dict.fromkeys(self.ids, ANSWER_ALL))
        prints = [self._fingerprint(id_) for id_ in self.ids]
        for each in prints:
            if each.model_number in table.MODELS:
                self.models[each.id] = table.MODELS[each.model_number]
        self._shutdown = {id_: self.bus.read(id_, table.SHUTDOWN) for id_ in self.ids}
        self._fast = all(_reads_fast(each) for each in prints)
        self._heard()
        return prints

    def _fingerprint(self, id_: int) -> Fingerprint:
        reply = self.bus.read_span(id_, 0, table.SHUTDOWN.address + 1)
        values = [span_value(reply.data, 0, register) for register in table.FINGERPRINT]
        return Fingerprint(id_, *values)

    def read_motion(self) -> Motion:
        """Read every motor, and the health of one of them in turn.

        Raises `HardwareError` after three bad replies in a row, or when a motor reports an error
        that made it let go; the chain then refuses commands until `clear`.
        """
        start = table.PRESENT_CURRENT.address
        try:
            replies = self.bus.sync_read(self.ids, start, 10, fast=self._fast)
            self._heard()
            self._look_after(replies)
            self._check_next()
        except HardwareError as error:
            self.fail(str(error))
            raise
        rows = [
            [span_value(replies[id_].data, start, register) for register in table.MOTION]
            for id_ in self.ids
        ]
        current, velocity, position = np.array(rows, np.int64).T
        velocities = velocity * table.RADIANS_PER_SEC
        self.motion = Motion(position, velocities, current * self._current_units())
        return self.motion

    def _current_units(self) -> Float64[np.ndarray, "motors"]:
        units = [self.models[id_].ampere or LOAD_UNIT for id_ in self.ids]
        return np.array(units, np.float64)

    def read_all(self, register: Register) -> dict[int, int]:
        """One register of every motor."""
        replies = self.bus.sync_read(self.ids, register.address, register.size)
        self._heard()
        return {id_: register.decode(reply.data) for id_, reply in replies.items()}

    def write_all(self, register: Register, values: Mapping[int, int]) -> None:
        """Set a register, motor by motor, each confirming."""
        for id_, value in values.items():
            self.bus.write(id_, register, value)
        self._heard()

    def write_together(self, register: Register, values: Mapping[int, int]) -> None:
        """Set a register of many motors at once, then read it back. For what must not be late."""
        self.bus.sync_write(register, values)
        found = self.read_all(register)
        wrong = [id_ for id_, value in values.items() if found[id_] != value]
        if wrong:
            names = ", ".join(self.bus.name(id_) for id_ in wrong)
            raise BusError(f"{names} did not take the {register.name}.", wrong)

    def command(self, register: Register, values: Mapping[int, int]) -> None:
        """Set a register of many motors at once, unless a fault holds the arm."""
        self.check()
        self.bus.sync_write(register, values)
        self._heard()

    def check(self) -> None:
        """Raise `HardwareError` if a fault holds the arm."""
        if self.fault:
            raise HardwareError(f"The arm holds: {self.fault} A person must clear this first.")

    def fail(self, reason: str) -> None:
        """Refuse commands from now on. The first reason is kept."""
        if not self.fault:
            self.fault = reason
            logger.error("The arm holds: %s", reason)

    def clear(self) -> None:
        """A person decided that the arm may be commanded again."""
        self.fault = ""
        self._alerts = frozenset()
        self.health = {}

    @property
    def silent_secs(self) -> float:
        """How long nothing was sent to the motors."""
        return self._now() - self._spoken_at

    def check_health(self, ids: Iterable[int]) -> None:
        """Ask motors how they are. Raises `HardwareError` on what no motor should be moved with."""
        asked = list(ids)
        if asked:
            replies = self.bus.sync_read(asked, HEALTH_FROM, HEALTH_TO - HEALTH_FROM)
            self._heard()
            for id_, reply in replies.items():
                self._judge(id_, reply.data)

    def _heard(self) -> None:
        self._spoken_at = self._now()

    def _look_after(self, replies: Mapping[int, Reply]) -> None:
        """Ask a motor at once when it raises its alert, and not again every tick."""
        alerts = frozenset(id_ for id_, reply in replies.items() if reply.alert)
        new, self._alerts = alerts - self._alerts, alerts
        self.check_health(sorted(new))

    def _check_next(self) -> None:
        id_ = self.ids[self._next_health]
        self._next_health = (self._next_health + 1) % len(self.ids)
        self.check_health([id_])

    def _judge(self, id_: int, span: bytes) -> None:
        def value(register: Register) -> int:
            return span_value(span, HEALTH_FROM, register)

        status = value(table.HARDWARE_ERROR)
        health = Health(
            torque=bool(value(table.TORQUE_ENABLE)),
            errors=hardware_errors(status),
            watchdog_tripped=value(table.BUS_WATCHDOG) == table.WATCHDOG_TRIPPED,
            volts=value(table.PRESENT_VOLTAGE) * table.VOLT,
            celsius=float(value(table.PRESENT_TEMPERATURE)),
        )
        before = self.health.get(id_)
        self.health = {**self.health, id_: health}  # whole at every moment, for other threads
        if health.errors and (before is None or before.errors != health.errors):
            logger.warning("%s reports: %s", self.bus.name(id_), health.errors)
        if self.torque_wanted or status & self._shutdown.get(id_, 0):
            self._refuse(id_, health, lost=bool(status & self._shutdown.get(id_, 0)))

    def _refuse(self, id_: int, health: Health, *, lost: bool) -> None:
        who = self.bus.name(id_)
        if lost:
            raise BusError(
                f"{who} has let go: {health.errors} ({health.celsius:.0f} C, "
                f"{health.volts:.1f} V). Support the arm, remove the cause, reboot this motor.",
                [id_],
            )
        if id_ in self.torque_wanted and not health.torque:
            raise BusError(
                f"{who} has no torque although it was given some: it lost power or was restarted. "
                f"Support the arm, then connect it again.",
                [id_],
            )
        if health.watchdog_tripped:
            raise BusError(
                f"{who} was stopped by its bus watchdog: nothing was sent for too long.", [id_]
            )


def span_value(data: bytes, start: int, register: Register) -> int:
    """One register's value in `data`, the bytes from address `start` on."""
    at = register.address - start
    return register.decode(data[at : at + register.size])


def _reads_fast(print_: Fingerprint) -> bool:
    model = table.MODELS.get(print_.model_number)
    needed = None if model is None else model.fast_read_firmware
    return needed is not None and print_.firmware >= needed
