"""When the pictures of a film are due, by the robot's clock. Knows no film."""

import time

from hardware.interfaces import Clock

NAP_SECS = 0.005
"""Longest sleep between two looks at a clock that may not run at the speed of real time."""


class Pace:
    """Counts pictures that fall due at a steady rate from `start`; those missed are left out."""

    def __init__(self, clock: Clock, fps: int | float) -> None:
        if not fps > 0:
            raise ValueError(f"A film needs more than 0 pictures per second, got {fps}.")
        self.fps = fps
        self._clock = clock
        self.start()

    def start(self) -> None:
        """Let picture 0 be due now."""
        self._began = self._clock.now()
        self._next = 0

    def next_due(self, timeout_secs: int | float) -> int | None:
        """Wait for the next picture; return its number, or None after `timeout_secs` of waiting.

        Numbers skip pictures that fell due while nobody asked.
        """
        patience = time.monotonic() + timeout_secs
        # The small term keeps 0.3 s * 10 from being picture 2.
        while (due := int((self._clock.now() - self._began) * self.fps + 1e-6)) < self._next:
            if time.monotonic() >= patience:
                return None
            missing = self._began + self._next / self.fps - self._clock.now()
            time.sleep(min(max(missing, 0.0), NAP_SECS))
        self._next = due + 1
        return due

    def resume(self, number: int) -> None:
        """Let picture `number` be due now, for a player that cannot catch up."""
        self._began = self._clock.now() - number / self.fps
        self._next = number

    def due_at(self, number: int) -> float:
        """Seconds on the robot's clock when picture `number` falls due."""
        return self._began + number / self.fps
