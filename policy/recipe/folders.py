"""What the folders of a recipe say of how far they are. Reads the files that commands leave."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy.evaluation.ledger import EPISODES


@dataclass(frozen=True, slots=True)
class Work:
    """How much of something is done."""

    done: int
    total: int
    unit: str

    @property
    def complete(self) -> bool:
        """Whether nothing is left."""
        return self.done >= self.total

    def __str__(self) -> str:
        return f"{min(self.done, self.total)} of {self.total} {self.unit}"


def dataset_work(folder: Path, episodes: int) -> Work:
    """Of a dataset that shall hold `episodes`."""
    saved = _fields(folder / "meta/info.json").get("total_episodes", 0)
    return Work(int(saved), episodes, "episodes")


def job_work(folder: Path, steps: int) -> Work:
    """Of a training job; its last step counts when its checkpoint is written."""
    status = _fields(folder / "status.json")
    done = int(status.get("step", 0))
    metrics = folder / "metrics.jsonl"
    if metrics.exists():
        lines = [line for line in metrics.read_text().splitlines() if line.endswith("}")]
        done = max(done, int(json.loads(lines[-1])["step"]) if lines else 0)
    finished = status.get("status") == "succeeded" and done >= steps
    return Work(done if finished else min(done, steps - 1), steps, "steps")


def report_work(report: Path, ledger: Path, episodes: int) -> Work:
    """Of an evaluation of `episodes` attempts; the last counts when the report is written."""
    if _fields(report).get("complete"):
        return Work(episodes, episodes, "episodes")
    kept = ledger / EPISODES
    done = kept.read_bytes().count(b"\n") if kept.exists() else 0
    return Work(min(done, episodes - 1), episodes, "episodes")


def file_work(path: Path, what: str) -> Work:
    """Of a command that leaves one file when it is done."""
    return Work(int(path.exists()), 1, what)


def _fields(path: Path) -> dict[str, Any]:
    """A JSON object on disk; nothing if there is no such file yet. Raises `ValueError` if torn."""
    if not path.exists():
        return {}
    try:
        fields = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"The file is torn ({error}); remove it to go on: {path}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"Expected a JSON object: {path}")  # noqa: TRY004 - the file is wrong
    return fields
