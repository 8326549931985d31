"""A pseudo-terminal whose far end hears packets and answers them. Knows no servo."""

import os
import pty
import select
import termios
import time
import tty
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from servo_bus.packets import Packet

BAUD_RATES = (9_600, 57_600, 115_200, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 4_500_000)
"""By the value of the baud rate register."""

SPEEDS = {getattr(termios, f"B{rate}"): rate for rate in BAUD_RATES[:-1]}

Reply = tuple[bytes, float]
"""Bytes, and the seconds before they are sent."""


class PacketReader(Protocol):
    """Finds packets in a stream of bytes."""

    def feed(self, data: bytes) -> list[Packet]:
        """Add `data`; return the packets that are now complete."""


class Wire:
    """A serial port at `path` and what is behind it: `hear` is called with every packet."""

    def __init__(self, hear: Callable[[Packet], list[Reply]], reader: PacketReader) -> None:
        self.thread_secs = 0.0
        """Processor time that hearing and answering took."""
        self._hear = hear
        self._reader = reader
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._wake, self._waker = os.pipe()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="servo-bus")
        self._done: Future[None] = self._executor.submit(self._serve)
        self._plugged = True

    @property
    def baud(self) -> int | None:
        """Bits per second that the program at the near end has set."""
        return SPEEDS.get(termios.tcgetattr(self._master)[5])

    def unplug(self) -> None:
        """The port's far end is gone, as when the USB cable is pulled. Safe to call twice."""
        if not self._plugged:
            return
        self._plugged = False
        os.write(self._waker, b"x")
        self._executor.shutdown(wait=True)
        for file in (self._master, self._slave, self._wake, self._waker):
            os.close(file)
        self._done.result()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._wake], [], [])
            if self._wake in ready:
                return
            data = os.read(self._master, 4096)
            began = time.thread_time()
            for packet in self._reader.feed(data):
                for reply, delay in self._hear(packet):
                    if delay:
                        time.sleep(delay)
                    os.write(self._master, reply)
            self.thread_secs += time.thread_time() - began
