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

        Of several processes that train together the first writes, and any that fails.
        """
        if not self._speaks and status != "failed":
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
