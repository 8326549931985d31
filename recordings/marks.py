"""What people say of episodes after recording them: success, and tags. Ours, beside LeRobot's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recordings.disk import append_line
from recordings.episode_lines import read_episode_lines

MARKS = Path("meta/marks.jsonl")
"""One line per marked episode; of two for the same episode the last counts."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is said of one episode."""

    success: bool | None = None
    """None while nobody has said."""
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; `from_json` reads it back."""
        return {"success": self.success, "tags": list(self.tags)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Marks":
        """Rebuild from `to_json`; what is not there was not said.

        Raises `ValueError` when something else was.
        """
        success, tags = fields.get("success"), fields.get("tags", [])
        named = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
        if not isinstance(success, bool | None) or not named:
            raise ValueError(
                "Expected success true, false or null, and tags as a list of words, got "
                f"{success!s:.100} and {tags!s:.100}."
            )
        return cls(success, tuple(tags))


NO_MARKS = Marks()
"""Nobody has said anything."""


def read_marks(folder: Path) -> dict[int, Marks]:
    """Return what is said of each marked episode of the dataset at `folder`."""
    lines = read_episode_lines(folder / MARKS)
    try:
        return {index: Marks.from_json(line) for index, line in lines.items()}
    except ValueError as error:
        raise ValueError(f"{error} Correct or delete the line. File: {folder / MARKS}") from error


def mark(folder: Path, episode: int, marks: Marks) -> None:
    """Say `marks` of an episode; on the disk when this returns."""
    append_line(folder / MARKS, {"episode_index": episode} | marks.to_json())
