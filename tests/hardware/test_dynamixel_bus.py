"""The driver's bus against the emulated one: tables, retries, blame, ports."""

import pytest
from servo_bus.arms import viperx
from servo_bus.bus import ServoBus as EmulatedBus
from servo_bus.clock import BenchClock
from servo_bus.servo import Servo
from servo_bus.table import MODELS as EMULATED_MODELS

from hardware.dynamixel import control_table as table
from hardware.dynamixel.bus import BusError, ServoBus
from hardware.dynamixel.control_table import MODELS, Register
from hardware.dynamixel.latency_timer import latency_msec, latency_problem
from hardware.dynamixel.port import SerialPort
from hardware.interfaces import HardwareError

IDS = list(range(1, 10))
REPLY_SECS = 0.25
POSITION = table.PRESENT_POSITION


@pytest.fixture
def emulated():
    with viperx(clock=BenchClock().now) as bus:
        yield bus


@pytest.fixture
def bus(emulated):
    bus = ServoBus(SerialPort(emulated.path, baud=1_000_000, reply_secs=REPLY_SECS), {4: "elbow"})
    bus.open()
    yield bus
    bus.close()


def places(bus, *, fast=False):
    replies = bus.sync_read(IDS, POSITION.address, POSITION.size, fast=fast)
    return [POSITION.decode(reply.data) for reply in replies.values()]


RESTING = [2048, 876, 876, 3058, 3058, 2048, 2570, 2048, 2100]


def test_the_drivers_table_is_the_emulators():
    items = EMULATED_MODELS["XM430-W350"].items
    spelled = {name.replace("_", " "): item for name, item in items.items()}
    own = {
        each.name.lower().replace("maximum", "max").replace("minimum", "min"): each
        for each in vars(table).values()
        if isinstance(each, Register)
    }
    assert len(own) > 25
    for name, register in own.items():
        item = spelled[name]
        assert (register.address, register.size) == (item.address, item.size), name
        if name != "bus watchdog":
            assert register.signed == item.signed, name


def test_the_drivers_models_are_the_emulators():
    for emulated in EMULATED_MODELS.values():
        model = MODELS[emulated.number]
        assert model.name == emulated.name
        assert (model.ampere is not None) == ("current_limit" in emulated.items)
        assert (model.fast_read_firmware is not None) == emulated.fast_read


def test_a_search_finds_every_servo(bus):
    assert [(found.id, found.model_number) for found in bus.search()] == [
        (id_, 1120 if id_ < 8 else 1020) for id_ in IDS
    ]


@pytest.mark.parametrize("fast", [False, True])
def test_many_servos_are_read_at_once(bus, fast):
    assert places(bus, fast=fast) == RESTING


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("kind", ["noise", "drop", "wrong_id", "corrupt", "truncate"])
def test_one_bad_reply_is_asked_for_again(bus, emulated, kind, fast):
    emulated.faults.add(kind, id_=4)
    assert places(bus, fast=fast) == RESTING


def test_a_late_reply_is_not_taken_for_another(bus, emulated):
    emulated.faults.add("delay", id_=4, secs=REPLY_SECS * 1.2)
    assert len(bus.read_span(4, 64, 83).data) == 83
    assert places(bus) == RESTING
    assert places(bus, fast=True) == RESTING


@pytest.mark.parametrize("kind", ["drop", "wrong_id", "corrupt", "truncate"])
def test_three_bad_replies_in_a_row_name_the_servo(bus, emulated, kind):
    emulated.faults.add(kind, times=3, id_=4)
    with pytest.raises(BusError, match=r"motor 4 \(elbow\) gave no good answer 3 times") as error:
        places(bus, fast=True)
    assert error.value.ids == (4,)
    assert places(bus) == RESTING


def test_a_missing_servo_is_named_although_those_behind_it_are_silent_too(bus, emulated):
    emulated[4].powered = False
    with pytest.raises(BusError, match=r"motor 4 \(elbow\)") as error:
        places(bus, fast=True)
    assert error.value.ids == (4,)


def test_old_firmware_is_read_the_plain_way_in_the_same_call(bus, emulated):
    emulated[6].poke("firmware_version", 42)
    assert places(bus, fast=True) == RESTING


def test_a_refused_write_says_why(bus):
    with pytest.raises(BusError, match="beyond the limit set in its memory: goal position = 4000"):
        bus.write(2, table.GOAL_POSITION, 4000)


def test_a_value_that_looks_like_a_header_arrives_whole():
    # -131073 is FF FF FD FF: the SDK of 4.1.0 would send it unstuffed, and be misunderstood.
    with EmulatedBus([Servo(EMULATED_MODELS["XM430-W350"], 1)]) as emulated:
        emulated[1].poke("operating_mode", 4)
        emulated[1].poke("baud_rate", 3)
        bus = ServoBus(SerialPort(emulated.path, baud=1_000_000, reply_secs=REPLY_SECS))
        bus.open()
        bus.write(1, table.GOAL_POSITION, -131_073)
        assert emulated[1].peek("goal_position") == -131_073
        assert bus.read(1, table.GOAL_POSITION) == -131_073
        bus.sync_write(table.GOAL_POSITION, {1: -131_074})
        assert bus.read(1, table.GOAL_POSITION) == -131_074
        bus.close()


def test_a_pulled_cable_is_said_to_be_one(bus, emulated):
    emulated.unplug()
    with pytest.raises(HardwareError, match="was the USB cable pulled"):
        places(bus)


def test_a_port_that_is_not_there_or_taken_is_said_to_be(bus, emulated, tmp_path):
    with pytest.raises(HardwareError, match="plug the arm's USB cable in"):
        SerialPort(str(tmp_path / "ttyDXL"), baud=1_000_000).open()
    with pytest.raises(HardwareError, match="Another program uses it"):
        SerialPort(emulated.path, baud=1_000_000).open()


def test_the_usb_adapters_latency_timer_is_checked(tmp_path):
    device = tmp_path / "bus/usb-serial/devices/ttyUSB0"
    device.mkdir(parents=True)
    timer = device / "latency_timer"
    timer.write_text("16\n")
    assert latency_msec("/dev/ttyUSB0", sysfs=tmp_path) == 16
    assert "tee /sys/bus/usb-serial/devices/ttyUSB0/latency_timer" in latency_problem(
        "/dev/ttyUSB0", sysfs=tmp_path
    )
    timer.write_text("1\n")
    assert latency_problem("/dev/ttyUSB0", sysfs=tmp_path) == ""
    assert latency_msec("/dev/ttyACM0", sysfs=tmp_path) is None
    link = tmp_path / "ttyDXL_follower_left"
    link.symlink_to("/dev/ttyUSB0")
    assert latency_msec(str(link), sysfs=tmp_path) == 1
