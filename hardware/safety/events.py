"""What the gate did, when and why: a ring for the page, the program's log, and whoever listens.

Knows no disk: `hardware.safety.journal` writes events down.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from hardware.safety.state import DRIVEN, Cause, GateState

logger = logging.getLogger(__name__)

KEPT = 200
"""Events remembered: not those between two states of driving, as at every jump of a driver. The
journal has them all.
"""

BY_THE_KERNEL = frozenset({GateState.HOLD, GateState.STOPPED})


@dataclass(frozen=True, slots=True)
class SafetyEvent:
    """One change of the gate's state."""

    number: int
    """Counts up from 1."""
    at: str
    """Local time of day and date, ISO 8601 with milliseconds and offset."""
    monotonic: float
    """Seconds on the gate's clock."""
    before: GateState
    after: GateState
    cause: Cause | None
    """None for what is in the ordinary course: arm, engage, matched, release."""
    reason: str
    """In words; empty in the ordinary course."""


EventListener: TypeAlias = Callable[[SafetyEvent], None]
"""Told of every event on the thread that caused it, maybe the control thread: must return at once,
and may not call the gate."""


class EventLog:
    """The newest events. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: deque[SafetyEvent] = deque(maxlen=KEPT)
        self._number = 0
        self._listeners: tuple[EventListener, ...] = ()

    def listen(self, listener: EventListener) -> None:
        """Tell `listener` of every event from now on."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def add(
        self, now: float, before: GateState, after: GateState, cause: Cause | None, reason: str
    ) -> int:
        """Remember a change of state and tell everybody. Returns its number."""
        with self._lock:
            self._number += 1
            at = datetime.now().astimezone().isoformat(timespec="milliseconds")
            event = SafetyEvent(self._number, at, now, before, after, cause, reason)
            while_driven = before in DRIVEN and after in DRIVEN
            if not while_driven:
                self._kept.append(event)
            listeners = self._listeners
        level = logging.WARNING if after in BY_THE_KERNEL else logging.INFO
        if not while_driven:
            logger.log(level, "%s -> %s%s", before, after, f" ({cause}): {reason}" if cause else "")
        for listener in listeners:
            listener(event)
        return event.number

    @property
    def newest(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._number

    def recent(self, after: int = 0) -> list[SafetyEvent]:
        """Return the newest events numbered above `after`, oldest first, as `KEPT` says."""
        with self._lock:
            return [event for event in self._kept if event.number > after]
