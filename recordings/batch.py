"""Files that belong together: written aside, brought to the disk at once, shown one by one."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from pathlib import Path
from typing import Any

from recordings.closing import Closing
from recordings.disk import appear, flush, make_folder


class Batch(Closing):
    """Files that appear in an order, in as few waits for the disk as that order allows.

    A disk takes as long to settle one file as to settle ten at once, so they settle together.
    What has not appeared at the end of the block is removed.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._temporary: dict[Path, Path] = {}

    def aside(self, path: Path) -> Path:
        """Return where to write what shall be at `path`."""
        make_folder(path.parent)
        self._temporary[path] = path.with_name(f".{path.name}.part")
        return self._temporary[path]

    def settle(self, *others: Callable[[], object]) -> None:
        """Return once all that was written aside is on the disk, and `others` are done."""
        files = [path for path in self._temporary.values() if path.exists()]
        tasks = [self._executor.submit(flush, path) for path in files]
        _all([*tasks, *(self._executor.submit(other) for other in others)])

    def link(self, file: Path, path: Path) -> None:
        """Let the finished `file` be shown at `path` too; a copy if the disk has no links.

        It stays where it is: a batch that fails, or is killed, takes nothing away.
        """
        temporary = self.aside(path)
        temporary.unlink(missing_ok=True)
        try:
            os.link(file, temporary)
        except OSError:
            if not file.exists():
                raise
            shutil.copyfile(file, temporary)

    def show(self, *paths: Path) -> None:
        """Make `paths` appear in this order, at their places on the disk when this returns."""
        for path in paths:
            appear(self._temporary[path], path)
        _all([self._executor.submit(flush, folder) for folder in {path.parent for path in paths}])

    def __contains__(self, path: Path) -> bool:
        return path in self._temporary

    def close(self) -> None:
        """Remove what has not appeared. Safe to call twice."""
        for temporary in self._temporary.values():
            if temporary.is_file():
                temporary.unlink()


def _all(tasks: list[Future[Any]]) -> None:
    """Wait for every one of `tasks`, then raise what any of them raised."""
    wait(tasks)
    for task in tasks:
        task.result()
