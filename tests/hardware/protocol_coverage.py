"""What of DYNAMIXEL Protocol 2.0 the drivers use, found by letting them do all that they can do."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from servo_bus.arms import viperx, widowx
from servo_bus.bus import ServoBus
from servo_bus.clock import BenchClock
from servo_bus.packets import Instruction
from servo_bus.servo import OVERHEAT_ERROR, Servo
from servo_bus.table import MODELS

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.dynamixel_setup import align_shadows, find_servos, set_up_servo
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER, ALOHA_2023_LEADER, VIPERX_300S
from hardware.arms.leader import DynamixelLeader
from hardware.dynamixel import control_table as table

REPLY_SECS = 0.25

OF_THE_MANUAL = frozenset(Instruction) - {Instruction.STATUS} | {0x20}
"""Instructions of the e-manual's list; 0x20, Control Table Backup, is not emulated."""

SPANS = frozenset(
    {Instruction.READ, Instruction.SYNC_READ, Instruction.FAST_SYNC_READ, Instruction.SYNC_WRITE}
)
"""Instructions that say an address and a length."""


@dataclass(frozen=True)
class Coverage:
    """What came over the wire in one life of a follower, a leader and a new motor."""

    instructions: frozenset[Instruction]
    registers: frozenset[str]
    """Names of the items of a control table that were read or written one by one or together."""


def coverage() -> Coverage:
    """Let every driver do everything once."""
    heard: Counter[tuple[int, bytes]] = Counter()
    for live in (_follower, _leader, _new_motor):
        heard += live()
    found = {Instruction(number) for number, _ in heard}
    return Coverage(frozenset(found), frozenset(_registers(heard)))


def named_registers() -> set[str]:
    """The registers of the drivers' own table, as the emulation calls them."""
    spelled = {"maximum": "max", "minimum": "min", " ": "_"}
    found = set()
    for each in vars(table).values():
        if isinstance(each, table.Register):
            name = each.name.lower()
            for word, short in spelled.items():
                name = name.replace(word, short)
            found.add(name)
    return found


def _follower() -> Counter[tuple[int, bytes]]:
    clock = BenchClock()
    with viperx(clock=clock.now) as bus:
        bus[3].position += 20
        align_shadows(ALOHA_2023_FOLLOWER, bus.path, reply_secs=REPLY_SECS)
        line = Line(bus.path, reply_secs=REPLY_SECS)
        arm = DynamixelFollower(ALOHA_2023_FOLLOWER, line, clock=clock)
        arm.connect()
        arm.write_positions(arm.read_positions())
        bus.faults.add("corrupt")
        arm.read_positions()
        bus[7].fail(OVERHEAT_ERROR)
        arm.reboot("wrist_angle")
        arm.resume()
        arm.disconnect()
        return bus.heard


def _leader() -> Counter[tuple[int, bytes]]:
    clock = BenchClock()
    with widowx(clock=clock.now) as bus:
        line = Line(bus.path, reply_secs=REPLY_SECS)
        arm = DynamixelLeader(ALOHA_2023_LEADER, line, gravity_help=0.5, clock=clock)
        arm.connect()
        assert np.isfinite(arm.read_positions()).all()
        arm.disconnect()
        return bus.heard


def _new_motor() -> Counter[tuple[int, bytes]]:
    with ServoBus([Servo(MODELS["XM540-W270"], 1)]) as bus:
        (found,) = find_servos(bus.path, reply_secs=REPLY_SECS)
        motor = VIPERX_300S[2]
        set_up_servo(bus.path, found, new_id=3, motor=motor, reply_secs=REPLY_SECS)
        return bus.heard


def _registers(heard: Counter[tuple[int, bytes]]) -> set[str]:
    items = MODELS["XM430-W350"].items
    found = set()
    for instruction, params in heard:
        if instruction not in SPANS and instruction != Instruction.WRITE:
            continue
        address = int.from_bytes(params[:2], "little")
        # A write says no length: it is one register, the one that begins there.
        length = int.from_bytes(params[2:4], "little") if instruction in SPANS else 1
        found |= {
            name for name, item in items.items() if address <= item.address < address + length
        }
    return found
