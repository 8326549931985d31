"""A clock that stands still until it is told to go on, for servos and drivers alike."""

import threading


class BenchClock:
    """Time for tests: waiting takes none of the machine's."""

    def __init__(self) -> None:
        self._now = 100.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds."""
        with self._lock:
            return self._now

    def wait_until(self, deadline: float) -> None:
        """Make it `deadline`, if that is later than now."""
        with self._lock:
            self._now = max(self._now, deadline)

    def pass_secs(self, secs: float | int) -> None:
        """Let time pass."""
        with self._lock:
            self._now += secs
