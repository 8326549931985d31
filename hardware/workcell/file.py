"""Reads a workcell's TOML file, with all its problems at once. Opens no device."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from hardware.arms.dynamixel import Farewell
from hardware.arms.dynamixel_line import LONGEST_SILENCE_SECS, SILENCE_SECS
from hardware.arms.interbotix import BAUD
from hardware.arms.leader import MOST_HELP
from hardware.calibration.calibration_file import load_calibrations
from hardware.dynamixel.control_table import BAUD_RATES, WATCHDOG_SECS
from hardware.dynamixel.motors import Fingerprint
from hardware.dynamixel.port import REPLY_SECS
from hardware.workcell.entries import (
    CAMERA_KINDS,
    CONTROL_HZ,
    MODELS,
    ROLES,
    SIDES,
    SO101,
    ArmEntry,
    CameraEntry,
    CameraKind,
    ChannelLimit,
    Role,
    Side,
    Workcell,
)
from hardware.workcell.problem import Problem, WorkcellError
from hardware.workcell.rules import broken_rules
from hardware.workcell.table_reader import TableReader


def load_workcell(path: Path) -> Workcell:
    """Read a workcell file. Raises `WorkcellError` with every problem and the fix for each.

    Paths of films, pictures and calibrations are taken from the file's own folder.
    """
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        fix = "`python -m hardware.check --write FILE` writes one of what is plugged in."
        raise WorkcellError(
            "The workcell file cannot be read.", [Problem(str(path), f"{error.strerror}.", fix)]
        ) from error
    except ValueError as error:
        raise WorkcellError(
            "The workcell file is not TOML.", [Problem(str(path), f"{error}.", "Mend that line.")]
        ) from error
    problems: list[Problem] = []
    unread: set[str] = set()
    workcell = _workcell(document, path.parent, problems, unread)
    problems += broken_rules(workcell, unread)
    try:
        load_calibrations(path)
    except ValueError as error:
        fix = "Remove this table, then calibrate that camera anew."
        problems.append(Problem("[calibration]", str(error), fix))
    if problems:
        raise WorkcellError(f"The workcell file {path} has to be mended:", problems)
    return workcell


def _workcell(
    document: Mapping[str, Any], folder: Path, problems: list[Problem], unread: set[str]
) -> Workcell:
    top = TableReader("the file", document, problems)
    name = top.text("name")
    hz = top.number("control_hz", 5, 200, CONTROL_HZ)
    arms = [
        _arm(each, TableReader(f"[arms.{each}]", table, problems), folder, unread)
        for each, table in top.tables("arms").items()
    ]
    cameras = [
        _camera(each, TableReader(f"[cameras.{each}]", table, problems), folder)
        for each, table in top.tables("cameras").items()
    ]
    limits = {
        each: _limit(TableReader(f"[limits.{each}]", table, problems))
        for each, table in top.tables("limits").items()
    }
    top.raw("calibration")  # `hardware.calibration.calibration_file` reads it
    top.end()
    return Workcell(name, tuple(arms), tuple(cameras), hz, limits)


def _arm(name: str, table: TableReader, folder: Path, unread: set[str]) -> ArmEntry:
    before = len(table.problems)
    model = table.choice("model", MODELS)
    role = cast("Role", table.choice("role", ROLES))
    side = cast("Side", table.choice("side", SIDES))
    if len(table.problems) > before:
        unread.add(name)
    port = table.text("port")
    reply = table.number("reply_secs", 0.001, 1.0, REPLY_SECS)
    entry = ArmEntry(name, model, role, side, port, reply_secs=reply)
    if model == SO101:
        calibration = _beside(folder, table.text("calibration"))
        entry = ArmEntry(name, model, role, side, port, BAUD, reply, calibration=calibration)
    else:
        entry = _dynamixel(entry, table)
    table.end()
    return entry


def _dynamixel(plain: ArmEntry, table: TableReader) -> ArmEntry:
    baud = table.whole("baud", BAUD_RATES[0], BAUD_RATES[-1], BAUD)
    silence, farewell, gravity_help = SILENCE_SECS, "rest", 0.0
    if plain.role == "follower":
        silence = table.number("silence_secs", WATCHDOG_SECS, LONGEST_SILENCE_SECS, SILENCE_SECS)
        farewell = table.choice("farewell", ("rest", "hold"), "rest")
    else:
        gravity_help = table.number("gravity_help", 0, MOST_HELP, 0.0)
    return ArmEntry(
        plain.name,
        plain.model,
        plain.role,
        plain.side,
        plain.port,
        baud,
        plain.reply_secs,
        silence,
        cast("Farewell", farewell),
        gravity_help,
        fingerprints=_fingerprints(table),
    )


def _fingerprints(table: TableReader) -> tuple[Fingerprint, ...]:
    entries = table.raw("fingerprints") or []
    try:
        return tuple(Fingerprint.from_json(entry) for entry in entries)
    except (ValueError, TypeError, AttributeError) as error:
        table.note(
            f"fingerprints cannot be read: {error}",
            "Remove them, then store them anew: `python -m hardware.check FILE --remember`.",
        )
        return ()


def _camera(name: str, table: TableReader, folder: Path) -> CameraEntry:
    kind = cast("CameraKind", table.choice("kind", CAMERA_KINDS))
    height, width = table.whole("height", 16, 4320, 480), table.whole("width", 16, 7680, 640)
    fps = table.number("fps", 1, 240, 30)
    serial, path, fourcc, depth = "", "", "MJPG", False
    options: dict[str, int | float] = {}
    if kind == "realsense":
        fps = round(fps)
        serial, depth, options = table.text("serial"), table.flag("depth"), table.numbers("options")
    elif kind == "uvc":
        serial, path = table.text("serial", ""), table.text("path", "")
        fourcc, options = table.text("fourcc", "MJPG"), table.numbers("options")
    else:
        path = _beside(folder, table.text("path"))
    table.end()
    return CameraEntry(name, kind, height, width, fps, serial, path, fourcc, depth, options)


def _limit(table: TableReader) -> ChannelLimit:
    limit = ChannelLimit(table.maybe("low"), table.maybe("high"), table.maybe("max_rate"))
    table.end()
    return limit


def _beside(folder: Path, path: str) -> str:
    return str(folder / path) if path else ""
