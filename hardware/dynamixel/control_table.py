"""Where DYNAMIXEL X servos keep what, and in which units. Data; talks to nothing.

From the e-manual's pages of each model (emanual.robotis.com/docs/en/dxl/x). The addresses are the
same for all models listed here; registers for current exist only where `Model.ampere` is given.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """One value in a servo's memory."""

    name: str
    address: int
    size: int
    """Bytes: 1, 2 or 4, least significant first."""
    signed: bool = False

    def decode(self, data: bytes) -> int:
        """The value of `size` bytes."""
        return int.from_bytes(data, "little", signed=self.signed)

    def encode(self, value: int) -> bytes:
        """The bytes of a value. Raises `ValueError` if it does not fit."""
        try:
            return value.to_bytes(self.size, "little", signed=self.signed)
        except OverflowError as error:
            raise ValueError(f"{self.name} holds {self.size} bytes, got {value}.") from error


MODEL_NUMBER = Register("model number", 0, 2)
FIRMWARE = Register("firmware version", 6, 1)
ID = Register("ID", 7, 1)
BAUD_RATE = Register("baud rate", 8, 1)
RETURN_DELAY = Register("return delay time", 9, 1)
DRIVE_MODE = Register("drive mode", 10, 1)
OPERATING_MODE = Register("operating mode", 11, 1)
SECONDARY_ID = Register("secondary ID", 12, 1)
HOMING_OFFSET = Register("homing offset", 20, 4, signed=True)
PWM_LIMIT = Register("PWM limit", 36, 2)
CURRENT_LIMIT = Register("current limit", 38, 2)
VELOCITY_LIMIT = Register("velocity limit", 44, 4)
MAX_POSITION = Register("maximum position limit", 48, 4)
MIN_POSITION = Register("minimum position limit", 52, 4)
SHUTDOWN = Register("shutdown", 63, 1)
TORQUE_ENABLE = Register("torque enable", 64, 1)
STATUS_RETURN_LEVEL = Register("status return level", 68, 1)
HARDWARE_ERROR = Register("hardware error status", 70, 1)
BUS_WATCHDOG = Register("bus watchdog", 98, 1)
GOAL_CURRENT = Register("goal current", 102, 2, signed=True)
PROFILE_ACCELERATION = Register("profile acceleration", 108, 4)
PROFILE_VELOCITY = Register("profile velocity", 112, 4)
GOAL_POSITION = Register("goal position", 116, 4, signed=True)
PRESENT_CURRENT = Register("present current", 126, 2, signed=True)
PRESENT_VELOCITY = Register("present velocity", 128, 4, signed=True)
PRESENT_POSITION = Register("present position", 132, 4, signed=True)
PRESENT_VOLTAGE = Register("present input voltage", 144, 2)
PRESENT_TEMPERATURE = Register("present temperature", 146, 1)

MOTION = (PRESENT_CURRENT, PRESENT_VELOCITY, PRESENT_POSITION)
"""Read every tick: ten neighbouring bytes."""

FINGERPRINT = (
    MODEL_NUMBER,
    FIRMWARE,
    DRIVE_MODE,
    SECONDARY_ID,
    HOMING_OFFSET,
    MIN_POSITION,
    MAX_POSITION,
)
"""What tells one motor of one arm from another, kept without power."""

TICKS_PER_TURN = 4096
CENTRE = 2048
"""Ticks at which Interbotix arms count 0 radians."""
RADIANS_PER_TICK = 2 * math.pi / TICKS_PER_TURN
RADIANS_PER_SEC = 0.229 * 2 * math.pi / 60
"""Of one unit of velocity."""
VOLT = 0.1
FULL_PWM = 885
WATCHDOG_SECS = 0.020
WATCHDOG_TRIPPED = 255
"""Bus Watchdog's -1: the servo stopped because nobody spoke to it."""

BAUD_RATES = (9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 4_500_000)
"""By the value of the baud rate register."""

CURRENT_MODE, VELOCITY_MODE, POSITION_MODE, EXTENDED_POSITION_MODE = 0, 1, 3, 4
CURRENT_BASED_POSITION_MODE, PWM_MODE = 5, 16

HARDWARE_ERRORS = {
    0x01: "input voltage outside its limits",
    0x04: "overheating",
    0x08: "motor encoder failed",
    0x10: "electrical shock or too little power",
    0x20: "overload",
}
"""Bits of the hardware error status, in words."""

PACKET_ERRORS = {
    1: "could not carry out the instruction",
    2: "does not know the instruction",
    3: "received a damaged packet",
    4: "refuses the value: out of range, or the bus watchdog stopped it",
    5: "expected data of another length",
    6: "refuses the value: beyond the limit set in its memory",
    7: "refuses access: read-only, unknown, or kept while torque is on",
}
"""Error numbers of status packets, in words."""

ALERT = 0x80
"""Bit of a status packet's error byte: the hardware error status is not 0."""


@dataclass(frozen=True, slots=True)
class Model:
    """One kind of servo."""

    name: str
    number: int
    ampere: float | None
    """Amperes in one unit of current; None where the servo does not control current."""
    torque: float | None
    """Newton metres per ampere: stall torque by stall current at 12 V (5 V for XL330). None where
    the servo does not control current."""
    fast_read_firmware: int | None
    """First firmware that answers fast sync reads; None if none does."""


XM430_W350 = Model("XM430-W350", 1020, 2.69e-3, 4.1 / 2.3, 45)
XM540_W270 = Model("XM540-W270", 1120, 2.69e-3, 10.6 / 4.4, 45)
XL430_W250 = Model("XL430-W250", 1060, None, None, 45)
XC430_W150 = Model("XC430-W150", 1070, None, None, 45)
TWO_XL430_W250 = Model("2XL430-W250", 1090, None, None, None)
XL330_M288 = Model("XL330-M288", 1200, 1e-3, 0.52 / 1.47, 46)
XL330_M077 = Model("XL330-M077", 1190, 1e-3, 0.215 / 1.47, 46)

MODELS = {
    model.number: model
    for model in (
        XM430_W350,
        XM540_W270,
        XL430_W250,
        XC430_W150,
        TWO_XL430_W250,
        XL330_M288,
        XL330_M077,
    )
}
"""By model number."""


def hardware_errors(status: int) -> str:
    """What a hardware error status says, in words; empty if nothing."""
    return ", ".join(words for bit, words in HARDWARE_ERRORS.items() if status & bit)


def packet_error(error: int) -> str:
    """What the error byte of a status packet says, in words; empty if nothing but an alert."""
    number = error & ~ALERT
    return PACKET_ERRORS.get(number, f"answered with error {number}") if number else ""
