"""Faults of a follower arm on the emulated bus: repeated, named, held, never guessed over."""

import numpy as np
import pytest
from servo_bus.arms import viperx
from servo_bus.clock import BenchClock
from servo_bus.faults import KINDS
from servo_bus.servo import OVERHEAT_ERROR, SHOCK_ERROR

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER
from hardware.interfaces import HardwareError

REPLY_SECS = 0.25
SLEEPING = [0.0, -1.798, 1.549, 0.0, 0.801, 0.0]
TICK = 0.02


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def bus(clock):
    with viperx(clock=clock.now) as bus:
        yield bus


def follower(bus, clock, **options):
    line = Line(bus.path, reply_secs=REPLY_SECS)
    return DynamixelFollower(ALOHA_2023_FOLLOWER, line, clock=clock, **options)


@pytest.fixture
def arm(bus, clock):
    arm = follower(bus, clock, farewell="hold")
    arm.connect()
    yield arm
    arm.disconnect()


def torques(bus):
    return [servo.peek("torque_enable") for servo in bus.servos]


def test_silence_trips_the_watchdog_and_only_a_person_resumes(arm, bus, clock):
    positions = arm.read_positions()
    clock.pass_secs(0.5)
    with pytest.raises(HardwareError, match=r"stopped after 0.50 s without a word"):
        arm.write_positions(positions)
    assert "stopped" in arm.fault
    with pytest.raises(HardwareError, match="A person must clear this first"):
        arm.write_positions(positions)
    arm.resume()
    arm.write_positions(positions)
    assert arm.fault == ""
    assert bus[1].peek("bus_watchdog") == 10


def test_one_bad_packet_is_repeated_and_three_hold_the_arm_naming_the_motor(arm, bus):
    bus.faults.add("corrupt", id_=6)
    np.testing.assert_allclose(arm.read_positions()[:6], SLEEPING, atol=1e-3)
    assert arm.fault == ""
    assert arm.chain.bus.retries >= 1
    positions = arm.read_positions()
    bus.faults.add("drop", times=3, id_=6)
    with pytest.raises(HardwareError, match=r"motor 6 \(forearm_roll\) gave no good answer"):
        arm.read_positions()
    goal = bus[1].peek("goal_position")
    positions[0] = 1.0
    with pytest.raises(HardwareError, match="The arm holds: motor 6"):
        arm.write_positions(positions)
    assert bus[1].peek("goal_position") == goal
    assert torques(bus) == [1] * 9


def test_an_overloaded_motor_is_told_of_and_comes_back_by_reboot_alone(arm, bus, clock):
    arm.read_positions()
    bus[7].load = 3000.0
    clock.pass_secs(0.05)
    arm.read_positions()
    with pytest.raises(HardwareError, match=r"motor 7 \(wrist_angle\) has let go: overload"):
        for _ in range(20):
            clock.pass_secs(0.05)
            arm.read_positions()
    assert arm.health["wrist_angle"].errors == "overload"
    bus[7].load = 0.0
    with pytest.raises(HardwareError, match="has let go"):
        arm.resume()
    arm.reboot("wrist_angle")
    arm.resume()
    assert torques(bus) == [1] * 9
    assert arm.read_positions().shape == (7,)


@pytest.mark.parametrize(
    ("error", "words"), [(OVERHEAT_ERROR, "overheating"), (SHOCK_ERROR, "electrical shock")]
)
def test_other_errors_are_named_in_words(arm, bus, error, words):
    bus[2].fail(error)
    with pytest.raises(HardwareError, match=rf"motor 2 \(shoulder\) has let go: {words}"):
        arm.read_positions()


def test_low_voltage_is_reported_while_the_arm_goes_on(arm, bus, caplog):
    bus[1].decivolts = 90
    arm.read_positions()
    arm.read_positions()
    assert arm.health["waist"].errors == "input voltage outside its limits"
    assert arm.health["waist"].volts == pytest.approx(9.0)
    assert "input voltage outside its limits" in caplog.text
    assert arm.fault == ""


def test_lost_power_is_noticed_even_if_it_comes_back_at_once(arm, bus, clock):
    arm.read_positions()
    bus.cut_power()
    bus.restore_power()
    with pytest.raises(HardwareError, match="has no torque although it was given some"):
        for _ in range(9):
            clock.pass_secs(TICK)
            arm.read_positions()


def test_an_arm_that_lost_power_is_connected_again_without_ado(arm, bus):
    bus.cut_power()
    with pytest.raises(HardwareError, match="gave no good answer"):
        arm.read_positions()
    with pytest.raises(HardwareError, match="No motor answers"):
        arm.connect()
    bus.restore_power()
    arm.connect()
    np.testing.assert_allclose(arm.read_positions()[:6], SLEEPING, atol=1e-3)


def test_no_motor_ever_has_torque_without_a_watchdog(bus, clock):
    unwatched = []
    for servo in bus.servos:
        servo.on_write = lambda servo=servo: unwatched.append(
            servo.peek("torque_enable") and not servo.peek("bus_watchdog")
        )
    arm = follower(bus, clock, farewell="rest")
    arm.connect()
    arm.read_positions()
    arm.disconnect()
    assert len(unwatched) > 50
    assert not any(unwatched)


def test_a_pulled_cable_is_noticed(arm, bus):
    bus.unplug()
    with pytest.raises(HardwareError, match="was the USB cable pulled"):
        arm.read_positions()


def test_an_arm_with_a_fault_is_not_dropped_at_farewell(bus, clock, caplog):
    arm = follower(bus, clock, farewell="rest")
    arm.connect()
    bus[2].fail(OVERHEAT_ERROR)
    with pytest.raises(HardwareError, match="has let go: overheating"):
        arm.read_positions()
    with pytest.raises(HardwareError, match="A person must clear this first"):
        arm.release()
    arm.disconnect()
    assert "could not be lowered, so it holds" in caplog.text
    assert torques(bus) == [1, 0, 1, 1, 1, 1, 1, 1, 1]


def test_whatever_happens_on_the_wire_a_reading_is_true_or_an_error(bus, clock):
    chance = np.random.default_rng(11)
    line = Line(bus.path, reply_secs=0.05)
    arm = DynamixelFollower(ALOHA_2023_FOLLOWER, line, clock=clock, farewell="hold")
    connected = False
    truths = errors = 0
    for _ in range(40):
        bus.faults.clear()
        try:
            if not connected:
                arm.connect()
                connected = True
            elif arm.fault:
                arm.resume()
            for _ in range(chance.integers(0, 3)):
                kind = KINDS[chance.integers(len(KINDS))]
                id_, times = int(chance.integers(1, 10)), int(chance.integers(1, 5))
                bus.faults.add(kind, times=times, id_=id_, secs=0.03)
            found = arm.read_positions()
        except HardwareError:
            errors += 1
            continue
        np.testing.assert_allclose(found[:6], SLEEPING, atol=1e-3)
        truths += 1
    assert truths > 5
    assert errors > 5
    arm.disconnect()
