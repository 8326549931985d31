"""One emulated servo: its memory, the rules of writing it, and how it moves. Knows no wire."""

import math
import time
from collections.abc import Callable

from servo_bus.memory import Memory
from servo_bus.packets import ALERT, Error
from servo_bus.table import EEPROM_END, Item, Model

FOLLOWING_SECS = 0.025
"""Time constant with which a servo closes the last of the way to its goal."""

RPM_UNIT = 0.229 / 60 * 4096
"""Ticks per second in one unit of velocity."""

OVERLOAD_SECS = 0.2
"""How long a load beyond the limit is borne. The real one's time depends on the load."""

ROOM_TEMPERATURE = 34
SUPPLY_DECIVOLTS = 120

CURRENT, VELOCITY, POSITION, EXTENDED, CURRENT_POSITION, PWM = 0, 1, 3, 4, 5, 16
GOALS = ("goal_pwm", "goal_current", "goal_velocity", "goal_position")

VOLTAGE_ERROR, OVERHEAT_ERROR, ENCODER_ERROR, SHOCK_ERROR, OVERLOAD_ERROR = 1, 4, 8, 16, 32

TRIPPED = 255
"""What Bus Watchdog reads as after it has stopped the servo: -1."""


class Servo:
    """A DYNAMIXEL of the X series, seen through its control table.

    `clock` gives seconds. `position` is the shaft's angle in ticks of 1/4096 turn, counted the way
    the drive mode says, without the homing offset.
    """

    def __init__(
        self,
        model: Model,
        id_: int,
        *,
        position: float = 2048.0,
        firmware: int = 45,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.position = position
        self.load = 0.0
        """What pushes against the shaft, in units of current."""
        self.decivolts = SUPPLY_DECIVOLTS
        self.degrees = ROOM_TEMPERATURE
        self.falls_to: float | None = None
        """Where the joint sinks to without torque; None if it stays."""
        self.powered = True
        self.on_write: Callable[[], object] = lambda: None
        """Called after every write that was carried out."""
        self._clock = clock
        self._speed = 0.0
        self._overload_since: float | None = None
        self._registered: tuple[int, bytes] | None = None
        self.memory = Memory(model)
        self.poke("id", id_)
        self.poke("firmware_version", firmware)
        self._moved_at = self._heard_at = clock()
        self.start()

    # What the bench does to it.

    def poke(self, name: str, value: int) -> None:
        """Set a register past every rule, as the factory or physics does."""
        self.memory.poke(name, value)

    def peek(self, name: str) -> int:
        """Read a register."""
        return self.memory.peek(name)

    def start(self) -> None:
        """Power up or reboot: RAM is fresh, torque off, errors forgotten."""
        for name, item in self.model.items.items():
            if item.address >= EEPROM_END:
                self.poke(name, item.default)
        self._registered = None
        self._overload_since = None
        self.position = self.position % 4096
        self._speed = 0.0
        self._show()
        self.poke("goal_position", self.peek("present_position"))
        if "goal_current" in self.model.items:
            self.poke("goal_current", self.peek("current_limit"))
        self.poke("goal_pwm", self.peek("pwm_limit"))
        self.poke("goal_velocity", self.peek("velocity_limit"))

    def fail(self, error: int) -> None:
        """Set a bit of Hardware Error Status; torque goes off where Shutdown says so."""
        self.poke("hardware_error_status", self.peek("hardware_error_status") | error)
        if self.peek("shutdown") & error:
            self.poke("torque_enable", 0)

    # What the wire does to it.

    @property
    def id(self) -> int:
        """Its address."""
        return self.peek("id")

    @property
    def alert(self) -> int:
        """The top bit of every status packet's error byte."""
        return ALERT if self.peek("hardware_error_status") else 0

    @property
    def answers_fast_reads(self) -> bool:
        """Whether firmware and model know fast sync read."""
        return self.model.fast_read and self.peek("firmware_version") >= 45

    def hear(self) -> None:
        """An instruction for this servo arrived: the Bus Watchdog is content."""
        self.advance()
        self._heard_at = self._clock()

    def read(self, address: int, length: int) -> tuple[int, bytes]:
        """Return error and data."""
        self.advance()
        data = self.memory.span(address, length)
        return (Error.ACCESS, b"") if data is None else (Error.NONE, data)

    def write(self, address: int, data: bytes, *, by_own_id: bool = True) -> int:
        """Write one or more neighbouring registers; return the error, after which none is set."""
        self.advance()
        planned, error = self.memory.plan(address, data)
        locked = not by_own_id or bool(self.peek("torque_enable"))
        if error is Error.NONE and address < EEPROM_END and locked:
            error = Error.ACCESS
        for name, value in planned:
            error = error or self._refusal(name, value)
        if error is Error.NONE:
            for name, value in planned:
                self._set(name, value)
            self.on_write()
        return error

    def register(self, address: int, data: bytes) -> int:
        """Keep a write for `act`."""
        planned, error = self.memory.plan(address, data)
        if error is Error.NONE and planned:
            self._registered = (address, data)
            self.poke("registered_instruction", 1)
        return error

    def act(self) -> int:
        """Carry out what was registered."""
        if self._registered is None:
            return Error.INSTRUCTION
        (address, data), self._registered = self._registered, None
        self.poke("registered_instruction", 0)
        return self.write(address, data)

    def clear_turns(self) -> int:
        """Forget whole turns; refused while moving."""
        self.advance()
        if abs(self._speed) > RPM_UNIT:
            return Error.RESULT_FAIL
        self.position %= 4096
        self._show()
        return Error.NONE

    def _refusal(self, name: str, value: int) -> Error:
        item: Item = self.model.items[name]
        if not item.writable:
            return Error.ACCESS
        if name in GOALS and self.peek("bus_watchdog") == TRIPPED:
            return Error.DATA_RANGE
        if not item.low <= value <= item.high:
            return Error.DATA_RANGE
        if name == "operating_mode" and value not in self.model.modes:
            return Error.DATA_RANGE
        if name == "torque_enable" and value and self._shut_down():
            return Error.RESULT_FAIL
        return self._beyond_limit(name, value)

    def _shut_down(self) -> bool:
        return bool(self.peek("hardware_error_status") & self.peek("shutdown"))

    def _beyond_limit(self, name: str, value: int) -> Error:
        mode = self.peek("operating_mode")
        if name == "goal_position" and mode == POSITION:
            low, high = self.peek("min_position_limit"), self.peek("max_position_limit")
            return Error.NONE if low <= value <= high else Error.DATA_LIMIT
        limits = {
            "goal_velocity": "velocity_limit",
            "goal_current": "current_limit",
            "goal_pwm": "pwm_limit",
            "profile_velocity": "velocity_limit",
        }
        if name in limits and abs(value) > self.peek(limits[name]):
            return Error.DATA_LIMIT
        return Error.NONE

    def _set(self, name: str, value: int) -> None:
        self.poke(name, value)
        if name == "torque_enable" and value:
            if self.peek("operating_mode") == POSITION:
                self.position %= 4096
            self._heard_at = self._clock()
            self._show()
            self.poke("goal_position", self.peek("present_position"))
        elif name == "bus_watchdog" and value:
            self._heard_at = self._clock()

    # How it moves.

    def advance(self) -> None:
        """Bring position, temperature and errors up to the present moment."""
        now = self._clock()
        since, self._moved_at = self._moved_at, now
        before = self.position
        if self.peek("torque_enable"):
            trip = self._trips_at()
            self._drive(max(min(now, trip) - since, 0.0))
            if now > trip:
                self._trip()
        elif self.falls_to is not None:
            gap = self.falls_to - self.position
            self.position += math.copysign(min(abs(gap), 1000 * (now - since)), gap)
        if now > since:
            self._speed = (self.position - before) / (now - since)
        self._check(now)
        self._show()

    def _trips_at(self) -> float:
        period = self.peek("bus_watchdog")
        if period == TRIPPED:
            return -math.inf
        return self._heard_at + period * 0.020 if period else math.inf

    def _trip(self) -> None:
        self.poke("bus_watchdog", TRIPPED)
        self._show()
        self.poke("goal_position", self.peek("present_position"))
        self.poke("goal_velocity", 0)

    def _drive(self, elapsed: float) -> None:
        mode = self.peek("operating_mode")
        if mode in (POSITION, EXTENDED, CURRENT_POSITION):
            profile = self.peek("profile_velocity")
            top = self.model.top_speed
            if profile and not self.peek("drive_mode") & 4:
                top = min(top, profile * RPM_UNIT)
            gap = self.peek("goal_position") - self.offset - self.position
            step = gap * (1 - math.exp(-elapsed / FOLLOWING_SECS))
            if mode == CURRENT_POSITION and abs(self.load) > abs(self.peek("goal_current")):
                step = 0.0
            self.position += math.copysign(min(abs(step), top * elapsed), step)
        elif mode == VELOCITY:
            self.position += self.peek("goal_velocity") * RPM_UNIT * elapsed
        elif mode == CURRENT:
            surplus = self.peek("goal_current") - self.load
            self.position += surplus * 2.0 * elapsed
        elif mode == PWM:
            self.position += self.peek("goal_pwm") / 885 * self.model.top_speed * elapsed

    def _check(self, now: float) -> None:
        if not self.peek("min_voltage_limit") <= self.decivolts <= self.peek("max_voltage_limit"):
            self.fail(VOLTAGE_ERROR)
        if self.degrees > self.peek("temperature_limit"):
            self.fail(OVERHEAT_ERROR)
        limit = self.peek("current_limit") if "current_limit" in self.model.items else 1000
        capped = self.peek("operating_mode") in (CURRENT, CURRENT_POSITION)
        if self.peek("torque_enable") and abs(self.load) > limit and not capped:
            self._overload_since = self._overload_since or now
            if now - self._overload_since > OVERLOAD_SECS:
                self.fail(OVERLOAD_ERROR)
        else:
            self._overload_since = None

    @property
    def offset(self) -> int:
        """The homing offset in force: in position mode only within a quarter turn."""
        offset = self.peek("homing_offset")
        single = self.peek("operating_mode") == POSITION
        return 0 if single and abs(offset) > 1024 else offset

    def _show(self) -> None:
        self.poke("present_position", round(self.position) + self.offset)
        self.poke("present_velocity", round(self._speed / RPM_UNIT))
        torque = self.peek("torque_enable")
        current = self.load if torque else 0.0
        if torque and self.peek("operating_mode") == CURRENT_POSITION:
            cap = abs(self.peek("goal_current"))
            current = max(-cap, min(cap, current))
        self.poke("present_current", int(max(-32768, min(32767, round(current)))))
        self.poke("present_input_voltage", self.decivolts)
        self.poke("present_temperature", self.degrees)
        self.poke("moving", int(abs(self._speed) > self.peek("moving_threshold") * RPM_UNIT))
        self.poke("realtime_tick", int(self._moved_at * 1000) % 32768)
