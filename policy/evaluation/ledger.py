"""A folder that keeps each finished attempt at once, so that an evaluation can go on there."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from policy.evaluation.environment import Ending, Result, Start

OPTIONS, EPISODES = "options.json", "episodes.jsonl"


class Ledger:
    """Results by start, on disk as they come: one line each, whole even after a crash.

    Entering it takes the folder for this process. Raises `ValueError` if the folder was written
    with other options, is in use, or holds a line that is no result.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self.folder = folder
        self.results: dict[Start, Result] = {}
        """What is done."""
        self._options = json.loads(json.dumps(options))

    def __enter__(self) -> "Ledger":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = (self.folder / EPISODES).open("a+b")
        try:
            self._take()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, result: Result) -> None:
        """Keep a result; it is on the disk when this returns."""
        self._file.write(json.dumps(result_to_json(result)).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.results[result.start] = result

    def _take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"Another evaluation is writing there. Folder: {self.folder}"
            ) from error
        self._require_options()
        self._file.seek(0)
        written = self._file.read()
        whole = written.rfind(b"\n") + 1
        self._file.truncate(whole)  # what a crash left of a line
        for number, line in enumerate(written[:whole].splitlines(), 1):
            result = self._read(number, line)
            self.results[result.start] = result

    def _require_options(self) -> None:
        path = self.folder / OPTIONS
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(self._options, indent=2) + "\n")
            partial.replace(path)
            return
        try:
            theirs = json.loads(path.read_text())
        except ValueError as error:
            raise ValueError(f"Not the options of an evaluation: {error}. File: {path}") from error
        names = dict.fromkeys((*theirs, *self._options))
        differing = [
            f"{name} {theirs.get(name)!r} (now {self._options.get(name)!r})"
            for name in names
            if theirs.get(name) != self._options.get(name)
        ]
        if differing:
            raise ValueError(
                f"This folder's results were made with {', '.join(differing)}. Run with the same "
                f"options to go on, or choose a new folder. Folder: {self.folder}"
            )

    def _read(self, number: int, line: bytes) -> Result:
        try:
            return result_from_json(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"Line {number} is no result of an attempt: {error!r}. "
                f"File: {self.folder / EPISODES}"
            ) from error


def result_to_json(result: Result) -> dict[str, Any]:
    """Return a flat, JSON-ready dictionary; `result_from_json` reads it back."""
    return {
        **asdict(result.start),
        "told": result.task,
        "instruction": result.instruction,
        "outcome": str(result.ending),
        "success": result.success,
        "strict": result.strict,
        "seconds": result.secs,
        "first_done": result.first_done,
    }


def result_from_json(fields: Mapping[str, Any]) -> Result:
    """Rebuild from `result_to_json`. Raises `ValueError`, `KeyError` or `TypeError`."""
    return Result(
        Start(*(fields[name] for name in Start.__slots__)),
        fields["told"],
        fields["instruction"],
        Ending(fields["outcome"]),
        strict=fields["strict"],
        secs=fields["seconds"],
        first_done=fields["first_done"],
    )
