"""Packets of DYNAMIXEL Protocol 2.0: checksum, byte stuffing, framing. Knows no servo.

Written from the protocol's e-manual (emanual.robotis.com/docs/en/dxl/protocol2), independent of the
SDK that it is tested against.
"""

import enum
from dataclasses import dataclass

HEADER = b"\xff\xff\xfd\x00"
BROADCAST = 0xFE
MAX_ID = 252
LONGEST = 1024
"""Bytes of a packet that are still believed to be one."""


class Instruction(enum.IntEnum):
    """What an instruction packet asks for, and what a status packet calls itself."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    CLEAR = 0x10
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83
    FAST_SYNC_READ = 0x8A
    BULK_READ = 0x92
    BULK_WRITE = 0x93
    FAST_BULK_READ = 0x9A


class Error(enum.IntEnum):
    """The low seven bits of a status packet's error byte."""

    NONE = 0
    RESULT_FAIL = 1
    INSTRUCTION = 2
    CRC = 3
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7


ALERT = 0x80
"""Bit of the error byte that is set while Hardware Error Status is not 0."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it is meant, without stuffing."""

    id: int
    instruction: int
    params: bytes
    crc_right: bool = True


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x8005 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes, crc: int = 0) -> int:
    """CRC-16 with polynomial 0x8005, initial value 0, unreflected."""
    for byte in data:
        crc = ((crc << 8) & 0xFFFF) ^ _CRC[(crc >> 8) ^ byte]
    return crc


def stuffed(body: bytes) -> bytes:
    """`body` (instruction and parameters) with 0xFD after every FF FF FD."""
    return body.replace(b"\xff\xff\xfd", b"\xff\xff\xfd\xfd")


def unstuffed(body: bytes) -> bytes:
    """The inverse of `stuffed`."""
    return body.replace(b"\xff\xff\xfd\xfd", b"\xff\xff\xfd")


def encode(id_: int, instruction: int, params: bytes = b"") -> bytes:
    """A whole packet as sent on the wire."""
    body = stuffed(bytes([instruction]) + params)
    packet = HEADER + bytes([id_]) + (len(body) + 2).to_bytes(2, "little") + body
    return packet + crc16(packet).to_bytes(2, "little")


def status(id_: int, error: int, params: bytes = b"") -> bytes:
    """A status packet as sent on the wire."""
    return encode(id_, Instruction.STATUS, bytes([error]) + params)


def fast_status(segments: list[bytes], expected: int) -> bytes:
    """One status packet built by many servos, each adding its part; never stuffed.

    Each of `segments` is error, ID and data of one servo. `expected` is how many bytes of segments
    the first servo announced; fewer come when a servo in the chain is silent. Every part ends with
    the CRC of all that was sent before it.
    """
    length = expected + 1
    packet = HEADER + bytes([BROADCAST]) + length.to_bytes(2, "little")
    packet += bytes([Instruction.STATUS])
    for segment in segments:
        packet += segment
        packet += crc16(packet).to_bytes(2, "little")
    return packet


class Reader:
    """Finds packets in a stream of bytes that may begin or break off anywhere."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Add `data`; return the packets that are now complete."""
        self._pending += data
        found = []
        while (packet := self._next()) is not None:
            found.append(packet)
        return found

    def _next(self) -> Packet | None:
        pending = self._pending
        while True:
            start = pending.find(HEADER)
            if start < 0:
                del pending[: max(len(pending) - len(HEADER) + 1, 0)]
                return None
            del pending[:start]
            if len(pending) < 7:
                return None
            length = int.from_bytes(pending[5:7], "little")
            if 3 <= length <= LONGEST:
                break
            del pending[:1]
        if len(pending) < 7 + length:
            return None
        raw = bytes(pending[: 7 + length])
        del pending[: 7 + length]
        body = unstuffed(raw[7:-2])
        right = crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little")
        return Packet(raw[4], body[0], body[1:], right)
