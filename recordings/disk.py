"""Bytes that survive a power cut: files replaced whole, space looked at before it is needed."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

SPACE_FLOOR_BYTES = 512 * 2**20
"""Free space below which nothing new is recorded; enough left to save what is open."""


class RecordingError(Exception):
    """The disk or an encoder failed, and what was being recorded suffered."""


def flush(path: Path) -> None:
    """Return once the file or folder at `path` is on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make the folder `path` and those it lies in; new ones are on the disk when this returns."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    flush(path.parent)


def appear(temporary: Path, path: Path) -> None:
    """Make the file `temporary` be at `path`, replacing what was there, for whoever looks."""
    temporary.replace(path)


def put_in_place(temporary: Path, path: Path) -> None:
    """Make the finished file `temporary` appear at `path` at once, replacing what was there."""
    make_folder(path.parent)
    appear(temporary, path)
    flush(path.parent)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write; after the block it is at `path`, whole or not at all."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        flush(temporary)
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write `content` as JSON so that a reader sees the old file or the new one, never a part."""
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(content, indent=4, ensure_ascii=False) + "\n")


def append_line(path: Path, content: object) -> None:
    """Append `content` as one line of JSON, on the disk when this returns.

    What a crash left of a line is cut off first. Others who append wait their turn.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.seek(whole)
        file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def write_lines(path: Path, contents: Sequence[object]) -> None:
    """Write one line of JSON for each of `contents`, replacing `path` whole."""
    with replaced(path) as temporary:
        lines = (json.dumps(content, ensure_ascii=False) + "\n" for content in contents)
        temporary.write_text("".join(lines))


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines of `path`, without a last one that was torn; none if no such file."""
    if not path.exists():
        return []
    whole, _, _torn = path.read_bytes().rpartition(b"\n")
    return whole.splitlines()


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - whatever it holds
    """Return the JSON value in `text`. Raises `ValueError` when it holds none."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it holds lists in lists beyond any use") from error


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in `text`. Raises `ValueError` when it holds none."""
    content = parse_json(text)
    if isinstance(content, dict):
        return content
    raise ValueError(f"Expected a JSON object, got {content!s:.200}")


def read_lines(path: Path) -> list[Any]:
    """Return the JSON values of the whole lines of `path`; none if no such file."""
    try:
        return [parse_json(line) for line in whole_lines(path)]
    except OSError as error:
        raise ValueError(f"Cannot read lines: {error.strerror}. File: {path}") from error
    except ValueError as error:
        raise ValueError(f"Expected one JSON value a line: {error}. File: {path}") from error


def try_lock(path: Path) -> IO[str] | None:
    """Lock `path` until the returned file is closed by every process that holds it.

    Returns None when it is locked already. A process that ends lets go of it.
    """
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def free_bytes(folder: Path) -> int:
    """Bytes that can still be written on the disk that holds, or will hold, `folder`."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def require_space(folder: Path, floor_bytes: int) -> None:
    """Raise `RecordingError` when less than `floor_bytes` are free."""
    free = free_bytes(folder)
    if free < floor_bytes:
        raise RecordingError(
            f"The disk is nearly full: {free / 2**20:.0f} MB free, {floor_bytes / 2**20:.0f} MB "
            f"needed to record safely. Free some space or choose another folder. Folder: {folder}"
        )
