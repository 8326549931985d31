"""The two ROS 2 messages that an MCAP file of ours has: their schemas, and their bytes (CDR).

Facts of ROS 2 (sensor_msgs/msg/JointState, std_msgs/msg/String) and of OMG's CDR: little-endian,
each number aligned to its size, counted from after the four bytes that say how it is encoded.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CDR = "cdr"
"""How MCAP names the encoding of these messages."""
ROS2MSG = "ros2msg"
"""How MCAP names the encoding of their schemas."""
LITTLE_ENDIAN = bytes((0, 1, 0, 0))
NANOSECONDS = 10**9
_PART = "=" * 80


@dataclass(frozen=True, slots=True)
class Schema:
    """A message type, as MCAP wants it described."""

    name: str
    text: str


JOINT_STATE = Schema(
    "sensor_msgs/msg/JointState",
    f"""std_msgs/Header header
string[] name
float64[] position
float64[] velocity
float64[] effort
{_PART}
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
{_PART}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
""",
)

STRING = Schema("std_msgs/msg/String", "string data\n")


def joint_state(
    time_ns: int,
    names: Sequence[str],
    position: np.ndarray,
    velocity: np.ndarray | None = None,
    effort: np.ndarray | None = None,
) -> bytes:
    """Return a JointState at `time_ns`, from 0 on, of joints (length,) in the dataset's units."""
    message = _Cdr()
    message.number("i", time_ns // NANOSECONDS)
    message.number("I", time_ns % NANOSECONDS)
    message.text("")
    message.number("I", len(names))
    for name in names:
        message.text(name)
    for values in (position, velocity, effort):
        message.doubles(np.zeros(0) if values is None else values)
    return message.done()


def string(words: str) -> bytes:
    """Return a String that says `words`."""
    message = _Cdr()
    message.text(words)
    return message.done()


class _Cdr:
    """Bytes of one message, written from its first field to its last."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def number(self, kind: str, value: int) -> None:
        self._align(struct.calcsize(kind))
        self._bytes += struct.pack(f"<{kind}", value)

    def text(self, words: str) -> None:
        encoded = words.encode() + b"\0"
        self.number("I", len(encoded))
        self._bytes += encoded

    def doubles(self, values: np.ndarray) -> None:
        self.number("I", len(values))
        if len(values):
            self._align(8)
            self._bytes += values.astype("<f8").tobytes()

    def done(self) -> bytes:
        return LITTLE_ENDIAN + bytes(self._bytes)

    def _align(self, size: int) -> None:
        self._bytes += bytes(-len(self._bytes) % size)
