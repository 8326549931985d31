"""A serial port as the SDK's packet handler expects one. Knows bytes and time, no protocol.

Takes the place of the SDK's own port handler, which measures time with a clock that may jump, waits
in a busy loop, allows every reply 34 ms (more than a tick), and lets two programs share a port.
"""

import errno
import logging
import os
import select
import time
from types import ModuleType
from typing import Any

from hardware.interfaces import HardwareError

logger = logging.getLogger(__name__)

BITS_PER_BYTE = 10
"""With start and stop bit."""

REPLY_SECS = 0.008
"""What a reply may take beyond its bytes: adapter, operating system, a busy machine."""


class SerialPort:
    """One serial line. The methods in camel case are those that the SDK calls.

    `reply_secs` is how long a reply may take beyond the time its bytes need on the wire. Every
    method raises `HardwareError` when the device has gone.
    """

    def __init__(self, path: str, *, baud: int, reply_secs: float | int = REPLY_SECS) -> None:
        self.path = path
        self.is_using = False  # the SDK's own mark of a half-finished exchange
        self._baud = baud
        self._reply_secs = float(reply_secs)
        self._deadline = 0.0
        self._serial: Any = None
        self._file = -1

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._serial is not None

    def open(self) -> None:
        """Open the port for this program alone. Safe to call twice."""
        if self._serial is not None:
            return
        serial = _pyserial()
        try:
            self._serial = serial.Serial(self.path, self._baud, timeout=0, exclusive=True)
        except (OSError, ValueError) as error:
            raise HardwareError(self._cannot_open(error)) from error
        self._file = self._serial.fileno()
        try:
            # Has FTDI adapters pass on every byte within 1 ms; whether it worked is checked apart.
            self._serial.set_low_latency_mode(True)
        except (OSError, ValueError, NotImplementedError) as error:
            logger.debug("No low latency mode on %s: %s", self.path, error)
        self.is_using = False
        self.clearPort()

    def close(self) -> None:
        """Close the port. Safe to call twice."""
        if self._serial is not None:
            self._serial.close()
            self._serial, self._file = None, -1

    def _cannot_open(self, error: OSError | ValueError) -> str:
        number = getattr(error, "errno", None)
        if number == errno.ENOENT:
            cause = "There is no such device: plug the arm's USB cable in."
        elif number == errno.EACCES:
            cause = "Permission denied: run `sudo usermod -aG dialout $USER`, then log in again."
        elif number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
            cause = "Another program uses it: close that one first."
        else:
            cause = f"{error}."
        return f"The serial port cannot be opened. {cause} Port: {self.path}"

    # What the SDK's packet handler calls.

    def getBaudRate(self) -> int:  # noqa: N802 - the SDK's name
        """Bits per second."""
        return self._baud

    def clearPort(self) -> None:  # noqa: N802 - the SDK's name
        """Throw away what was received and not read."""
        while self._receive(4096):
            pass

    def writePort(self, packet: list[int] | bytes) -> int:  # noqa: N802 - the SDK's name
        """Send all bytes; return how many."""
        rest = bytes(packet)
        length = len(rest)
        while rest:
            try:
                rest = rest[os.write(self._opened(), rest) :]
            except BlockingIOError:
                select.select([], [self._opened()], [], 0.1)
            except OSError as error:
                raise self._gone() from error
        return length

    def readPort(self, length: int) -> bytes:  # noqa: N802 - the SDK's name
        """Return up to `length` bytes, waiting for the first until the packet's time is up."""
        remaining = max(self._deadline - time.monotonic(), 0.0)
        ready, _, _ = select.select([self._opened()], [], [], remaining)
        return self._receive(length) if ready else b""

    def setPacketTimeout(self, packet_length: int) -> None:  # noqa: N802 - the SDK's name
        """Allow the time that `packet_length` bytes need, and `reply_secs` more."""
        wire_secs = packet_length * BITS_PER_BYTE / self._baud
        self._deadline = time.monotonic() + wire_secs + self._reply_secs

    def setPacketTimeoutMillis(self, msec: float | int) -> None:  # noqa: N802 - the SDK's name
        """Allow `msec` milliseconds."""
        self._deadline = time.monotonic() + msec / 1000

    def isPacketTimeout(self) -> bool:  # noqa: N802 - the SDK's name
        """Whether the packet's time is up."""
        return time.monotonic() >= self._deadline

    def _receive(self, length: int) -> bytes:
        try:
            data = os.read(self._opened(), length)
            if data or not select.select([self._file], [], [], 0)[0]:
                return data
            data = os.read(self._opened(), length)  # it came between the two calls
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()  # readable and empty: the other end has hung up
        return data

    def _opened(self) -> int:
        if self._serial is None:
            raise HardwareError(f"The serial port is closed. Connect the arm first: {self.path}")
        return self._file

    def _gone(self) -> HardwareError:
        return HardwareError(
            f"The serial port has gone: was the USB cable pulled? Plug it in, then connect the "
            f"arm again. Port: {self.path}"
        )


def _pyserial() -> ModuleType:
    try:
        import serial  # noqa: PLC0415 - a device's package, loaded where a device is opened
    except ImportError as error:
        raise HardwareError(
            "DYNAMIXEL arms need pyserial. Run: pip install dynamixel-sdk pyserial"
        ) from error
    return serial  # type: ignore[no-any-return]
