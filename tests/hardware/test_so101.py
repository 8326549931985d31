"""An SO-101 on emulated Feetech servos, through the makers' SDK."""

import json

import numpy as np
import pytest
from servo_bus.clock import BenchClock
from servo_bus.feetech import FeetechBus, FeetechServo, encode

from hardware.arms.so101 import JOINTS, Range, So101Arm, load_calibration
from hardware.interfaces import Arm, HardwareError

REPLY_SECS = 0.25
CALIBRATION = {joint: Range(800 + 10 * index, 3200) for index, joint in enumerate(JOINTS)}


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def bus(clock):
    with FeetechBus(FeetechServo(id_, clock=clock.now) for id_ in range(1, 7)) as bus:
        yield bus


def follower(bus, **options):
    return So101Arm(bus.path, CALIBRATION, holds=True, reply_secs=REPLY_SECS, **options)


def test_its_packets_are_the_published_ones():
    # Ping of servo 1 and its answer, from Feetech's communication protocol manual.
    assert encode(1, 1) == bytes.fromhex("FF FF 01 02 01 FB")
    assert encode(1, 0) == bytes.fromhex("FF FF 01 02 00 FC")


def test_it_holds_then_goes_where_it_is_told(bus, clock):
    arm = follower(bus)
    assert isinstance(arm, Arm)
    arm.connect()
    assert all(servo.torque and servo.goal == 2048 for servo in bus.servos.values())
    start = arm.read_positions()
    assert start[5] == pytest.approx((2048 - 850) / (3200 - 850))
    goal = start + np.float32(0.2)
    arm.write_positions(goal)
    arm.read_positions()  # nobody confirms goals; after a reply they have arrived
    clock.pass_secs(0.5)
    np.testing.assert_allclose(arm.read_positions(), goal, atol=2e-3)
    arm.write_positions(np.full(6, 9.0, np.float32))
    arm.read_positions()
    clock.pass_secs(1.0)
    arm.read_positions()
    assert {servo.goal for servo in bus.servos.values()} == {3200}
    arm.disconnect()
    arm.disconnect()
    assert all(servo.torque for servo in bus.servos.values())
    again = follower(bus)
    again.connect()
    again.let_go()
    again.disconnect()
    assert not any(servo.torque for servo in bus.servos.values())


def test_a_leader_is_loose(bus):
    arm = So101Arm(bus.path, CALIBRATION, holds=False, reply_secs=REPLY_SECS)
    arm.connect()
    assert not any(servo.torque for servo in bus.servos.values())
    bus.servos[3].position = -5.0
    assert arm.read_positions()[2] == pytest.approx((-5 - 2010) * 2 * np.pi / 4096, abs=1e-3)
    with pytest.raises(HardwareError, match="moved by hand"):
        arm.write_positions(arm.read_positions())
    arm.disconnect()


def test_faults_are_repeated_then_blamed(bus):
    arm = follower(bus)
    arm.connect()
    bus.spoil = 1
    assert arm.read_positions().shape == (6,)
    bus.servos[2].error = 32
    arm.read_positions()
    assert arm.errors["shoulder_lift"] == "overload"
    bus.mute.add(4)
    with pytest.raises(HardwareError, match=r"Servo 4 \(wrist_flex\) gave no good answer 3 times"):
        arm.read_positions()
    arm.disconnect()


def test_before_it_is_connected_it_says_so(bus):
    with pytest.raises(HardwareError, match="not connected"):
        follower(bus).read_positions()


def test_an_incomplete_arm_is_refused_before_torque(bus):
    bus.mute.add(6)
    with pytest.raises(HardwareError, match=r"servo 6 \(gripper\) is silent"):
        follower(bus).connect()
    assert not any(servo.torque for servo in bus.servos.values())


def test_calibrations_are_read_from_lerobots_files(tmp_path):
    path = tmp_path / "so101.json"
    entry = {"id": 1, "drive_mode": 0, "homing_offset": 0, "range_min": 700, "range_max": 3100}
    path.write_text(json.dumps(dict.fromkeys(JOINTS, entry)))
    assert load_calibration(path) == dict.fromkeys(JOINTS, Range(700, 3100))
    path.write_text("{}")
    with pytest.raises(ValueError, match="Not an SO-101 calibration"):
        load_calibration(path)
