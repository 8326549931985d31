"""`python -m hardware.check [WORKCELL]`: find, open and time every device; say all that is wrong.

Without a file it looks at what is plugged in. Gives no torque; changes motors only when told to by
`--align` or `--new-id`.
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import tyro

from hardware.arms.dynamixel_setup import align_shadows
from hardware.arms.interbotix import ARM_MODELS, BAUD
from hardware.dynamixel.port import REPLY_SECS
from hardware.interfaces import HardwareError
from hardware.workcell.arm_search import FoundArm, search_arms
from hardware.workcell.camera_search import FoundCameras, search_cameras
from hardware.workcell.draft import draft_workcell
from hardware.workcell.entries import ArmEntry, Workcell
from hardware.workcell.examination import Examination, examine, examine_arms
from hardware.workcell.file import load_workcell
from hardware.workcell.machine import Machine
from hardware.workcell.motor_set_up import carry_out, plan_motor
from hardware.workcell.problem import Problem, numbered
from hardware.workcell.remembering import remember
from hardware.workcell.rules import broken_rules
from hardware.workcell.serial_devices import device_at, find_serial_devices
from hardware.workcell.sides import put_sides_right
from hardware.workcell.udev_rules import udev_rules
from hardware.workcell.writing import save_workcell

OF_A_FILE, WITHOUT_A_FILE = ("sides", "remember", "align"), ("write", "new_id")
ORDERS = (*OF_A_FILE, *WITHOUT_A_FILE, "udev")
"""What can be asked for beside looking; one at a time."""

NAME = "aloha"


@dataclass(frozen=True, slots=True)
class Options:
    """Look a workcell over, or look for its devices, and say everything that is wrong at once.

    Returns 0 if nothing is wrong, 1 if something is, 2 if the file cannot be used.
    """

    workcell: tyro.conf.Positional[Path | None] = None
    """A workcell file. Without one, everything that is plugged in is looked for."""
    write: Path | None = None
    """Write what was found into this new workcell file."""
    name: str | None = None
    """What the new workcell is called, in its datasets too; aloha by default. For --write."""
    kit: Literal["aloha_2023", "interbotix"] | None = None
    """Whose grippers the arms have, for --write; motors cannot tell those of followers."""
    udev: bool = False
    """Print udev rules: names by serial number, permissions, latency."""
    sides: bool = False
    """Find out by moving arms by hand which is left and which is right, and write it down."""
    remember: bool = False
    """Store what the motors say of themselves, now or anew: a swapped cable is refused then."""
    align: str | None = None
    """Name a loose arm whose second motors of shoulder and elbow shall count as the first do."""
    new_id: tuple[str, int] | None = None
    """PORT ID: make the one servo on this port that motor of an arm: ID, baud rate, direction,
    secondary ID, limits."""
    baud: int | None = None
    """The new motor's baud rate; 1000000 by default. For --new-id."""
    reply_ms: float = 1e3 * REPLY_SECS
    """What a reply may take beyond its bytes, while searching."""


