"""An SO-101 arm (six Feetech STS3215 servos), leader or follower, as a device. All in this file.

The example of `docs/add_an_arm.md`: another maker, another protocol, another SDK, and still only
`connect`, `disconnect`, `read_positions` and `write_positions`. These servos have no bus watchdog:
when the program dies, a follower holds its last goal.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hardware.dynamixel.control_table import RADIANS_PER_TICK
from hardware.dynamixel.port import REPLY_SECS, SerialPort
from hardware.interfaces import HardwareError, JointPositions

logger = logging.getLogger(__name__)

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
IDS = tuple(range(1, len(JOINTS) + 1))
MODEL_NUMBER = 777
BAUD = 1_000_000
TRIES = 3

# Addresses of the STS series' memory table: all values low byte first.
ADDRESS_MODEL, ADDRESS_TORQUE, ADDRESS_GOAL, ADDRESS_PRESENT = 3, 40, 42, 56
PRESENT_BYTES = 8  # position, speed and load with two bytes each, then voltage and temperature
SIGN = 1 << 15
"""The STS series gives signed numbers as a sign bit and a magnitude."""

ERRORS = {1: "input voltage", 2: "encoder", 4: "overheating", 8: "overcurrent", 32: "overload"}
"""Bits of a status packet's error byte."""


