"""Stop by a signal: `kill -USR1 PID`. Turns the signal into a call on a thread of its own.

A handler runs in the middle of whatever the main thread does, maybe while that holds a lock which a
stop needs; so the handler only writes a byte into a pipe, and the thread behind it stops the robot.
"""

import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType

logger = logging.getLogger(__name__)

STOP, END = b"s", b"e"


class StopSignal:
    """Calls `stop` for each SIGUSR1 while it is entered. Enter and leave on the main thread."""

    def __init__(self, stop: Callable[[], None], number: signal.Signals = signal.SIGUSR1) -> None:
        self._stop = stop
        self._number = number
        self._more: list[signal.Signals] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stop-signal")

    def __enter__(self) -> "StopSignal":
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._thread.submit(self._listen).add_done_callback(_report)
        self._before = signal.signal(self._number, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        signal.signal(self._number, self._before)
        for number in self._more:
            signal.signal(number, signal.SIG_IGN)
        os.write(self._write, END)
        self._thread.shutdown(wait=True)
        os.close(self._read)
        os.close(self._write)

    def also(self, number: signal.Signals) -> None:
        """Stop for `number` as well; once this is left, `number` is ignored. On the main thread."""
        self._more.append(number)
        signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's
        os.write(self._write, STOP)

    def _listen(self) -> None:
        while (byte := os.read(self._read, 1)) != END:
            if byte == STOP:
                self._stop()


def _report(listening: Future[None]) -> None:
    error = listening.exception()
    if error is not None:
        logger.error("Signals stop the robot no more: %s", error, exc_info=error)
