"""Real time, as a robot's clock. A simulated world is a clock of its own."""

import time


class MonotonicClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds on `time.monotonic()`."""
        return time.monotonic()

    def wait_until(self, deadline: float) -> None:
        """Sleep until `deadline`; returns at once if it has passed."""
        remaining = deadline - time.monotonic()
        if remaining > 0:
            time.sleep(remaining)
