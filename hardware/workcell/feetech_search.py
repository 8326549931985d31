"""Whether Feetech servos hang on a serial port: one ping each, which changes nothing.

The packet of Feetech's communication protocol manual: FF FF, ID, 2, 1, and the inverted sum; the
answer is as long, with the servo's errors in the place of the instruction.
"""

from hardware.arms.so101 import BAUD, IDS
from hardware.dynamixel.port import REPLY_SECS, SerialPort

PING = 1
STATUS_BYTES = 6


def find_feetech(path: str, *, reply_secs: float | int = REPLY_SECS) -> list[int]:
    """The IDs of an SO-101's that answer on the port at `path`, in order.

    Raises `HardwareError` if the port cannot be opened.
    """
    port = SerialPort(path, baud=BAUD, reply_secs=reply_secs)
    port.open()
    try:
        return [id_ for id_ in IDS if _answers(port, id_)]
    finally:
        port.close()


def _answers(port: SerialPort, id_: int) -> bool:
    port.clearPort()
    port.writePort(_packet(id_, PING))
    port.setPacketTimeout(STATUS_BYTES)
    heard = b""
    while len(heard) < STATUS_BYTES and not port.isPacketTimeout():
        heard += port.readPort(STATUS_BYTES - len(heard))
    return len(heard) == STATUS_BYTES and heard == _packet(id_, heard[4])


def _packet(id_: int, second: int) -> bytes:
    body = bytes([id_, 2, second])
    return b"\xff\xff" + body + bytes([~sum(body) & 0xFF])