def main(options: Options, machine: Machine | None = None) -> int:
    """Do what the options say. Returns the exit status."""
    here = machine or Machine()
    try:
        _check_orders(options)
        if options.new_id is not None:
            port, id_ = options.new_id
            baud = BAUD if options.baud is None else options.baud
            return _set_up(port, id_, baud, options.reply_ms / 1e3)
        if options.workcell is None:
            return _search(options, here)
        workcell = load_workcell(options.workcell)
        return _work(options, options.workcell, workcell, here)
    except (ValueError, HardwareError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _check_orders(options: Options) -> None:
    """Raise `ValueError` for orders that do not go together, rather than forget one."""
    given = [name for name in ORDERS if getattr(options, name) not in (None, False)]
    spelt = [_spelt(name) for name in given]
    if len(given) > 1:
        raise ValueError(f"One order at a time, got {' and '.join(spelt)}. Nothing was done.")
    with_file = options.workcell is not None
    if given and given[0] in (OF_A_FILE if not with_file else WITHOUT_A_FILE):
        needs = "goes without a workcell file" if with_file else "needs a workcell file"
        raise ValueError(
            f"{spelt[0]} {needs}: `{'' if with_file else 'FILE '}{spelt[0]}`. Nothing was done."
        )
    lone = [_spelt(name) for name in ("name", "kit") if getattr(options, name) is not None]
    if lone and options.write is None:
        raise ValueError(f"{lone[0]} goes with --write, for a new file. Nothing was done.")
    if options.baud is not None and options.new_id is None:
        raise ValueError("--baud goes with --new-id, for a new motor. Nothing was done.")


def _spelt(order: str) -> str:
    return "--" + order.replace("_", "-")


def _work(options: Options, path: Path, workcell: Workcell, machine: Machine) -> int:
    if options.udev:
        return _print_rules(workcell, machine)
    if options.sides:
        for line in put_sides_right(path, workcell, machine, ask=_ask):
            _say(line)
        return 0
    if options.align is not None:
        return _align(workcell, options.align)
    if options.remember:
        return _remember(path, workcell, machine)
    return _tell(workcell, examine(workcell, machine))


def _print_rules(workcell: Workcell, machine: Machine) -> int:
    ports = {arm.name: arm.port for arm in workcell.arms if Path(arm.port).exists()}
    _say(udev_rules({name: device_at(machine, port).serial for name, port in ports.items()}))
    lost = [arm for arm in workcell.arms if arm.name not in ports]
    for arm in lost:
        sys.stderr.write(f"{arm.name}: there is nothing at {arm.port}, so it gets no rule.\n")
    return 1 if lost else 0


def _search(options: Options, machine: Machine) -> int:
    if options.udev:
        devices = find_serial_devices(machine)
        _say(udev_rules({f"arm_{each.serial}": each.serial for each in devices if each.serial}))
        return 0
    arms, problems = search_arms(machine, reply_secs=options.reply_ms / 1e3)
    cameras = search_cameras(machine)
    _list(arms, cameras)
    if options.write is not None:
        problems += _write(options, options.write, arms, cameras)
    return _conclude([*problems, *cameras.problems])


def _write(
    options: Options, path: Path, arms: list[FoundArm], cameras: FoundCameras
) -> list[Problem]:
    """Write a file of what was found. Returns why it cannot be used yet."""
    workcell, remarks = draft_workcell(
        arms, cameras, name=options.name or NAME, kit=options.kit, reply_secs=options.reply_ms / 1e3
    )
    if not workcell.arms_of("follower"):
        return [Problem(str(path), "not written: no follower arm was found.", "See above.")]
    save_workcell(path, workcell, remarks)
    _say("\n".join([f"Written: {path}", *remarks]))
    return broken_rules(workcell)


def _set_up(port: str, new_id: int, new_baud: int, reply_secs: float) -> int:
    for line in carry_out(plan_motor(port, new_id, new_baud=new_baud, reply_secs=reply_secs)):
        _say(line)
    return 0


def _list(arms: list[FoundArm], cameras: FoundCameras) -> None:
    for arm in arms:
        what = " or ".join(ARM_MODELS[model].name for model in arm.models) or "no arm we know"
        firmware = sorted({servo.firmware for servo in arm.servos})
        _say(f"{arm.device.port}: {len(arm.servos)} motors, firmware {firmware}: {what}")
    for each in cameras.realsenses:
        _say(f"{each.name} {each.serial}, USB {each.usb}, firmware {each.firmware}")
    for video in cameras.videos:
        _say(str(video))


def _remember(path: Path, workcell: Workcell, machine: Machine) -> int:
    """Store every arm that answers as its model does, whatever was stored of it before."""
    nothing_known = tuple(replace(arm, fingerprints=()) for arm in workcell.arms)
    examination = examine_arms(replace(workcell, arms=nothing_known), machine)
    prints = {each.name: each.fingerprints for each in examination.arms if each.fingerprints}
    for line in remember(path, workcell, prints):
        _say(line)
    lost = [report for report in examination.arms if not report.fingerprints]
    return _conclude([problem for report in lost for problem in report.problems])


def _align(workcell: Workcell, name: str) -> int:
    arm: ArmEntry | None = next((arm for arm in workcell.arms if arm.name == name), None)
    if arm is None or arm.model not in ARM_MODELS:
        names = [arm.name for arm in workcell.arms if arm.model in ARM_MODELS]
        raise ValueError(f"Expected one of {names}, got {name!r}.")
    model = ARM_MODELS[arm.model]
    for motor, offset in align_shadows(
        model, arm.port, baud=arm.baud, reply_secs=arm.reply_secs
    ).items():
        _say(f"{name}: homing offset of {motor} is {offset} ticks now.")
    _say("Store the motors' fingerprints anew: --remember.")
    return 0


def _tell(workcell: Workcell, examination: Examination) -> int:
    _say(f"{workcell.name}:")
    for report in (*examination.arms, *examination.cameras):
        _say(f"  {report}")
    return _conclude(examination.problems)


def _conclude(problems: list[Problem]) -> int:
    if not problems:
        _say("Nothing is wrong.")
        return 0
    _say(f"\n{len(problems)} to put right:\n{numbered(problems)}")
    return 1


def _ask(words: str) -> None:
    _say(words)
    sys.stdin.readline()


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m hardware.check")))
