"""commands.jsonl: every change of a command, one line each. Knows no database."""

from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any

from recordings.disk import append_line, parse_object, whole_lines
from recordings.tables import Command

COMMANDS = "commands.jsonl"

COLUMNS = {column.key: column for column in Command.__table__.columns if column.key != "id"}


def keep_command(data_dir: Path, command: Command) -> None:
    """Add what is true of `command` now; it is on the disk when this returns."""
    fields = {name: getattr(command, name) for name in COLUMNS}
    append_line(data_dir / COMMANDS, fields | {"said_at": command.said_at.isoformat()})


def read_commands(data_dir: Path) -> tuple[list[Command], list[str]]:
    """Return every command as its last line tells, and the lines that tell nothing, in words."""
    newest: dict[str, Command] = {}
    problems = []
    for number, line in enumerate(whole_lines(data_dir / COMMANDS), start=1):
        try:
            command = _command(parse_object(line))
        except ValueError as error:
            problems.append(f"{COMMANDS}, line {number}: {error}")
        else:
            newest[command.key] = command
    return list(newest.values()), problems


def _command(fields: dict[str, Any]) -> Command:
    if not fields.keys() <= COLUMNS.keys():
        raise ValueError(f"Expected no fields but {sorted(COLUMNS)}, got {sorted(fields)}.")
    kept: dict[str, Any] = dict.fromkeys(COLUMNS) | fields
    kept["said_at"] = datetime.fromisoformat(str(kept["said_at"]))
    for name, column in COLUMNS.items():
        kind = column.type.python_type
        if isinstance(kept[name], (kind, NoneType) if column.nullable else kind):
            continue
        raise ValueError(f"Expected {name} as {kind.__name__}, got {kept[name]!s:.200}")
    return Command(**kept)
