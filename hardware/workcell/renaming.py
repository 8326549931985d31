"""Gives arms and cameras of a workcell file other names, or lets two cameras exchange theirs.

Changes the file alone: a program that runs on it goes on with the old names until it is restarted.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomlkit

from hardware.calibration.calibration_file import TABLE
from hardware.durable_file import only_writer, replace_file
from hardware.workcell.file import load_workcell
from hardware.workcell.problem import Problem, WorkcellError
from hardware.workcell.view_memory import ViewMemory

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What TOML takes for a key without quotes, and a file system for a name."""

Kind = Literal["arms", "cameras"]

TABLES: dict[Kind, tuple[str, ...]] = {"arms": ("arms",), "cameras": ("cameras", TABLE)}
"""Tables of the file that are keyed by the name of an arm or a camera."""


def rename(path: Path, kind: Kind, old: str, new: str) -> None:
    """Call an arm or a camera `new`; its calibration and the view kept of it go along.

    Comments and order stay. Raises `WorkcellError`, and writes nothing, as `check_rename`.
    """
    with only_writer(path):
        text = check_rename(path, kind, old, new)
        _write(path, text, {old: new} if kind == "cameras" else {})


def check_rename(path: Path, kind: Kind, old: str, new: str) -> str:
    """What the file would say if an arm or a camera was called `new`.

    Raises `WorkcellError` if there is no `old`, if `new` is taken or no name, or if the file spells
    the name in a way that is not understood.
    """
    names = names_in(path, kind)
    if old not in names:
        raise _nothing(path, f"there is no {old!r}.", f"The {kind} are {', '.join(names)}.")
    if new in names:
        raise _nothing(path, f"{new!r} is there already.", "Swap the two, or choose another.")
    if not NAME.fullmatch(new):
        fix = "Use letters, digits, dashes and underscores, the first no dash."
        raise _nothing(path, f"{new!r} cannot be a name.", fix)
    return renamed(path.read_text(encoding="utf-8"), TABLES[kind], old, new)


def swap_cameras(path: Path, one: str, other: str) -> None:
    """Let two cameras exchange all that the file says of them, their calibrations too.

    Raises `WorkcellError`, and writes nothing, if there are no such two.
    """
    with only_writer(path):
        names = names_in(path, "cameras")
        if one == other or one not in names or other not in names:
            fix = f"Choose two of {', '.join(names)}."
            raise _nothing(path, f"{one!r} and {other!r} are not two cameras.", fix)
        text = swapped(path.read_text(encoding="utf-8"), one, other)
        _write(path, text, {one: other, other: one})


def _write(path: Path, text: str, cameras: Mapping[str, str]) -> None:
    """Let the file say `text`, and kept views go along with `cameras`, new names by the old ones.

    The views come first: what does not get that far leaves names and views as they were. Raises
    `OSError` if either cannot be written.
    """
    views = ViewMemory(path)
    views.rename(cameras)
    try:
        replace_file(path, text.encode())
    except OSError:
        if path.read_text(encoding="utf-8") != text:
            views.rename({new: old for old, new in cameras.items()})
        raise


def names_in(path: Path, kind: Kind) -> list[str]:
    """The names of arms or cameras, in the file's order. Raises `WorkcellError`."""
    workcell = load_workcell(path)
    return [each.name for each in (workcell.arms if kind == "arms" else workcell.cameras)]


def renamed(text: str, tables: Sequence[str], old: str, new: str) -> str:
    """`text` where every header of `tables` says `new` for `old`, checked to change nothing else.

    Raises `WorkcellError` if the name is not in headers, as in `arms = {left = ...}`.
    """
    header = re.compile(
        rf"^(\s*\[\s*(?:{'|'.join(tables)})\s*\.\s*)([\"']?){re.escape(old)}\2(?=\s*[.\]])", re.M
    )
    changed = header.sub(lambda found: found[1] + new, text)
    wanted: dict[str, Any] = tomllib.loads(text)
    for table in tables:
        if table in wanted:
            wanted[table] = {new if key == old else key: of for key, of in wanted[table].items()}
    if tomllib.loads(changed) != wanted:
        fix = f"Give {old} a header of its own, [{tables[0]}.{old}], or rename it by hand."
        problem = Problem(f"[{tables[0]}]", f"{old!r} is not named by a header.", fix)
        raise WorkcellError("Nothing was written.", [problem])
    return changed


def swapped(text: str, one: str, other: str) -> str:
    """`text` with what it says of two cameras exchanged, checked to change nothing else.

    Raises `WorkcellError` if they are written in a way that is not understood.
    """
    wanted: dict[str, Any] = tomllib.loads(text)
    document = tomlkit.parse(text)
    for name in TABLES["cameras"]:
        if name in wanted:
            _exchange(wanted[name], one, other)
            _exchange(document[name], one, other)
    changed = tomlkit.dumps(document)
    if tomllib.loads(changed) != wanted:
        fix = f"Give both a header of their own, [cameras.{one}], or swap them by hand."
        problem = Problem("[cameras]", f"{one} and {other} are written in other ways.", fix)
        raise WorkcellError("Nothing was written.", [problem])
    return changed


def _exchange(tables: Any, one: str, other: str) -> None:  # noqa: ANN401 - plain or tomlkit's own
    """Let two tables say what the other did; each keeps its place, and comments of its own."""
    said = {each: dict(tables[each].items()) for each in (one, other) if each in tables}
    for each, whose in ((one, other), (other, one)):
        if whose not in said:
            tables.pop(each, None)
            continue
        table = tables.setdefault(each, {})
        for key in [key for key in table if key not in said[whose]]:
            table.pop(key)
        for key, value in said[whose].items():
            table[key] = value


def _nothing(path: Path, what: str, fix: str) -> WorkcellError:
    return WorkcellError("Nothing was written.", [Problem(str(path), what, fix)])
