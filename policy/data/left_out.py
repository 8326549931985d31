"""Which episodes of a dataset are not learnt from unless asked for, and why. Reads no row.

Our recorder and its editor say it beside LeRobot's files, a line of JSON for each episode, of which
the last counts: meta/marks.jsonl what a person said, meta/quality.jsonl how it was recorded.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

MARKS = Path("meta/marks.jsonl")
QUALITY = Path("meta/quality.jsonl")

ASKED = '"keep_all": true in a request, --keep-all of a command'
"""How it is said that everything is learnt from."""


def left_out(dataset: Path) -> dict[int, str]:
    """Return the episodes marked as failed or recorded badly, each with the reason.

    Raises `ValueError` naming the file and the line that says it otherwise than it is read.
    """
    reasons = {
        episode: f"recorded badly: {line.get('reason') or 'its quality card does not say how'}"
        for episode, line in _lines(dataset / QUALITY).items()
        if line.get("verdict") == "poor"
    }
    failed = {
        episode: "marked as failed"
        for episode, line in _lines(dataset / MARKS).items()
        if line.get("success") is False
    }
    return reasons | failed


def kept_episodes(dataset: Path, total: int, *, keep_all: bool = False) -> list[int]:
    """Return which of `total` episodes are learnt from, and log why others are not.

    With `keep_all` all of them are. Raises `ValueError` when none is left.
    """
    out = {} if keep_all else {n: why for n, why in left_out(dataset).items() if n < total}
    for episode, why in sorted(out.items()):
        logger.info("%s: episode %d is left out, %s", dataset.name, episode, why)
    if out:
        logger.info(
            "%s: %d of %d episodes are left out. To learn from them too: %s",
            *(dataset.name, len(out), total, ASKED),
        )
    if len(out) == total:
        first = min(out)
        raise ValueError(
            f"All {total} episodes of {dataset} are left out; episode {first} was {out[first]}. "
            f"Record better ones, or learn from them with {ASKED}."
        )
    return [episode for episode in range(total) if episode not in out]


def _lines(path: Path) -> dict[int, dict[str, Any]]:
    return dict(_read_lines(path)) if path.exists() else {}


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    whole, _, _torn = path.read_bytes().rpartition(b"\n")  # of a line still being written
    for number, text in enumerate(whole.splitlines(), start=1):
        try:
            line = json.loads(text)
            yield int(line["episode_index"]), dict(line)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(
                f'Expected an object with "episode_index" in line {number}, got '
                f"{text[:80]!r} ({error}). Correct the line or take it out. File: {path}"
            ) from error
