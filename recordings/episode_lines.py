"""Files of ours with a line of JSON for each episode, of which the last counts."""

from pathlib import Path
from typing import Any

from recordings.disk import read_lines


def read_episode_lines(path: Path) -> dict[int, dict[str, Any]]:
    """Return the line of each episode in `path`; none if there is no such file.

    Raises `ValueError` naming the file when a line is not of an episode.
    """
    found: dict[int, dict[str, Any]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        index = line.get("episode_index") if isinstance(line, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            raise ValueError(
                f'Expected an object with "episode_index" in line {number}, got {line!s:.100}. '
                f"Correct the line or take it out. File: {path}"
            )
        found[index] = line
    return found
