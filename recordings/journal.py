"""What of an open episode is on the disk already, so that it can be rescued. Films lie beside."""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recordings import layout
from recordings.disk import parse_object, write_json

logger = logging.getLogger(__name__)

HEAD = "head.json"
ROWS = "rows.f32"
SAVING = "saving.json"

Row = Mapping[str, np.ndarray | float]


@dataclass(frozen=True, slots=True)
class Head:
    """What an open episode is."""

    task: str
    fps: int
    recorded_at: str
    """When it began, in ISO 8601."""
    widths: Mapping[str, int]
    """Numbers per row of every column, in the order in which they are written."""
    films: Mapping[str, str]
    """Names of the film files, by feature."""


class Journal:
    """Keeps the rows of one open episode. Called by one thread that may wait for the disk.

    Recording goes on when it fails: it is a second line, and films tell of a full disk too.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failed = False

    def begin(self, head: Head) -> None:
        """Say what is recorded."""
        self._keep(lambda: write_json(self._folder / HEAD, asdict(head)))

    def add(self, rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """Put `rows` on the disk; return their columns, (rows,) or (rows, length), float32."""
        arrays = {name: np.array([row[name] for row in rows], np.float32) for name in rows[0]}
        self._keep(lambda: self._append(arrays))
        return arrays

    def _append(self, arrays: Mapping[str, np.ndarray]) -> None:
        parts = [array.reshape(len(array), -1) for array in arrays.values()]
        with (self._folder / ROWS).open("ab") as file:
            file.write(np.concatenate(parts, axis=1).tobytes())
            file.flush()
            os.fdatasync(file.fileno())

    def _keep(self, write: Any) -> None:  # noqa: ANN401
        if self._failed:
            return
        try:
            write()
        except OSError:
            self._failed = True
            logger.warning("The open episode could not be rescued if this ends.", exc_info=True)


def say_saving(folder: Path, index: int) -> None:
    """Say that the episode of this journal is about to be saved as `index`.

    With this, an episode whose journal outlived its saving is not offered for rescue.
    """
    write_json(folder / SAVING, {"episode_index": index})


def say_nothing_of_saving(folder: Path) -> None:
    """Take back what `say_saving` said, because the saving failed."""
    (folder / SAVING).unlink(missing_ok=True)


def saved_as(folder: Path) -> int | None:
    """Return the index that the episode was about to be saved as; None if never."""
    path = folder / SAVING
    return int(parse_object(path.read_bytes())["episode_index"]) if path.exists() else None


def is_being_saved(dataset: Path, index: int) -> bool:
    """Whether episode `index` is being saved into a dataset, or was until a program was killed.

    What the dataset says of all episodes together may then be of one more than info.json counts;
    readers go by info.json, and the next writer settles it.
    """
    marks = (dataset / layout.OPEN).glob(f"*/{SAVING}")
    return any(saved_as(mark.parent) == index for mark in marks)


def read_head(folder: Path) -> Head:
    """Read what was being recorded. Raises `ValueError` when nothing says it."""
    try:
        return Head(**parse_object((folder / HEAD).read_bytes()))
    except (OSError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"Not the journal of an episode: {error}. Folder: {folder}") from error


def read_rows(folder: Path, head: Head) -> dict[str, np.ndarray]:
    """Return the whole rows that were written, by column."""
    path, width = folder / ROWS, sum(head.widths.values())
    numbers = np.fromfile(path, np.float32) if path.exists() else np.zeros(0, np.float32)
    table = numbers[: len(numbers) // width * width].reshape(-1, width)
    ends = np.cumsum(list(head.widths.values()))
    parts = np.split(table, ends[:-1], axis=1)
    return {
        name: part[:, 0] if head.widths[name] == 1 else part
        for name, part in zip(head.widths, parts, strict=True)
    }
