"""The emulated bus with the makers' own SDK as its client, from port to packets."""

import dynamixel_sdk  # noqa: TID253 - the client under test
import pytest
from servo_bus.arms import viperx
from servo_bus.bus import ServoBus
from servo_bus.clock import BenchClock
from servo_bus.servo import OVERLOAD_ERROR, Servo
from servo_bus.table import MODELS

OK = dynamixel_sdk.COMM_SUCCESS
ACCESS, LENGTH, RANGE, LIMIT, UNKNOWN = 7, 5, 4, 6, 2


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def bus(clock):
    with viperx(clock=clock.now) as bus:
        yield bus


@pytest.fixture
def port(bus, monkeypatch):
    # The SDK allows a reply 34 ms and waits in a busy loop; a busy machine may need longer.
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 1000)
    port = dynamixel_sdk.PortHandler(bus.path)
    assert port.openPort()
    port.ser.timeout = 0.02
    yield port
    port.closePort()


@pytest.fixture
def sdk():
    return dynamixel_sdk.PacketHandler(2.0)


def test_ping_tells_the_model(sdk, port):
    assert sdk.ping(port, 1) == (1120, OK, 0)
    assert sdk.ping(port, 9) == (1020, OK, 0)


def test_a_broadcast_ping_finds_all_nine(sdk, port):
    found, result = sdk.broadcastPing(port)
    assert result == OK
    assert found == {id_: [1120 if id_ < 8 else 1020, 45] for id_ in range(1, 10)}


def test_one_two_and_four_bytes_are_written_and_read(sdk, port):
    assert sdk.write1ByteTxRx(port, 1, 65, 1) == (OK, 0)
    assert sdk.read1ByteTxRx(port, 1, 65) == (1, OK, 0)
    assert sdk.write2ByteTxRx(port, 1, 84, 640) == (OK, 0)
    assert sdk.read2ByteTxRx(port, 1, 84) == (640, OK, 0)
    assert sdk.write4ByteTxRx(port, 1, 112, 100) == (OK, 0)
    assert sdk.read4ByteTxRx(port, 1, 112) == (100, OK, 0)


def test_sync_read_plain_and_fast_agree(sdk, port):
    group = dynamixel_sdk.GroupSyncRead(port, sdk, 126, 10)
    for id_ in range(1, 10):
        assert group.addParam(id_)
    resting = [2048, 876, 876, 3058, 3058, 2048, 2570, 2048, 2100]
    assert group.txRxPacket() == OK
    assert [group.getData(id_, 132, 4) for id_ in range(1, 10)] == resting
    assert group.fastSyncRead() == OK
    assert [group.getData(id_, 132, 4) for id_ in range(1, 10)] == resting


def test_sync_write_moves_servos_at_their_profile_velocity(sdk, port, clock):
    for id_ in (1, 6):
        assert sdk.write4ByteTxRx(port, id_, 112, 100) == (OK, 0)  # 22.9 rev/min
        assert sdk.write1ByteTxRx(port, id_, 64, 1) == (OK, 0)
    group = dynamixel_sdk.GroupSyncWrite(port, sdk, 116, 4)
    for id_, goal in ((1, 3000), (6, 1000)):
        assert group.addParam(id_, goal.to_bytes(4, "little"))
    assert group.txPacket() == OK
    assert sdk.read4ByteTxRx(port, 1, 116) == (3000, OK, 0)
    clock.pass_secs(0.1)
    expected = 22.9 / 60 * 4096 * 0.1
    assert sdk.read4ByteTxRx(port, 1, 132)[0] == pytest.approx(2048 + expected, abs=1)
    assert sdk.read4ByteTxRx(port, 6, 132)[0] == pytest.approx(2048 - expected, abs=1)
    assert sdk.read4ByteTxRx(port, 1, 128)[0] == pytest.approx(100, abs=1)
    clock.pass_secs(2)
    assert sdk.read4ByteTxRx(port, 1, 132)[0] == 3000


def test_bulk_read_and_write_mix_addresses(sdk, port):
    read = dynamixel_sdk.GroupBulkRead(port, sdk)
    read.addParam(1, 144, 2)
    read.addParam(2, 146, 1)
    assert read.txRxPacket() == OK
    assert (read.getData(1, 144, 2), read.getData(2, 146, 1)) == (120, 34)
    write = dynamixel_sdk.GroupBulkWrite(port, sdk)
    write.addParam(1, 65, 1, [1])
    write.addParam(2, 84, 2, [100, 0])
    assert write.txPacket() == OK
    assert sdk.read1ByteTxRx(port, 1, 65) == (1, OK, 0)
    assert sdk.read2ByteTxRx(port, 2, 84) == (100, OK, 0)


def test_a_fast_bulk_read_mixes_addresses_in_one_packet(sdk, port):
    read = dynamixel_sdk.GroupBulkRead(port, sdk)
    for id_, address, length in ((1, 132, 4), (2, 144, 2), (3, 146, 1)):
        read.addParam(id_, address, length)
    assert read.fastBulkRead() == OK
    assert [read.getData(1, 132, 4), read.getData(2, 144, 2), read.getData(3, 146, 1)] == [
        2048,
        120,
        34,
    ]


def test_clear_forgets_whole_turns(sdk, port, bus):
    bus[1].position = 3 * 4096 + 100.0
    assert sdk.read4ByteTxRx(port, 1, 132)[0] == 3 * 4096 + 100
    assert sdk.clearMultiTurn(port, 1) == (OK, 0)
    assert sdk.read4ByteTxRx(port, 1, 132)[0] == 100


