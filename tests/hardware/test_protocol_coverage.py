"""How much of the protocol the drivers use; that the emulation has all of it, for each model."""

import pytest
from protocol_coverage import OF_THE_MANUAL, coverage, named_registers
from servo_bus.bus import ServoBus as EmulatedBus
from servo_bus.packets import Instruction
from servo_bus.servo import Servo
from servo_bus.table import MODELS

from hardware.dynamixel import control_table as table
from hardware.dynamixel.bus import BusError, ServoBus
from hardware.dynamixel.port import SerialPort

OF_CURRENT = (table.CURRENT_LIMIT, table.GOAL_CURRENT)


def test_all_that_the_drivers_ask_for_is_emulated():
    used = coverage()
    assert used.instructions == {
        Instruction.PING,
        Instruction.READ,
        Instruction.WRITE,
        Instruction.REBOOT,
        Instruction.SYNC_READ,
        Instruction.SYNC_WRITE,
        Instruction.FAST_SYNC_READ,
    }
    assert used.registers == named_registers() <= MODELS["XM430-W350"].items.keys()
    assert len(OF_THE_MANUAL) == 15


@pytest.mark.parametrize("name", MODELS)
def test_every_register_of_the_drivers_table_is_there_in_every_model(name):
    emulated = MODELS[name]
    model = table.MODELS[emulated.number]
    registers = [each for each in vars(table).values() if isinstance(each, table.Register)]
    with EmulatedBus([Servo(emulated, 1)]) as servos:
        bus = ServoBus(SerialPort(servos.path, baud=57_600, reply_secs=0.25))
        bus.open()
        assert bus.ping(1) == model.number
        for register in registers:
            bus.read(1, register)
        for register in OF_CURRENT:
            if model.ampere is None:
                with pytest.raises(BusError, match="refuses access"):
                    bus.write(1, register, 100)
            else:
                bus.write(1, register, 100)
                assert bus.read(1, register) == 100
        fast = bus.sync_read([1], table.PRESENT_POSITION.address, 4, fast=True)
        assert table.PRESENT_POSITION.decode(fast[1].data) == 2048
        bus.close()
