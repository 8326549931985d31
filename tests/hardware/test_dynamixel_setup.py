"""Setting up servos on the emulated bus: search, IDs, baud rates, shadows."""

import pytest
from servo_bus.arms import viperx
from servo_bus.bus import ServoBus
from servo_bus.clock import BenchClock
from servo_bus.servo import Servo
from servo_bus.table import MODELS

from hardware.arms.dynamixel_setup import FoundServo, align_shadows, find_servos, set_up_servo
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER
from hardware.interfaces import HardwareError

REPLY_SECS = 0.25


@pytest.fixture
def new_servo():
    with ServoBus([Servo(MODELS["XM430-W350"], 1)]) as bus:
        yield bus


def test_a_new_servo_is_found_at_its_own_baud_rate_and_set_up(new_servo):
    found = find_servos(new_servo.path, reply_secs=REPLY_SECS)
    assert found == [FoundServo(1, "XM430-W350", 45, 57_600)]
    set_up_servo(new_servo.path, found[0], new_id=8, reply_secs=REPLY_SECS)
    assert [(servo.id, servo.peek("baud_rate")) for servo in new_servo.servos] == [(8, 3)]


def test_ids_that_are_taken_or_impossible_are_refused():
    with viperx(clock=BenchClock().now) as bus:
        servo = FoundServo(9, "XM430-W350", 45, 1_000_000)
        with pytest.raises(HardwareError, match="ID 8 is there already"):
            set_up_servo(bus.path, servo, new_id=8, reply_secs=REPLY_SECS)
        with pytest.raises(ValueError, match="0 to 252, got 253"):
            set_up_servo(bus.path, servo, new_id=253)
        with pytest.raises(ValueError, match="got 1234"):
            set_up_servo(bus.path, servo, new_id=10, new_baud=1234)


def test_shadows_are_aligned_with_the_motors_they_follow():
    with viperx(clock=BenchClock().now) as bus:
        bus[3].position += 90
        bus[5].position -= 120
        aligned = align_shadows(ALOHA_2023_FOLLOWER, bus.path, reply_secs=REPLY_SECS)
        assert aligned == {"shoulder_shadow": -90, "elbow_shadow": 120}
        for servo in bus.servos:
            servo.advance()
        assert bus[3].peek("present_position") == bus[2].peek("present_position")
        assert bus[5].peek("present_position") == bus[4].peek("present_position")
        bus[3].position += 1000
        with pytest.raises(HardwareError, match="Mount its horn again"):
            align_shadows(ALOHA_2023_FOLLOWER, bus.path, reply_secs=REPLY_SECS)
        bus[1].poke("torque_enable", 1)
        with pytest.raises(HardwareError, match=r"Motors \[1\] have torque"):
            align_shadows(ALOHA_2023_FOLLOWER, bus.path, reply_secs=REPLY_SECS)
