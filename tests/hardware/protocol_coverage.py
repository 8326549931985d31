"""What of DYNAMIXEL Protocol 2.0 the drivers use, found by letting them do all that they can do."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

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


@dataclass(frozen=True)
class Coverage:
    """What came over the wire in one life of a follower, a leader and a new motor."""

    instructions: frozenset[Instruction]
    registers: frozenset[str]
    """Those whose value was looked at or given, as the emulation calls them. What only lies within
    a span that was read for others is not among them.
    """


def coverage() -> Coverage:
    """Let every driver do everything once."""
    heard: Counter[tuple[int, bytes]] = Counter()
    with _registers() as named:
        for live in (_follower, _leader, _new_motor):
            heard += live()
    found = {Instruction(number) for number, _ in heard}
    return Coverage(frozenset(found), frozenset(named))


def named_registers() -> set[str]:
    """The registers of the drivers' own table, as the emulation calls them."""
    registers = [each for each in vars(table).values() if isinstance(each, table.Register)]
    return {_as_emulated(each) for each in registers}


def _as_emulated(register: table.Register) -> str:
    name = register.name.lower()
    for word, short in {"maximum": "max", "minimum": "min", " ": "_"}.items():
        name = name.replace(word, short)
    return name


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


@contextmanager
def _registers() -> Iterator[set[str]]:
    """The registers that are decoded and encoded meanwhile."""
    named: set[str] = set()
    decode, encode = table.Register.decode, table.Register.encode

    def decoded(self: table.Register, data: bytes) -> int:
        named.add(_as_emulated(self))
        return decode(self, data)

    def encoded(self: table.Register, value: int) -> bytes:
        named.add(_as_emulated(self))
        return encode(self, value)

    with (
        patch.object(table.Register, "decode", decoded),
        patch.object(table.Register, "encode", encoded),
    ):
        yield named
