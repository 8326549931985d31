"""How much of DYNAMIXEL Protocol 2.0 is covered: `PYTHONPATH=. python FILE`."""

import sys

from protocol_coverage import OF_THE_MANUAL, coverage, named_registers
from servo_bus.packets import Error, Instruction
from servo_bus.table import MODELS as EMULATED
from test_servo_packets import PUBLISHED, STATUSES

from hardware.dynamixel.control_table import MODELS


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    used = coverage()
    emulated = frozenset(Instruction) - {Instruction.STATUS}
    items = EMULATED["XM430-W350"].items
    say(f"instructions of the e-manual: {len(OF_THE_MANUAL)}, emulated {len(emulated)}")
    names = ", ".join(sorted(each.name.lower().replace("_", " ") for each in used.instructions))
    say(f"  used by the drivers: {len(used.instructions)}: {names}")
    say(f"error numbers: {len(Error) - 1}, answered by the emulation {len(Error) - 2} (not CRC)")
    say(f"published example packets, equal bit for bit: {len(PUBLISHED) + len(STATUSES) + 2}")
    say(f"items of an XM430's control table emulated: {len(items)}")
    say(f"  named in the drivers' own table, at the same addresses: {len(named_registers())}")
    say(f"  read or written in the life of an arm: {len(used.registers)}")
    say(f"servo models known {len(MODELS)}, emulated {len(EMULATED)}: {', '.join(EMULATED)}")


if __name__ == "__main__":
    main()
