"""What a job's folder tells: what was asked, whether it runs, how far it came. Starts nothing."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil

from recordings.disk import parse_object, read_lines, try_lock, write_json

REQUEST = "request.json"
STATUS = "status.json"
METRICS = "metrics.jsonl"
LOG = "log.txt"
PROCESS = "process.json"
CANCEL = "cancel.json"
CHECKPOINTS = "checkpoints"
LOCK = ".lock"

UNFINISHED = (".partial", ".replaced")
"""Ends of the names that a checkpoint has before it is whole, and on its way out."""

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
            return parse_object((self.path / REQUEST).read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(f"Not a job: {REQUEST} cannot be read ({error}).") from error

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
        return list(self.checkpoint_times())

    def checkpoint_times(self) -> dict[Path, datetime]:
        """Return the whole checkpoints and when each was written, oldest first.

        One that the trainer writes, or puts in the place of another, at this moment is left out.
        """
        times = {}
        for config in (self.path / CHECKPOINTS).glob("*/config.json"):
            if config.parent.suffix in UNFINISHED:
                continue
            try:
                times[config.parent] = datetime.fromtimestamp(config.stat().st_mtime, UTC)
            except FileNotFoundError:
                continue  # replaced since it was listed
        return dict(sorted(times.items(), key=lambda item: item[1]))

    def claim(self) -> IO[str] | None:
        """Keep other studios from starting this job; None when another has started it.

        The claim ends when the returned file is closed, here and in the trainer that inherits it.
        """
        return try_lock(self.path / LOCK)

    def note_process(self, pid: int) -> None:
        """Write down which process trains here."""
        started = psutil.Process(pid).create_time()
        write_json(self.path / PROCESS, {"pid": pid, "started": started})

    def note_failure(self, error: str) -> None:
        """Write down, in the trainer's stead, that this job failed and why."""
        content = {"status": JobStatus.FAILED, "step": 0, "error": error, "checkpoint": None}
        write_json(self.path / STATUS, content)

    def process(self) -> psutil.Process | None:
        """Return the process that trains here, or None if it ended. Another with its id is not."""
        noted = self._read(PROCESS)
        if not {"pid", "started"} <= noted.keys():
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
        said = self._read(STATUS)
        last = self._last_metrics()
        return JobState(
            status=self._status(said),
            step=int(last.get("step", said.get("step") or 0)),
            steps=int(last.get("steps", said.get("steps") or self._read_steps())),
            loss=_number(last.get("loss")),
            samples_per_second=_number(last.get("samples_per_second")),
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
        return int(self._read(REQUEST).get("steps") or 0)

    def _last_metrics(self) -> dict[str, Any]:
        whole, _, _torn = _tail(self.path / METRICS).rpartition(b"\n")
        return _said(whole.rpartition(b"\n")[2])

    def _read(self, name: str) -> dict[str, Any]:
        try:
            return _said((self.path / name).read_bytes())
        except FileNotFoundError:
            return {}


def _said(text: bytes) -> dict[str, Any]:
    """Return what `text` says; nothing when it was torn by a kill: the other files still tell."""
    try:
        return parse_object(text)
    except ValueError:
        return {}


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _tail(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LAST_BYTES))
        return file.read()
