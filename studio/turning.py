"""The control loop's thread: starts it, says whether it turns, and ends it."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from hardware.control_loop import ControlLoop
from hardware.safety.gate import SafetyGate
from hardware.safety.state import Cause


class Turning:
    """Runs `loop` in a thread of its own; a loop that dies is held by `gate`."""

    def __init__(self, loop: ControlLoop, gate: SafetyGate) -> None:
        self._loop = loop
        self._gate = gate
        self._control = ThreadPoolExecutor(max_workers=1, thread_name_prefix="control")
        self._end = threading.Event()
        self._running: Future[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the loop turns."""
        return self._running is not None and not self._running.done()

    def start(self) -> None:
        """Let the loop turn, unless it does."""
        if not self.alive:
            self._running = self._control.submit(self._loop.run, self._end)
            self._running.add_done_callback(self._report_end)

    def close(self) -> None:
        """End the loop, and wait for its last turn."""
        self._end.set()
        self._control.shutdown(wait=True)

    def _report_end(self, running: Future[None]) -> None:
        error = running.exception()
        if error is not None:
            self._gate.hold(Cause.LOOP_FAILED, f"The control loop failed: {error}")
