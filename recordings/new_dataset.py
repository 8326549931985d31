"""A new dataset made of pieces of others: it appears in its folder whole, or not at all."""

import shutil
from pathlib import Path
from uuid import uuid4

from recordings.assembly import Assembly
from recordings.disk import flush, free_bytes
from recordings.inspection import written_problems
from recordings.piece import Pieces
from recordings.source import Source


def require_new(target: Path) -> Path:
    """Return the folder to prepare `target` in. Raises `ValueError` when `target` is there."""
    if target.exists():
        raise ValueError(
            f"Expected a new folder, this one is there: {target}. To add to a dataset, make a "
            "new one, then: python -m recordings.edit DATASET merge NEW"
        )
    return target.absolute().with_name(f".{target.name}.{uuid4().hex}.part")


def require_room(target: Path, size: int) -> None:
    """Raise `ValueError` when the disk that `target` is to be on has not `size` bytes free."""
    free = free_bytes(target)
    if free < size:
        raise ValueError(
            f"Expected {size / 2**20:.0f} MB of free disk space, got {free / 2**20:.0f} MB. Free "
            f"some, or choose another disk. Folder: {target}"
        )


def flush_all(folder: Path) -> None:
    """Return once `folder` and all in it are on the disk itself."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            flush(path)
    flush(folder)


def make_dataset(source: Source, pieces: Pieces, staging: Path, target: Path) -> int:
    """Make the dataset `target` of `pieces`, and of what else is in `source`.

    It is built in `staging`, of `require_new`, which is removed. Returns the number of episodes.
    Raises `ValueError` when there are none, or a source is torn.
    """
    try:
        build(source, pieces, staging / "built")
        appear(staging / "built", target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(pieces)


def appear(built: Path, target: Path) -> None:
    """Let what was built be the folder `target`, at once."""
    built.rename(target)
    flush(target.absolute().parent)


def build(base: Source, pieces: Pieces, target: Path) -> None:
    """Write a dataset of `pieces` into the new folder `target`, and look at what is written.

    Raises `ValueError` when there are no pieces, or the dataset would have problems that `base`
    has not: an edit must be possible that takes the episodes with problems away.
    """
    if not pieces:
        raise ValueError(f"This dataset has no episodes. Folder: {base.folder}")
    Assembly(base, pieces).build(target)
    problems = written_problems(target)
    known = {_kind(problem) for problem in written_problems(base.folder)} if problems else set()
    problems = [problem for problem in problems if _kind(problem) not in known]
    if problems:
        raise ValueError(
            f"This would make a dataset with problems: {' '.join(problems[:3])} Nothing was "
            f"changed. Look at: python -m recordings.check {base.folder}"
        )


def _kind(problem: str) -> str:
    """Return what a problem is, whichever episode has it: an edit moves episodes."""
    return problem.partition(": ")[2] if problem.startswith("Episode ") else problem
