"""Safety events on disk, one JSON object a line. Keeps nobody waiting for the disk."""

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from hardware.safety.events import SafetyEvent

logger = logging.getLogger(__name__)


class Journal:
    """Appends events to a file from a thread of its own; give it to `EventLog.listen`.

    A line is with the operating system before the next is begun; a full disk is logged as an error
    and stops nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="safety-journal")
        self._closed = False

    def __call__(self, event: SafetyEvent) -> None:
        """Have `event` written soon. Events after `close` are left to the program's log."""
        if not self._closed:
            self._writer.submit(self._write, event).add_done_callback(_report)

    def close(self) -> None:
        """Write what is left."""
        self._closed = True
        self._writer.shutdown(wait=True)

    def _write(self, event: SafetyEvent) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(event)) + "\n")


def _report(written: Future[None]) -> None:
    error = written.exception()
    if error is not None:
        logger.error("A safety event could not be written down: %s", error)
