"""Which browser may command the robot: one holds the seat, the others watch. Stop needs no seat."""

import threading
import time
from collections.abc import Callable

SILENT_SECS = 8.0
"""A holder not heard of for this long has left; the next browser to act gets the seat."""


class SeatTakenError(ValueError):
    """Another browser holds the seat."""


class Seat:
    """The operator's chair, by browser."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        self._holder: str | None = None

    def greet(self, browser: str) -> int:
        """Note that `browser` is alive, and return the number people know it by, from 1."""
        with self._lock:
            self._heard[browser] = self._now()
            return self._numbers.setdefault(browser, len(self._numbers) + 1)

    def claim(self, browser: str) -> None:
        """Sit down if the seat is free, or stay seated. Raises `SeatTakenError` otherwise."""
        number = self.greet(browser)
        with self._lock:
            if self._present() and self._holder != browser:
                holder = self._numbers[self._holder or ""]
                raise SeatTakenError(
                    f"Browser {holder} has the seat; this is browser {number}. "
                    "Watch, press Stop if you must, or take the seat first."
                )
            self._holder = browser

    def take(self, browser: str) -> None:
        """Sit down whoever sat here before."""
        self.greet(browser)
        with self._lock:
            self._holder = browser

    def leave(self, browser: str) -> None:
        """Note that `browser` is gone; frees the seat if it held it."""
        with self._lock:
            self._heard.pop(browser, None)
            if self._holder == browser:
                self._holder = None

    def holds(self, browser: str) -> bool:
        """Whether `browser` may command now."""
        with self._lock:
            return self._holder == browser

    @property
    def holder(self) -> int | None:
        """Number of the browser that holds the seat, or None when it is free."""
        with self._lock:
            return self._numbers[self._holder] if self._holder and self._present() else None

    def _present(self) -> bool:
        heard = self._heard.get(self._holder or "")
        return heard is not None and self._now() - heard < SILENT_SECS
