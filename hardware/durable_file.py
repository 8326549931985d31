"""Changes a file that people and programs keep: one change at a time, whole or not at all."""

import errno
import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

PATIENCE_SECS = 10.0
"""How long another program may take for its change; a change takes a part of a second."""

LOOK_SECS = 0.01

TAKEN = (errno.EAGAIN, errno.EACCES)
NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP)
"""What file systems answer that know no locks of folders, such as some that come by network."""

_CHANGING = threading.RLock()
"""One change at a time in this program: what another thread wrote meanwhile would be lost."""

_locked: set[Path] = set()
"""Folders that the holder of `_CHANGING` has locked against other programs."""


class FileTakenError(OSError):
    """Another program has been changing a file for too long. Nothing was written."""


@contextmanager
def only_writer(path: Path, *, patience_secs: float | int = PATIENCE_SECS) -> Iterator[None]:
    """Keep other threads and programs from changing `path` here, for reading it and changing it.

    The lock is on the file's folder, which no change replaces, and ends with the program; it holds
    for all who change files through this module. May be entered again inside. Raises
    `FileTakenError` when another program keeps its lock for longer than `patience_secs`.
    """
    with _CHANGING:
        folder = path.resolve().parent
        if folder in _locked:
            yield
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            _lock(descriptor, path, patience_secs)
            _locked.add(folder)
            yield
        finally:
            _locked.discard(folder)
            os.close(descriptor)


def _lock(descriptor: int, path: Path, patience_secs: float | int) -> None:
    """Lock a folder, or say why not. Closing the descriptor unlocks it."""
    deadline = time.monotonic() + patience_secs
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in NO_LOCKS:
                logger.warning("%s cannot be locked: change it in one program only.", path)
                return
            if error.errno not in TAKEN:
                raise
        else:
            return
        if time.monotonic() > deadline:
            raise FileTakenError(
                f"Another program has been changing {path.name} for {patience_secs:g} s: the "
                f"studio, or `python -m hardware.check`. Nothing was written: end that one, then "
                f"try again. File: {path}"
            )
        time.sleep(LOOK_SECS)


def change_text(path: Path, change: Callable[[str], str]) -> None:
    """Give `change` what the file says, empty if there is none, and keep what it returns.

    What `change` raises leaves the file as it is. Raises `OSError` if it cannot be written.
    """
    with only_writer(path):
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        replace_file(path, change(before).encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` beside the file, wait for the disk, and put it into its place in one step.

    After a crash the file is the old one or the new one. Its permissions stay. Raises `OSError`.
    """
    with only_writer(path):
        kept = path.resolve()
        written = kept.with_name(f".{kept.name}.{os.getpid()}.new")
        try:
            with written.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if kept.exists():
                shutil.copymode(kept, written)
            written.replace(kept)
        except OSError:
            written.unlink(missing_ok=True)
            raise
        _sync_folder(kept.parent)


def _sync_folder(folder: Path) -> None:
    """Wait until the disk knows which file has the name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
