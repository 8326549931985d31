"""Where a repaired dataset is built, and how it takes the place of the torn one."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from recordings import layout
from recordings.disk import flush, make_folder
from recordings.exchange import exchange, put_back
from recordings.film_places import link

MARKER = ".repairing"
"""In a repaired dataset until the torn one, which it came from, has its name as a backup."""


class Repaired:
    """The version of the dataset at `folder` that is being built beside it.

    Which of two folders holds the marker tells a repair that was done from one that was cut short.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._place = self._folder.with_name(f".{self._folder.name}.repairing")
        self._other = self._place / "dataset"

    def begin(self) -> Path:
        """Return the new folder to build in."""
        make_folder(self._other)
        (self._other / MARKER).touch()
        link(self._folder / layout.LOCK, self._other / layout.LOCK)  # one lock, whichever is where
        return self._other

    def put_in_place(self) -> Path:
        """Exchange the two, and return where the torn one is now."""
        exchange(self._folder, self._other)
        return self._finish()

    def settle(self) -> None:
        """Finish what a killed repair left undone: take it back, or complete it."""
        put_back(self._folder, self._other)
        if self._other.exists() and not (self._other / MARKER).exists():
            self._finish()
        elif self._place.exists():
            shutil.rmtree(self._place)
        if self._folder.exists():
            (self._folder / MARKER).unlink(missing_ok=True)

    def _finish(self) -> Path:
        """Name the torn dataset as the backup; what waits for rescue stays with the repaired."""
        if (self._other / layout.OPEN).exists():
            (self._other / layout.OPEN).rename(self._folder / layout.OPEN)
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        backup = self._folder.with_name(f"{self._folder.name}.backup-{stamp}")
        self._other.rename(backup)
        flush(self._folder.parent)
        shutil.rmtree(self._place)
        (self._folder / MARKER).unlink(missing_ok=True)
        return backup
