"""An arm that a program uses without the studio: how it is lowered, and what ends that."""

import numpy as np
import pytest
from servo_bus.arms import viperx
from servo_bus.clock import BenchClock

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER
from hardware.arms.lone_lowering import lower_alone
from hardware.interfaces import HardwareError
from hardware.safety.limits import Patience
from hardware.safety.vitals import NOTHING_KNOWN

TICK = 0.02
FULL_STEP = 3.14 * TICK
"""Radians of one tick at full speed."""

REST = np.float32([*ALOHA_2023_FOLLOWER.sleep, 0.0])


def never():
    return False


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def bus(clock):
    with viperx(clock=clock.now) as bus:
        for servo in bus.servos[1:5]:
            servo.position += 400 if servo.position < 2048 else -400
        yield bus


class Told(DynamixelFollower):
    """Keeps every goal that it is told."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.goals = []

    def write_positions(self, positions):
        super().write_positions(positions)
        self.goals.append(positions.copy())


@pytest.fixture
def arm(bus, clock):
    arm = Told(ALOHA_2023_FOLLOWER, Line(bus.path, reply_secs=0.25), clock=clock)
    arm.connect()
    yield arm
    arm.disconnect()


def torques(bus):
    return [servo.peek("torque_enable") for servo in bus.servos]


def test_it_comes_down_in_slow_steps_that_begin_softly_and_its_gripper_holds_on(arm, bus):
    before = arm.read_positions()
    arm.release()
    goals = np.array([before, *arm.goals])
    steps = np.abs(np.diff(goals, axis=0))
    assert len(steps) > 50
    assert steps[:, :6].max() <= 0.15 * FULL_STEP + 1e-5
    speeding_up = np.diff(np.vstack([np.zeros(7), steps]), axis=0)[:, :6]
    assert speeding_up.max() <= 40 * TICK**2 + 1e-5
    assert (goals[:, 6] == before[6]).all()
    assert torques(bus) == [0] * 9


def test_pressed_on_something_it_stops_pressing_and_holds_with_torque(arm, bus, clock, caplog):
    pushing = clock.now() + 0.4
    servo = bus[2]

    def push():
        servo.load = 1300.0 if clock.now() > pushing else 0.0

    servo.on_write = push
    began = clock.now()
    with pytest.raises(
        HardwareError, match=r"arm shoulder draws 3\.5 A .* something is in the way"
    ):
        arm.release()
    assert clock.now() - began < 0.4 + 0.5 + 0.1
    assert abs(servo.peek("goal_position") - servo.peek("present_position")) < 20
    arm.disconnect()
    assert "could not be lowered, so it holds" in caplog.text
    assert torques(bus) == [1] * 9


def test_moved_faster_than_it_was_told_to_it_is_lowered_no_further(arm, bus, clock):
    def tear():
        if clock.now() > 0.4:
            bus[1].position += 200

    bus[1].on_write = tear
    with pytest.raises(HardwareError, match="arm_waist moved at"):
        arm.release()
    bus[1].on_write = lambda: None
    assert torques(bus) == [1] * 9


@pytest.mark.parametrize("by", ["stay", "stay_when"])
def test_told_to_stay_on_its_way_down_it_goes_no_further_and_holds(arm, bus, clock, caplog, by):
    began = clock.now()
    if by == "stay":
        bus[2].on_write = lambda: clock.now() > began + 0.4 and arm.stay()
    else:
        arm.stay_when(lambda: clock.now() > began + 0.4)
    arm.disconnect()
    assert arm.lowering_failed
    assert "could not be lowered, so it holds: The arm is not lowered any more" in caplog.text
    assert 0.4 <= clock.now() - began < 0.4 + 3 * TICK
    assert len(arm.goals) == pytest.approx(0.4 / TICK, abs=2)
    assert torques(bus) == [1] * 9


class Stuck:
    """An arm that nothing moves."""

    vitals = NOTHING_KNOWN

    def __init__(self):
        self.goal = self.place = np.float32([0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 0.5])

    def read_positions(self):
        return self.place

    def write_positions(self, positions):
        self.goal = positions


def test_what_does_not_come_to_rest_in_time_is_told_to_stay_where_it_is(clock):
    arm, began = Stuck(), clock.now()
    with pytest.raises(HardwareError, match="did not reach its rest: something is in the way"):
        lower_alone(arm, REST, clock, never)
    assert clock.now() - began == pytest.approx(Patience().lowering_secs, abs=0.1)
    np.testing.assert_array_equal(arm.goal, arm.place)


def test_a_place_that_is_no_number_moves_nothing(clock):
    arm = Stuck()
    arm.place = arm.place * np.float32([1, 1, np.nan, 1, 1, 1, 1])
    before = arm.goal.copy()
    with pytest.raises(HardwareError, match="numbers that are not finite: arm_elbow"):
        lower_alone(arm, REST, clock, never)
    np.testing.assert_array_equal(arm.goal, before)
