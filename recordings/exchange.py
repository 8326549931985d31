"""Two folders that change places at once: what makes an edit of a dataset atomic."""

import ctypes
import errno
import os
from pathlib import Path

from recordings.disk import flush

AT_FDCWD = -100
RENAME_EXCHANGE = 2
"""Both from Linux, renameat2(2)."""

UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
"""What a system or file system answers that has no such call."""

ASIDE = "aside"


def exchange(folder: Path, other: Path) -> None:
    """Let the folders change places. `other` lies in a folder of its own.

    On Linux's own file systems no reader ever sees a moment between. Elsewhere it takes three
    renames: a program killed between them leaves both whole, and `put_back` ends the exchange.
    Raises `OSError`, with nothing changed, when they are not on one disk.
    """
    if not _exchanged_at_once(folder, other):
        folder.rename(other.parent / ASIDE)
        other.rename(folder)
        put_back(folder, other)
    for parent in {folder.absolute().parent, other.absolute().parent}:
        flush(parent)


def put_back(folder: Path, other: Path) -> bool:
    """End an exchange by renames that was cut short; return whether there was one.

    Cut short after the first rename, it is taken back; after the second, completed. Raises
    `ValueError` when something else took the place of the folder between.
    """
    aside = other.parent / ASIDE
    if not aside.exists():
        return False
    if folder.exists() and other.exists():
        raise ValueError(
            f"An edit of this dataset was cut short, and another folder took its place since: "
            f"{folder}. The dataset as it was: {aside}. Move the other folder away and try again."
        )
    aside.rename(other if folder.exists() else folder)
    return True


def _exchanged_at_once(folder: Path, other: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # not Linux, or a C library of before 2018
        return False
    paths = os.fsencode(folder), os.fsencode(other)
    if renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNABLE:
        return False
    raise OSError(number, os.strerror(number), str(folder), None, str(other))
