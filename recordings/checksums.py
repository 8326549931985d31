"""Which files a dataset is made of, and what each of them sums up to. Writes nothing."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

BLOCK_BYTES = 2**20
UNFINISHED = "images"
LISTING = ".checksums.json"
"""In a store: which files the dataset has, with size and SHA-256. Of that copy only."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What tells one content of a file from another."""

    size: int
    """Bytes."""
    sha256: str
    git: str
    """SHA-1 as git has it for a file: of the word blob, the size, a zero byte, and the content."""


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files that belong to a dataset by their names in it, `/` between folders.

    Those whose name, or whose folder's, begins with a dot are ours or a tool's and stay at home; so
    do the pictures that LeRobot keeps under images/ while it records.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not hidden(inside.as_posix()) and inside.parts[0] != UNFINISHED:
            found[inside.as_posix()] = path
    return found


def hidden(name: str) -> bool:
    """Whether a file, or a folder of it, is named with a dot, as locks and open episodes are."""
    return any(part.startswith(".") for part in name.split("/"))


def sums_of(path: Path) -> Sums:
    """Read all of `path` and return what it sums up to."""
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            sha256.update(block)
            git.update(block)
    return Sums(size, sha256.hexdigest(), git.hexdigest())


def sums_of_files(folder: Path) -> dict[str, Sums]:
    """Read all files of a dataset."""
    return {name: sums_of(path) for name, path in files_of(folder).items()}


def require_inside(name: str) -> str:
    """Return `name` when it names a file inside a folder. Raises `ValueError` when it does not."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise ValueError(f"Expected the name of a file inside the dataset, got {name!r}.")
    return name
