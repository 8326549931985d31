"""Control tables of emulated DYNAMIXEL X servos, after their e-manual pages. Holds no state.

Independent of the driver's own table, so that a wrong address there is found here.
"""

from dataclasses import dataclass, replace

UNLIMITED = (-(2**31), 2**31 - 1)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a control table."""

    address: int
    size: int
    default: int
    low: int
    high: int
    writable: bool
    signed: bool


def _rw(address: int, size: int, default: int, low: int, high: int) -> Item:
    return Item(address, size, default, low, high, writable=True, signed=low < 0)


def _ro(address: int, size: int, default: int = 0, *, signed: bool = False) -> Item:
    return Item(address, size, default, 0, 0, writable=False, signed=signed)


EEPROM_END = 64
"""Addresses below are kept without power, and writable only while torque is off."""

COMMON = {
    "model_number": _ro(0, 2),
    "model_information": _ro(2, 4),
    "firmware_version": _ro(6, 1, 45),
    "id": _rw(7, 1, 1, 0, 252),
    "baud_rate": _rw(8, 1, 1, 0, 7),
    "return_delay_time": _rw(9, 1, 250, 0, 254),
    "drive_mode": _rw(10, 1, 0, 0, 13),
    "operating_mode": _rw(11, 1, 3, 0, 16),
    "secondary_id": _rw(12, 1, 255, 0, 255),
    "protocol_type": _rw(13, 1, 2, 1, 2),
    "homing_offset": _rw(20, 4, 0, -1_044_479, 1_044_479),
    "moving_threshold": _rw(24, 4, 10, 0, 1_023),
    "temperature_limit": _rw(31, 1, 80, 0, 100),
    "max_voltage_limit": _rw(32, 2, 160, 95, 160),
    "min_voltage_limit": _rw(34, 2, 95, 95, 160),
    "pwm_limit": _rw(36, 2, 885, 0, 885),
    "velocity_limit": _rw(44, 4, 200, 0, 1_023),
    "max_position_limit": _rw(48, 4, 4_095, 0, 4_095),
    "min_position_limit": _rw(52, 4, 0, 0, 4_095),
    "shutdown": _rw(63, 1, 52, 0, 63),
    "torque_enable": _rw(64, 1, 0, 0, 1),
    "led": _rw(65, 1, 0, 0, 1),
    "status_return_level": _rw(68, 1, 2, 0, 2),
    "registered_instruction": _ro(69, 1),
    "hardware_error_status": _ro(70, 1),
    "velocity_i_gain": _rw(76, 2, 1_920, 0, 16_383),
    "velocity_p_gain": _rw(78, 2, 100, 0, 16_383),
    "position_d_gain": _rw(80, 2, 0, 0, 16_383),
    "position_i_gain": _rw(82, 2, 0, 0, 16_383),
    "position_p_gain": _rw(84, 2, 800, 0, 16_383),
    "feedforward_2nd_gain": _rw(88, 2, 0, 0, 16_383),
    "feedforward_1st_gain": _rw(90, 2, 0, 0, 16_383),
    "bus_watchdog": _rw(98, 1, 0, 0, 127),
    "goal_pwm": _rw(100, 2, 0, -885, 885),
    "goal_velocity": _rw(104, 4, 0, -1_023, 1_023),
    "profile_acceleration": _rw(108, 4, 0, 0, 32_767),
    "profile_velocity": _rw(112, 4, 0, 0, 32_767),
    "goal_position": _rw(116, 4, 0, *UNLIMITED),
    "realtime_tick": _ro(120, 2),
    "moving": _ro(122, 1),
    "moving_status": _ro(123, 1),
    "present_pwm": _ro(124, 2, signed=True),
    "present_current": _ro(126, 2, signed=True),
    "present_velocity": _ro(128, 4, signed=True),
    "present_position": _ro(132, 4, signed=True),
    "velocity_trajectory": _ro(136, 4, signed=True),
    "position_trajectory": _ro(140, 4, signed=True),
    "present_input_voltage": _ro(144, 2),
    "present_temperature": _ro(146, 1),
}

END = 148
"""One past the last address that is emulated; indirect addressing and external ports are not."""

ROOM = frozenset(
    {*range(14, 20), *range(28, 31), *range(56, 63), *range(66, 68), *range(71, 76)}
    | {*range(86, 88), *range(92, 98), *range(147, 148), 99, 38, 39, *range(40, 44), 102, 103}
)
"""Addresses that a model may leave empty: they read as 0 and ignore nothing, writes are refused."""


@dataclass(frozen=True, slots=True)
class Model:
    """What distinguishes one kind of servo."""

    name: str
    number: int
    items: dict[str, Item]
    modes: frozenset[int]
    top_speed: float
    """Ticks per second without load at 12 V."""
    fast_read: bool
    """Whether firmware 45 answers fast sync reads."""


def _model(
    name: str,
    number: int,
    *,
    rpm: int,
    velocity_limit: int,
    current_limit: int | None = None,
    fast_read: bool = True,
    **defaults: int,
) -> Model:
    items = dict(COMMON)
    items["model_number"] = replace(items["model_number"], default=number)
    items["velocity_limit"] = replace(items["velocity_limit"], default=velocity_limit)
    for key, value in defaults.items():
        items[key] = replace(items[key], default=value, low=min(items[key].low, value))
    modes = {1, 3, 4, 16}
    if current_limit is not None:
        items["current_limit"] = _rw(38, 2, current_limit, 0, current_limit)
        items["goal_current"] = _rw(102, 2, 0, -current_limit, current_limit)
        modes |= {0, 5}
    return Model(name, number, items, frozenset(modes), rpm / 60 * 4096, fast_read)


_LOW_VOLTAGE = {"temperature_limit": 72, "max_voltage_limit": 140, "min_voltage_limit": 60}

MODELS = {
    model.name: model
    for model in (
        _model("XM430-W350", 1020, rpm=46, velocity_limit=200, current_limit=1193),
        _model("XM540-W270", 1120, rpm=30, velocity_limit=128, current_limit=2047),
        _model("XL430-W250", 1060, rpm=61, velocity_limit=265, **_LOW_VOLTAGE),
        _model("XC430-W150", 1070, rpm=106, velocity_limit=460, min_voltage_limit=60),
        _model("2XL430-W250", 1090, rpm=57, velocity_limit=250, fast_read=False, **_LOW_VOLTAGE),
    )
}
