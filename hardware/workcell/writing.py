"""Writes workcell files: a new one, or one table of one that is there. Comments stay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Item

from hardware.durable_file import change_text, only_writer, replace_file
from hardware.dynamixel.motors import Fingerprint
from hardware.workcell.entries import ArmEntry, CameraEntry, ChannelLimit, Workcell
from hardware.workcell.file import load_workcell
from hardware.workcell.problem import Problem, WorkcellError
from hardware.workcell.rules import broken_rules

HEAD = "A workcell of VLA Studio (docs/workcell.md). Look it over: python -m hardware.check FILE"


def save_workcell(path: Path, workcell: Workcell, remarks: Sequence[str] = ()) -> None:
    """Write a new file, with `remarks` as comments. Raises `WorkcellError` if it is there."""
    document = tomlkit.document()
    for line in (HEAD, *remarks):
        document.add(tomlkit.comment(line))
    document.add("name", tomlkit.item(workcell.name))
    document.add("control_hz", tomlkit.item(workcell.control_hz))
    for kind, entries in (("arms", workcell.arms), ("cameras", workcell.cameras)):
        tables = tomlkit.table(is_super_table=True)
        for entry in entries:
            tables.add(entry.name, _table(entry))
        if entries:
            document.add(kind, tables)
    if workcell.limits:
        document.add("limits", _limits(workcell.limits))
    with only_writer(path):
        if path.exists():
            fix = "Name another file, or remove this one first."
            raise _nothing(path, "it is there already.", fix)
        replace_file(path, tomlkit.dumps(document).encode())


def store_fingerprints(path: Path, prints: Mapping[str, Sequence[Fingerprint]]) -> None:
    """Keep what the motors of arms, by name, say of themselves: another arm is refused then.

    All of them or, raising `WorkcellError`, none: if the file has no such arm any more.
    """

    def change(document: tomlkit.TOMLDocument) -> None:
        for arm, each in prints.items():
            document["arms"][arm]["fingerprints"] = _prints(each)  # type: ignore[index]

    with only_writer(path):
        arms_named(path, tuple(prints))
        _edit(path, change)


def arms_named(path: Path, names: Sequence[str]) -> list[ArmEntry]:
    """What the file says of these arms. Raises `WorkcellError` if one of them is not there."""
    arms = {arm.name: arm for arm in load_workcell(path).arms}
    if missing := [name for name in names if name not in arms]:
        what = f"there is no arm {' or '.join(missing)}."
        raise _nothing(path, what, f"The arms are {', '.join(arms)}: choose among them anew.")
    return [arms[name] for name in names]


def store_limits(path: Path, limits: Mapping[str, ChannelLimit]) -> None:
    """Keep these channels' limits; what they leave open stays, as do those of other channels.

    Raises `WorkcellError`, and writes nothing, if the file would be refused at the next start.
    """

    def change(document: tomlkit.TOMLDocument) -> None:
        tables = document.setdefault("limits", tomlkit.table(is_super_table=True))
        for name, limit in limits.items():
            if name not in tables:
                tables[name] = tomlkit.table()
            for key, value in _said(limit).items():
                tables[name][key] = value

    with only_writer(path):
        workcell = load_workcell(path)
        together = {name: _narrowed(workcell.limits.get(name), limits[name]) for name in limits}
        wrong = broken_rules(replace(workcell, limits={**workcell.limits, **together}))
        if wrong:
            raise WorkcellError("Nothing was written: the file would be refused then.", wrong)
        _edit(path, change)


def _narrowed(before: ChannelLimit | None, limit: ChannelLimit) -> ChannelLimit:
    return replace(before or ChannelLimit(), **_said(limit))


def _said(limit: ChannelLimit) -> dict[str, float | int]:
    return {key: value for key, value in asdict(limit).items() if value is not None}


def swap_ports(path: Path, one: str, other: str) -> None:
    """Let two arms exchange their ports and what was stored of their motors; all else stays.

    Raises `WorkcellError`, and writes nothing, as `check_swap`.
    """

    def change(document: tomlkit.TOMLDocument) -> None:
        first, second = document["arms"][one], document["arms"][other]  # type: ignore[index]
        for field in ("port", "fingerprints"):
            kept = [first.get(field), second.get(field)]  # type: ignore[union-attr]
            for table, value in ((first, kept[1]), (second, kept[0])):
                table.pop(field, None)  # type: ignore[union-attr]
                if value is not None:
                    table[field] = value  # type: ignore[index]

    with only_writer(path):
        check_swap(path, one, other)
        _edit(path, change)


def check_swap(path: Path, one: str, other: str) -> None:
    """Raise `WorkcellError` unless each of two arms fits into the other's place.

    What stays with the name must suit both: role, model and baud rate; and the ranges of an SO-101,
    which are in a file of their own, are those of one arm.
    """
    first, second = arms_named(path, (one, other))
    if one == other:
        raise _nothing(path, f"{one} cannot change places with itself.", "Choose two arms.")
    differing = [
        f"{field} {getattr(first, field)} and {getattr(second, field)}"
        for field in ("role", "model", "baud")
        if getattr(first, field) != getattr(second, field)
    ]
    if differing:
        fix = "Two arms change places that are alike; otherwise edit the file."
        raise _nothing(path, f"{one} and {other} have {', '.join(differing)}.", fix)
    if first.calibration or second.calibration:
        fix = "Edit the file: exchange `port` and `calibration`."
        raise _nothing(path, f"{one} and {other} have ranges of their own.", fix)


def _nothing(path: Path, what: str, fix: str) -> WorkcellError:
    return WorkcellError("Nothing was written.", [Problem(str(path), what, fix)])


def _edit(path: Path, change: Callable[[tomlkit.TOMLDocument], None]) -> None:
    def changed(text: str) -> str:
        document = tomlkit.parse(text)
        change(document)
        return tomlkit.dumps(document)

    change_text(path, changed)


def _table(entry: ArmEntry | CameraEntry) -> Item:
    """The fields that differ from what they are by themselves."""
    table = tomlkit.table()
    for field in fields(entry):
        value: Any = getattr(entry, field.name)
        if field.name == "name" or (
            value == field.default and field.name not in ("height", "width", "fps")
        ):
            continue
        if field.name == "fingerprints":
            value = _prints(value)
        if isinstance(value, Mapping):
            value = dict(value)
        if value not in ({}, ()):
            table.add(field.name, value)
    return table


def _prints(prints: Sequence[Fingerprint]) -> Item:
    array = tomlkit.array()
    for each in prints:
        inline = tomlkit.inline_table()
        inline.update(each.to_json())
        array.append(inline)
    return array.multiline(multiline=True)


def _limits(limits: Mapping[str, ChannelLimit]) -> Any:  # noqa: ANN401 - a table of tables
    tables = tomlkit.table(is_super_table=True)
    for name, limit in limits.items():
        table = tomlkit.table()
        table.update(_said(limit))
        tables.add(name, table)
    return tables
