"""Changes a file that people and programs keep: one change at a time, whole or not at all."""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

_CHANGING = threading.RLock()
"""One change at a time in this program: what another thread wrote meanwhile would be lost."""


def change_text(path: Path, change: Callable[[str], str]) -> None:
    """Give `change` what the file says, empty if there is none, and keep what it returns.

    What `change` raises leaves the file as it is. Raises `OSError` if it cannot be written.
    """
    with _CHANGING:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        replace_file(path, change(before).encode())


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` beside the file, wait for the disk, and put it into its place in one step.

    After a crash the file is the old one or the new one. Its permissions stay. Raises `OSError`.
    """
    with _CHANGING:
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
