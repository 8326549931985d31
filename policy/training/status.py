"""status.json: what became of a job, for whoever looks."""

import json
import os
from pathlib import Path

from policy.text_file import write_atomically


class Status:
    """Of the job in one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "status.json"
        self._speaks = os.environ.get("RANK", "0") == "0"
        self._before = self._text()

    def write(
        self,
        status: str,
        step: int = 0,
        steps: int = 0,
        *,
        error: str | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        """Replace the file; `status` is running, succeeded, failed or cancelled.

        Of several processes that train together the first writes, and the first that fails: what
        others say after it is that they lost it.
        """
        if not self._speaks and status != "failed":
            return
        if status == "failed" and self._another_failed():
            return
        fields = {
            "status": status,
            "step": step,
            "steps": steps,
            "error": error,
            "checkpoint": None if checkpoint is None else str(checkpoint),
            "pid": os.getpid(),
        }
        write_atomically(self._path, json.dumps(fields, indent=2) + "\n")

    def _text(self) -> str:
        return self._path.read_text() if self._path.exists() else ""

    def _another_failed(self) -> bool:
        """Whether one of several processes has said since the start that it failed."""
        now = self._text()
        alone = os.environ.get("WORLD_SIZE", "1") == "1"
        return not alone and now != self._before and json.loads(now)["status"] == "failed"
