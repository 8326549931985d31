"""What the operator is told about: errors and events, in one place, with their time."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from hardware.interfaces import HardwareError
from recordings.disk import RecordingError

logger = logging.getLogger(__name__)

Level: TypeAlias = Literal["info", "warning", "error"]

KEPT = 100
"""Notices remembered; the log has them all."""

EXPECTED = (ValueError, HardwareError, RecordingError, OSError, RuntimeError)
"""What a person can be told about; anything else is a fault of ours and rises."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing the operator was told."""

    number: int
    """Counts up; a page asks for what is newer than the last it showed."""
    at: str
    """Time of day, `HH:MM:SS`, local."""
    level: Level
    text: str


class Notices:
    """The newest notices, safe to write from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Notice] = deque(maxlen=KEPT)
        self._number = 0

    def add(self, text: str, level: Level = "info") -> None:
        """Tell the operator. Never waits for the page or the disk."""
        at = datetime.now().astimezone().strftime("%H:%M:%S")
        with self._lock:
            self._number += 1
            self._kept.append(Notice(self._number, at, level, text))
        logger.log(logging.ERROR if level == "error" else logging.INFO, "%s", text)

    def error(self, text: str) -> None:
        """Tell the operator that something failed."""
        self.add(text, "error")

    @property
    def newest(self) -> int:
        """Number of the newest notice; 0 before the first."""
        return self._number

    def recent(self, after: int = 0) -> list[Notice]:
        """Return the notices numbered above `after`, oldest first."""
        with self._lock:
            return [notice for notice in self._kept if notice.number > after]

    @contextmanager
    def reporting(self, what: str) -> Iterator[None]:
        """Turn an expected failure of the block into a notice that begins with `what`."""
        try:
            yield
        except EXPECTED as error:
            logger.debug("%s", what, exc_info=True)
            self.error(f"{what}: {error}" if what else str(error))

    def watch(self, future: Future[Any], what: str) -> None:
        """Read `future` when it ends and report its failure, whatever it is."""

        def read(done: Future[Any]) -> None:
            try:
                error = done.exception()
            except CancelledError:
                return
            if error is not None:
                logger.error("%s", what, exc_info=error)
                self.error(f"{what}: {error}")

        future.add_done_callback(read)