@dataclass(frozen=True, slots=True)
class Range:
    """How far a joint turns, in ticks: the middle is 0 radians, the ends are 0 and 1 of a grip."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 4095:
            raise ValueError(f"A joint turns within 0 to 4095 ticks, got {self.low}, {self.high}.")


def load_calibration(path: Path) -> dict[str, Range]:
    """Read the ranges from a calibration file as LeRobot writes it.

    Raises `ValueError` naming what is missing.
    """
    try:
        entries = json.loads(path.read_text())
        return {
            joint: Range(int(entries[joint]["range_min"]), int(entries[joint]["range_max"]))
            for joint in JOINTS
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"Not an SO-101 calibration ({error!r}). File: {path}") from error


class So101Arm:
    """One SO-101. `holds` makes it a follower, with torque; a leader is moved by hand.

    Positions are five angles in radians and the gripper's opening 0 to 1. Not thread-safe.
    """

    def __init__(
        self,
        port: str,
        calibration: Mapping[str, Range],
        *,
        holds: bool,
        reply_secs: float | int = REPLY_SECS,
    ) -> None:
        if list(calibration) != list(JOINTS):
            raise ValueError(f"An SO-101 has joints {list(JOINTS)}, got {list(calibration)}.")
        self._port = SerialPort(port, baud=BAUD, reply_secs=reply_secs)
        self._low = np.array([calibration[joint].low for joint in JOINTS])
        self._high = np.array([calibration[joint].high for joint in JOINTS])
        self._holds = holds
        self._sdk: Any = None
        self._handler: Any = None
        self.errors: dict[str, str] = {}
        """What servos complain of, by joint."""

    def connect(self) -> None:
        """Find all six servos; a follower then holds where it stands."""
        self._sdk = _sdk()
        self._handler = self._sdk.PacketHandler(self._sdk.SCS_END)
        self._port.open()
        try:
            self._roll_call()
            if self._holds:
                self._send(dict(zip(IDS, self._ticks(), strict=True)))
            self._set_torque(int(self._holds))
        except HardwareError:
            self._port.close()
            raise

    def disconnect(self) -> None:
        """Close the port; a follower keeps holding where it is. Safe to call twice."""
        self._port.close()

    def let_go(self) -> None:
        """Take torque away: the arm drops, so somebody must support it."""
        self._set_torque(0)

    def read_positions(self) -> JointPositions:
        """Five angles in radians and the gripper's opening, shape (6,)."""
        ticks = np.array(self._ticks(), np.float64)
        values = (ticks - (self._low + self._high) / 2) * RADIANS_PER_TICK
        values[-1] = (ticks[-1] - self._low[-1]) / (self._high[-1] - self._low[-1])
        return np.asarray(values, np.float32)

    def write_positions(self, positions: JointPositions) -> None:
        """Set the goals, shape (6,), kept within the calibrated ranges."""
        if not self._holds:
            raise HardwareError("An SO-101 leader is moved by hand; it takes no positions.")
        if positions.shape != (len(JOINTS),) or not np.isfinite(positions).all():
            raise ValueError(f"An SO-101 takes {len(JOINTS)} finite positions, got {positions}.")
        ticks = positions / RADIANS_PER_TICK + (self._low + self._high) / 2
        ticks[-1] = self._low[-1] + positions[-1] * (self._high[-1] - self._low[-1])
        goals = np.clip(np.rint(ticks), self._low, self._high)
        self._send({id_: int(goal) for id_, goal in zip(IDS, goals, strict=True)})

    def _ready(self) -> Any:  # noqa: ANN401 - the SDK has no types
        if self._handler is None:
            raise HardwareError(f"The SO-101 is not connected. Port: {self._port.path}")
        self._port.is_using = False
        return self._handler

    def _roll_call(self) -> None:
        wrong = []
        for id_, joint in zip(IDS, JOINTS, strict=True):
            number, result, _ = self._ready().ping(self._port, id_)
            if result != self._sdk.COMM_SUCCESS:
                wrong.append(f"servo {id_} ({joint}) is silent")
            elif number != MODEL_NUMBER:
                wrong.append(f"servo {id_} ({joint}) is model {number}, expected {MODEL_NUMBER}")
        if wrong:
            raise HardwareError(
                f"This is no complete SO-101: {'; '.join(wrong)}. Is its supply on, and every plug "
                f"in? Port: {self._port.path}"
            )

    def _set_torque(self, value: int) -> None:
        results = [
            self._ready().write1ByteTxRx(self._port, id_, ADDRESS_TORQUE, value)[0] for id_ in IDS
        ]
        if any(result != self._sdk.COMM_SUCCESS for result in results):
            raise HardwareError(f"Not all servos confirmed torque {value}: {results}.")

    def _ticks(self) -> list[int]:
        silent, result = IDS[0], 0
        for _ in range(TRIES):
            self._ready().syncReadTx(self._port, ADDRESS_PRESENT, PRESENT_BYTES, list(IDS), 6)
            found: list[int] = []
            for silent in IDS:
                data, result, error = self._handler.readRx(self._port, silent, PRESENT_BYTES)
                if result != self._sdk.COMM_SUCCESS or len(data) != PRESENT_BYTES:
                    break
                self._note(JOINTS[silent - 1], error)
                value = data[0] | data[1] << 8
                found.append(SIGN - value if value & SIGN else value)
            if len(found) == len(IDS):
                return found
        raise HardwareError(
            f"Servo {silent} ({JOINTS[silent - 1]}) gave no good answer {TRIES} times in a row "
            f"(the SDK reports {result}). Check its plug. Port: {self._port.path}"
        )

    def _note(self, joint: str, error: int) -> None:
        words = ", ".join(word for bit, word in ERRORS.items() if error & bit)
        if words and self.errors.get(joint) != words:
            logger.warning("Servo %s reports: %s", joint, words)
        self.errors = {**self.errors, joint: words}

    def _send(self, goals: Mapping[int, int]) -> None:
        params = [byte for id_, goal in goals.items() for byte in (id_, goal & 0xFF, goal >> 8)]
        self._ready().syncWriteTxOnly(self._port, ADDRESS_GOAL, 2, params, len(params))


def _sdk() -> Any:  # noqa: ANN401 - the SDK has no types
    try:
        import scservo_sdk  # noqa: PLC0415 - a device's package, loaded where a device is opened
    except ImportError as error:
        raise HardwareError(
            "SO-101 arms need the makers' SDK. Run: pip install feetech-servo-sdk pyserial"
        ) from error
    return scservo_sdk