def test_a_registered_write_waits_for_action(sdk, port, bus):
    assert sdk.regWriteTxRx(port, 1, 65, 1, [1]) == (OK, 0)
    assert sdk.read1ByteTxRx(port, 1, 69) == (1, OK, 0)
    assert sdk.read1ByteTxRx(port, 1, 65) == (0, OK, 0)
    assert sdk.action(port, dynamixel_sdk.BROADCAST_ID) == OK
    assert sdk.read1ByteTxRx(port, 1, 65) == (1, OK, 0)


@pytest.mark.parametrize(
    ("address", "data", "error"),
    [
        (0, [1, 2], ACCESS),  # the model number is not for writing
        (1000, [0], ACCESS),
        (116, [0, 8], LENGTH),  # half a goal position
        (64, [7], RANGE),
        (11, [2], RANGE),  # no such mode
        (116, [0xA0, 0x0F, 0, 0], LIMIT),  # 4000 ticks, beyond the shoulder's limit
        (112, [0xE8, 3, 0, 0], LIMIT),  # a profile faster than the velocity limit
    ],
)
def test_forbidden_writes_are_refused_with_the_right_error(sdk, port, address, data, error):
    assert sdk.writeTxRx(port, 2, address, len(data), data) == (OK, error)


def test_what_is_kept_without_power_is_locked_while_torque_is_on(sdk, port, bus):
    assert sdk.write1ByteTxRx(port, 1, 64, 1) == (OK, 0)
    assert sdk.write1ByteTxRx(port, 1, 11, 4) == (OK, ACCESS)
    assert sdk.write1ByteTxRx(port, 1, 64, 0) == (OK, 0)
    assert sdk.write1ByteTxRx(port, 1, 11, 4) == (OK, 0)
    bus.cut_power()
    bus.restore_power()
    assert sdk.read1ByteTxRx(port, 1, 11) == (4, OK, 0)


def test_factory_reset_is_refused_and_reboot_clears_ram(sdk, port):
    assert sdk.factoryReset(port, 1, 0xFF) == (OK, 1)
    sdk.write1ByteTxRx(port, 1, 65, 1)
    assert sdk.reboot(port, 1) == (OK, 0)
    assert sdk.read1ByteTxRx(port, 1, 65) == (0, OK, 0)


def test_the_status_return_level_silences_writes_then_reads(sdk, port, monkeypatch):
    sdk.write1ByteTxOnly(port, 1, 68, 1)
    assert sdk.read1ByteTxRx(port, 1, 68) == (1, OK, 0)
    sdk.write1ByteTxOnly(port, 1, 68, 0)
    assert sdk.ping(port, 1) == (1120, OK, 0)
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 20)
    assert sdk.read1ByteTxRx(port, 1, 68)[1] == dynamixel_sdk.COMM_RX_TIMEOUT


def test_the_bus_watchdog_stops_a_silent_servo_until_it_is_cleared(sdk, port, clock):
    sdk.write1ByteTxRx(port, 1, 64, 1)
    sdk.write4ByteTxRx(port, 1, 112, 100)
    sdk.write1ByteTxRx(port, 1, 98, 5)  # 100 ms
    sdk.write4ByteTxRx(port, 1, 116, 4000)
    for _ in range(3):
        clock.pass_secs(0.09)
        assert sdk.read1ByteTxRx(port, 1, 98)[0] == 5
    clock.pass_secs(0.2)
    assert sdk.read1ByteTxRx(port, 1, 98)[0] == 255
    stopped = sdk.read4ByteTxRx(port, 1, 132)[0]
    assert stopped == pytest.approx(2048 + 22.9 / 60 * 4096 * 0.37, abs=2)
    assert sdk.write4ByteTxRx(port, 1, 116, 4000) == (OK, RANGE)
    assert sdk.write1ByteTxRx(port, 1, 98, 0) == (OK, 0)
    assert sdk.write4ByteTxRx(port, 1, 116, 4000) == (OK, 0)


def test_a_shadow_obeys_its_second_id_in_silence(sdk, port):
    assert sdk.write1ByteTxRx(port, 2, 65, 1) == (OK, 0)
    assert sdk.read1ByteTxRx(port, 3, 65) == (1, OK, 0)
    assert sdk.write1ByteTxRx(port, 2, 9, 10) == (OK, 0)
    assert sdk.read1ByteTxRx(port, 3, 9) == (0, OK, 0)  # EEPROM only by the first ID


def test_an_overload_raises_the_alert_and_lets_go(sdk, port, bus, clock):
    sdk.write1ByteTxRx(port, 4, 64, 1)
    bus[4].load = 3000.0
    sdk.ping(port, 4)
    clock.pass_secs(1.0)
    sdk.ping(port, 4)
    error, result, byte = sdk.read1ByteTxRx(port, 4, 70)
    assert (error, result, byte) == (OVERLOAD_ERROR, OK, 0x80)
    assert sdk.read1ByteTxRx(port, 4, 64)[0] == 0
    assert sdk.write1ByteTxRx(port, 4, 64, 1) == (OK, 0x81)  # not before a reboot


def test_another_baud_rate_is_not_heard(sdk, port, monkeypatch):
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 20)
    port.setBaudRate(57_600)
    assert sdk.ping(port, 1)[1] == dynamixel_sdk.COMM_RX_TIMEOUT


def test_a_homing_offset_counts_in_position_mode_only_up_to_a_quarter_turn():
    with ServoBus([Servo(MODELS["XM430-W350"], 1, position=2000)]) as bus:
        servo = bus[1]
        servo.poke("homing_offset", 100)
        servo.advance()
        assert servo.peek("present_position") == 2100
        servo.poke("homing_offset", 2000)
        servo.advance()
        assert servo.peek("present_position") == 2000
        servo.poke("operating_mode", 4)
        servo.advance()
        assert servo.peek("present_position") == 4000
