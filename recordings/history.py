"""The versions of a dataset before and after each edit, beside it on the disk. Edits nothing."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from recordings import layout
from recordings.disk import flush, put_in_place, write_json
from recordings.exchange import exchange, put_back

VERSION = Path(".version")
"""In a dataset: which version of it this is."""
ANY_VERSION = "any"
"""Said instead of a version by whoever need not have seen it."""
EDIT = "edit.json"
DATASET = "dataset"
"""In an edit's folder: the dataset as it was before; until the edit is done, as it shall be."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a dataset."""

    number: int
    words: str
    """What was done, as one would command it."""
    at: str
    """When, ISO 8601 in UTC."""
    before: str
    """The version that it changed."""
    after: str
    """The version that it made."""
    frames_before: int
    frames_after: int
    episodes_before: int
    episodes_after: int
    deleted: tuple[int, ...] = ()
    """Episodes of the version before of which nothing is left."""
    restored: tuple[tuple[int, int], ...] = field(default=())
    """Edit and episode of what it took back out of the trash."""

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Edit":
        """Rebuild from the fields as JSON."""
        lists = {
            "deleted": tuple(fields["deleted"]),
            "restored": tuple((number, episode) for number, episode in fields["restored"]),
        }
        return cls(**(dict(fields) | lists))


class History:
    """The edits of the dataset at `folder`. They lie in .NAME.history beside it.

    An edit's folder holds the version before it. An edit is done once the dataset and the folder
    it was built in have changed places; until then the dataset is as it was. That is one call of
    the system, so a program killed at any instant leaves one version or the other.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()  # a link stays a link
        self._place = self.folder.with_name(f".{self.folder.name}.history")

    def settle(self) -> None:
        """Finish what a killed edit left undone; call it before the dataset is opened."""
        for home in self._homes():
            put_back(self.folder, home / DATASET)

    def version(self) -> str:
        """Return the name of the version that the dataset is now, giving it one if it has none."""
        found = version_of(self.folder)
        if found is None:
            found = uuid4().hex
            _write_word(self.folder / VERSION, found)
        return found

    def state(self) -> tuple[str | None, list[str]]:
        """Return what every edit, undo and redo changes. Changes nothing itself."""
        return version_of(self.folder), [home.name for home in self._homes()]

    def require_version(self, seen: str | None) -> None:
        """Raise `ValueError` when the dataset is not the version `seen`, of `version_of`."""
        if seen not in (ANY_VERSION, version_of(self.folder)):
            raise ValueError(
                "This dataset was edited meanwhile, so a number may mean another episode now. "
                f"Nothing was changed. Look again, then choose again. Dataset: {self.folder}"
            )

    def done(self) -> list[Edit]:
        """Return the edits that can be undone, oldest first."""
        return [edit for edit, kept in self._edits() if kept == edit.before]

    def undone(self) -> list[Edit]:
        """Return the edits that were undone and can be done again, oldest first."""
        return [edit for edit, kept in self._edits() if kept == edit.after]

    def tidy(self) -> None:
        """Remove what neither undo nor redo reaches; call it while nobody else edits.

        That is what a killed edit left, and edits that were undone before another was done.
        """
        reached = {edit.number for edit in self.done()}
        version = version_of(self.folder)
        for edit in self.undone():
            if edit.before == version:
                reached.add(edit.number)
                version = edit.after
        for home in self._homes():
            if int(home.name) not in reached:
                _remove(home)

    def begin(self) -> tuple[int, Path]:
        """Return the number of a new edit, and the path to build the new version at.

        Edits that were undone stay until this one is done: should it fail, they can be redone.
        """
        number = max((int(home.name) for home in self._homes()), default=0) + 1
        home = self._home(number)
        home.mkdir(parents=True)
        return number, home / DATASET

    def commit(self, edit: Edit) -> None:
        """Let the version that was built take the place of the dataset.

        The built version is named before the edit is described, so that an edit that was cut
        short is never taken for one that is done.
        """
        home = self._home(edit.number)
        _write_word(home / DATASET / VERSION, edit.after)
        write_json(home / EDIT, asdict(edit))
        flush(home)
        flush(self._place)
        exchange(self.folder, home / DATASET)

    def forget_unfinished(self, number: int) -> None:
        """Remove what was built of an edit that failed."""
        self.settle()
        if all(edit.number != number for edit in self.done()):
            _remove(self._home(number))

    def undo(self) -> Edit:
        """Take the last edit back. Raises `ValueError` if there is none, or rows would be lost."""
        self.settle()
        edits = self.done()
        if not edits or edits[-1].after != self.version():
            raise ValueError(f"There is no edit to undo. Dataset: {self.folder}")
        self._require_rows(edits[-1].frames_after, "undone")
        exchange(self.folder, self.kept_version(edits[-1].number))
        return edits[-1]

    def redo(self) -> Edit:
        """Do the last undone edit again. Raises `ValueError` like `undo`."""
        self.settle()
        edits = [edit for edit in self.undone() if edit.before == self.version()]
        if not edits:
            raise ValueError(f"There is no edit to do again. Dataset: {self.folder}")
        self._require_rows(edits[0].frames_before, "done again")
        exchange(self.folder, self.kept_version(edits[0].number))
        return edits[0]

    def kept_version(self, number: int) -> Path:
        """Return the folder of the dataset as it was before edit `number`."""
        return self._home(number) / DATASET

    def purge(self, keep: int) -> list[Edit]:
        """Forget all but the last `keep` edits, and free their disk space; return the forgotten."""
        self.settle()
        edits = self.done()
        forgotten = edits[: max(0, len(edits) - keep)]
        for edit in forgotten:
            _remove(self._home(edit.number))
        return forgotten

    def _require_rows(self, frames: int, done: str) -> None:
        now = layout.read_info(self.folder)["total_frames"]
        if now != frames:
            raise ValueError(
                f"Episodes were recorded since this edit ({now} rows now, {frames} then), which "
                f"would be lost if it were {done}. Deleted episodes can be taken back one by one: "
                f"python -m recordings.edit {self.folder} trash"
            )

    def _edits(self) -> list[tuple[Edit, str | None]]:
        """Return every edit that is described, with the version kept in its folder."""
        homes = self._homes()
        return [(edit, version_of(home / DATASET)) for home in homes if (edit := _edit(home))]

    def _homes(self) -> list[Path]:
        if not self._place.exists():
            return []
        found = (path for path in self._place.iterdir() if path.name.isdigit())
        return sorted(found, key=lambda path: int(path.name))

    def _home(self, number: int) -> Path:
        return self._place / f"{number:06d}"


def version_of(folder: Path) -> str | None:
    """Return the version that the dataset at `folder` is now; None if it was never edited."""
    path = folder / VERSION
    return path.read_text().strip() if path.exists() else None


def name_anew(folder: Path) -> None:
    """Make the dataset at `folder` a version that no edit made; those before are not undone."""
    _write_word(folder / VERSION, uuid4().hex)


def _edit(home: Path) -> Edit | None:
    """Return the edit of a folder; None if it was killed before it was described."""
    path = home / EDIT
    return Edit.from_json(json.loads(path.read_text())) if path.exists() else None


def _remove(home: Path) -> None:
    """Remove an edit's folder; what a kill leaves of it is no edit any more."""
    (home / EDIT).unlink(missing_ok=True)
    shutil.rmtree(home)


def _write_word(path: Path, word: str) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(word + "\n")
    flush(temporary)
    put_in_place(temporary, path)


def now() -> str:
    """Return the time as edits carry it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
