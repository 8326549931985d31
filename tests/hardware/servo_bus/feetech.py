"""Emulated Feetech STS3215 servos on a pseudo-terminal: their own packets, their own memory."""

import math
import time
from collections.abc import Callable, Iterable

from servo_bus.packets import BROADCAST, Packet
from servo_bus.wire import Reply, Wire

PING, READ, WRITE, SYNC_READ, SYNC_WRITE = 1, 2, 3, 0x82, 0x83
SIZE = 71
MODEL, ID, TORQUE, GOAL, PRESENT, VOLTAGE, TEMPERATURE = 3, 5, 40, 42, 56, 62, 63
TOP_SPEED = 3400.0
"""Ticks per second."""


def encode(id_: int, second: int, params: bytes = b"") -> bytes:
    """A packet: instruction or error in `second`, and the inverted sum of all after the header."""
    body = bytes([id_, len(params) + 2, second]) + params
    return b"\xff\xff" + body + bytes([~sum(body) & 0xFF])


class FeetechReader:
    """Finds instruction packets in a stream of bytes."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Add `data`; return the packets that are now complete."""
        self._pending += data
        found = []
        while (start := self._pending.find(b"\xff\xff")) >= 0:
            del self._pending[:start]
            if len(self._pending) >= 4 and self._pending[3] < 2:
                del self._pending[:2]  # another protocol's packet
                continue
            if len(self._pending) < 4 or len(self._pending) < self._pending[3] + 4:
                break
            raw = bytes(self._pending[: self._pending[3] + 4])
            del self._pending[: len(raw)]
            right = ~sum(raw[2:-1]) & 0xFF == raw[-1]
            found.append(Packet(raw[2], raw[4], raw[5:-1], right))
        return found


class FeetechServo:
    """One STS3215."""

    def __init__(
        self, id_: int, *, position: float = 2048.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.id = id_
        self.error = 0
        self.position = position
        self._clock = clock
        self._moved_at = clock()
        self.memory = bytearray(SIZE)
        self.memory[MODEL : MODEL + 2] = (777).to_bytes(2, "little")
        self.memory[ID] = id_
        self.memory[VOLTAGE], self.memory[TEMPERATURE] = 74, 31
        self._show()

    @property
    def torque(self) -> bool:
        """Whether it holds."""
        return self.memory[TORQUE] == 1

    @property
    def goal(self) -> int:
        """Where it shall be, in ticks."""
        return int.from_bytes(self.memory[GOAL : GOAL + 2], "little")

    def advance(self) -> None:
        """Bring it up to the present moment."""
        now = self._clock()
        elapsed, self._moved_at = now - self._moved_at, now
        if self.torque:
            gap = self.goal - self.position
            self.position += math.copysign(min(abs(gap), TOP_SPEED * elapsed), gap)
        self._show()

    def _show(self) -> None:
        ticks = round(self.position)
        shown = ticks if ticks >= 0 else -ticks | 1 << 15
        self.memory[PRESENT : PRESENT + 2] = shown.to_bytes(2, "little")


class FeetechBus:
    """Servos behind one serial port, `path`. `mute` lists IDs that do not answer."""

    def __init__(self, servos: Iterable[FeetechServo]) -> None:
        self.servos = {servo.id: servo for servo in servos}
        self.mute: set[int] = set()
        self.spoil = 0
        """So many of the next replies get a wrong checksum."""

    def __enter__(self) -> "FeetechBus":
        self._wire = Wire(self._hear, FeetechReader())
        self.path = self._wire.path
        return self

    def __exit__(self, *_exception: object) -> None:
        self._wire.unplug()

    def _hear(self, packet: Packet) -> list[Reply]:
        if not packet.crc_right:
            return []
        for servo in self.servos.values():
            servo.advance()
        params = packet.params
        if packet.instruction == SYNC_READ:
            parts = [self._read(id_, params[0], params[1]) for id_ in params[2:]]
            return [part for each in parts for part in each]
        if packet.instruction == SYNC_WRITE:
            self._sync_write(params[0], params[1], params[2:])
            return []
        if packet.instruction == READ:
            return self._read(packet.id, params[0], params[1])
        if packet.instruction == WRITE:
            self._sync_write(params[0], len(params) - 1, bytes([packet.id]) + params[1:])
        return self._reply(packet.id)

    def _read(self, id_: int, address: int, length: int) -> list[Reply]:
        servo = self.servos.get(id_)
        data = b"" if servo is None else bytes(servo.memory[address : address + length])
        return self._reply(id_, data)

    def _reply(self, id_: int, data: bytes = b"") -> list[Reply]:
        servo = self.servos.get(id_)
        if servo is None or id_ in self.mute or id_ == BROADCAST:
            return []
        reply = encode(id_, servo.error, data)
        if self.spoil > 0:
            self.spoil -= 1
            reply = reply[:-1] + bytes([reply[-1] ^ 1])
        return [(reply, 0.0)]

    def _sync_write(self, address: int, length: int, rest: bytes) -> None:
        for at in range(0, len(rest), length + 1):
            servo = self.servos.get(rest[at])
            if servo is not None:
                servo.memory[address : address + length] = rest[at + 1 : at + 1 + length]
