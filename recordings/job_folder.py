"""What a job's folder tells: what was asked, whether it runs, how far it came. Starts nothing."""

import enum
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from recordings.disk import read_lines, write_json

REQUEST = "request.json"
STATUS = "status.json"
METRICS = "metrics.jsonl"
LOG = "log.txt"
PROCESS = "process.json"
CANCEL = "cancel.json"
CHECKPOINTS = "checkpoints"

LAST_BYTES = 16_384
"""Read from the end of a metrics file to find its last line."""


class JobStatus(enum.StrEnum):
    """Where a job is in its life."""

    QUEUED = enum.auto()
    RUNNING = enum.auto()
    SUCCEEDED = enum.auto()
    FAILED = enum.auto()
    CANCELLED = enum.auto()


ENDED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobState:
    """What is true of a job now, as its folder and its process tell."""

    status: JobStatus
    step: int
    steps: int
    loss: float | None
    samples_per_second: float | None
    error: str | None


class JobFolder:
    """One job on disk. Reads what the trainer writes, in any state it may be left in."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def request(self) -> dict[str, Any]:
        """Return what was asked. Raises `ValueError` when this is not a job's folder."""
        try:
            content: dict[str, Any] = json.loads((self.path / REQUEST).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"Not a job: {REQUEST} cannot be read ({error}).") from error
        return content

    def submitted_at(self) -> datetime:
        """Return when the request was written."""
        return datetime.fromtimestamp((self.path / REQUEST).stat().st_mtime, UTC)

    def metrics(self) -> list[dict[str, Any]]:
        """Return every line of metrics so far, oldest first."""
        return read_lines(self.path / METRICS)

    def log_tail(self, lines: int = 40) -> str:
        """Return the last lines of what the trainer printed."""
        return b"\n".join(_tail(self.path / LOG).splitlines()[-lines:]).decode(errors="replace")

    def checkpoints(self) -> list[Path]:
        """Return the whole checkpoints, oldest first."""
        found = (self.path / CHECKPOINTS).glob("*/config.json")
        return [config.parent for config in sorted(found, key=lambda path: path.stat().st_mtime)]

    def note_process(self, pid: int) -> None:
        """Write down which process trains here."""
        started = psutil.Process(pid).create_time()
        write_json(self.path / PROCESS, {"pid": pid, "started": started})

    def process(self) -> psutil.Process | None:
        """Return the process that trains here, or None if it ended. Another with its id is not."""
        noted = self._read(PROCESS)
        if noted is None:
            return None
        try:
            process = psutil.Process(noted["pid"])
            same = abs(process.create_time() - noted["started"]) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def ask_to_cancel(self) -> None:
        """Write down that a person wants this job to end."""
        write_json(self.path / CANCEL, {"asked_at": datetime.now(UTC).isoformat()})

    @property
    def cancel_asked(self) -> bool:
        """Whether a person wants this job to end."""
        return (self.path / CANCEL).exists()

    def state(self) -> JobState:
        """Find out what is true now."""
        said = self._read(STATUS) or {}
        last = self._last_metrics()
        return JobState(
            status=self._status(said),
            step=int(last.get("step", said.get("step") or 0)),
            steps=int(last.get("steps", said.get("steps") or self._read_steps())),
            loss=last.get("loss"),
            samples_per_second=last.get("samples_per_second"),
            error=self._error(said),
        )

    def _status(self, said: dict[str, Any]) -> JobStatus:
        if said.get("status") in ENDED:
            return JobStatus(said["status"])
        if self.process() is not None:
            return JobStatus.RUNNING
        if self.cancel_asked:
            return JobStatus.CANCELLED
        started = (self.path / PROCESS).exists() or said
        return JobStatus.FAILED if started else JobStatus.QUEUED

    def _error(self, said: dict[str, Any]) -> str | None:
        if said.get("status") in ENDED or self._status(said) is not JobStatus.FAILED:
            return said.get("error")
        last = self.log_tail(3).strip()
        return (
            "The trainer ended without a word: killed, or out of memory. "
            f"The end of its log: {last or 'empty'}"
        )

    def _read_steps(self) -> int:
        return int((self._read(REQUEST) or {}).get("steps") or 0)

    def _last_metrics(self) -> dict[str, Any]:
        whole, _, _torn = _tail(self.path / METRICS).rpartition(b"\n")
        last = whole.rpartition(b"\n")[2]
        content: dict[str, Any] = json.loads(last) if last else {}
        return content

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text())
        except (FileNotFoundError, ValueError):
            return None  # not there, or torn by a kill: the process and the metrics still tell
        return content


def _tail(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LAST_BYTES))
        return file.read()
