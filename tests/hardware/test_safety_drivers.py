"""What drivers may count on at the kernel: grips that go on, and limits that a hand may touch."""

import pytest
from safety_bench import INTO_TABLE, Goes

from hardware.aloha import START, aloha_embodiment
from hardware.control_loop import ControlLoop
from hardware.interfaces import HardwareError
from hardware.robot import Robot
from hardware.safety.press import SAME_PRESS_SECS, Press
from hardware.safety.state import GateState
from hardware.teleoperator import DEADMAN_SECS, CartesianTeleoperator
from hardware.workcell.grip_start import GripStartTeleoperator

BODY = aloha_embodiment(())
CUBE = 0.706


class Holding:
    """An arm that is at once where it is told to be, but for its gripper: that holds a cube."""

    def __init__(self):
        self.told = START[:7].copy()
        self.loose = self.deaf = False
        self.recovered = 0

    def connect(self): ...

    def disconnect(self): ...

    def read_positions(self):
        seen = self.told.copy()
        seen[6] = max(seen[6], CUBE)
        return seen

    def write_positions(self, positions):
        self.told = positions.copy()

    def let_go(self):
        if self.deaf:
            raise HardwareError("The right arm did not confirm that it let go.")
        self.loose = True

    def recover(self):
        self.recovered += 1
        self.loose = False


class Clock:
    time = 0.0

    def now(self):
        return self.time

    def wait_until(self, deadline): ...


@pytest.fixture
def arms():
    return [Holding(), Holding()]


@pytest.fixture
def robot(arms):
    with Robot(BODY, arms, {}, Clock()) as robot:
        yield robot


@pytest.fixture
def loop(robot):
    return ControlLoop(robot)


@pytest.fixture
def person(robot):
    return CartesianTeleoperator(BODY, now=robot.clock.now)


def turns(robot, loop, number):
    for _ in range(number):
        loop.tick()
        robot.clock.time += 0.02


def squeeze(robot, loop):
    shut = START.copy()
    shut[[6, 13]] = 0.0
    loop.drive(Goes(shut, step=0.1))
    turns(robot, loop, 40)


def lower(gate):
    gate.stop("pressed")
    gate._pressed_at -= SAME_PRESS_SECS  # a moment later
    gate.stop("pressed again", press=Press(follows=gate.stop_number))
    assert gate.state is GateState.LOWERING


def test_whoever_takes_over_a_squeezing_gripper_squeezes_on(robot, loop, arms, person):
    squeeze(robot, loop)
    assert arms[0].told[6] == 0.0
    leaders = GripStartTeleoperator(arms, lambda words: None)
    for driver in (person, leaders):
        loop.drive(driver)
        for _ in range(3):
            turns(robot, loop, 1)
            assert arms[0].told[6] == 0.0
        robot.gate.stop("pressed")
        loop.reset()


def test_a_squeezing_gripper_is_lowered_squeezing(robot, loop, arms):
    squeeze(robot, loop)
    lower(robot.gate)
    while robot.gate.state is GateState.LOWERING:
        turns(robot, loop, 1)
        assert arms[0].told[6] == 0.0
    assert robot.gate.state is GateState.DISARMED


def test_a_gripper_without_torque_closes_by_itself_no_more(robot, loop, arms, person):
    squeeze(robot, loop)
    lower(robot.gate)
    while robot.gate.state is GateState.LOWERING:
        turns(robot, loop, 1)
    loop.reset()
    loop.drive(person)
    turns(robot, loop, 3)
    assert arms[0].told[6] == pytest.approx(CUBE)


def test_a_hand_that_lets_go_at_a_limit_is_not_held(robot, loop, person):
    loop.drive(person)
    while not robot.gate.reason:
        person.move("left", [0, 0, -0.1])
        turns(robot, loop, 1)
    assert "Refused" in robot.gate.reason
    robot.clock.time += DEADMAN_SECS
    turns(robot, loop, 60)
    assert robot.gate.state is GateState.ACTIVE
    assert robot.gate.reason == ""


def test_a_slider_beyond_a_limit_is_given_up_and_a_hand_that_insists_is_held(robot, loop, person):
    loop.drive(person)
    person.joint("left", 2, float(INTO_TABLE[2]) + 0.3)
    person.joint("left", 1, float(INTO_TABLE[1]))
    turns(robot, loop, 200)
    assert robot.gate.state in (GateState.ACTIVE, GateState.RAMPING)
    for _ in range(60):
        person.move("left", [0, 0, -0.1])
        turns(robot, loop, 1)
    assert robot.gate.state is GateState.HOLD


def test_a_stop_between_two_writes_keeps_the_second_arm_where_it_is(robot, loop, arms):
    loop.drive(Goes(INTO_TABLE))
    turns(robot, loop, 5)
    stood = arms[1].told.copy()
    write = arms[0].write_positions

    def pressed_meanwhile(positions):
        write(positions)
        robot.gate.stop("pressed")

    arms[0].write_positions = pressed_meanwhile
    robot.gate._last[7] += 0.01  # the right arm has somewhere to go
    turns(robot, loop, 1)
    assert (arms[1].told == stood).all()


def test_an_arm_that_let_go_when_the_other_did_not_gets_its_torque_back(robot, loop, arms):
    loop.drive(Goes(START))
    turns(robot, loop, 3)
    arms[1].deaf = True
    lower(robot.gate)
    while robot.gate.state is GateState.LOWERING:
        turns(robot, loop, 1)
    assert robot.gate.state is GateState.STOPPED
    assert (arms[0].loose, arms[0].recovered) == (True, 1)
    loop.reset()
    assert (arms[0].loose, arms[0].recovered) == (False, 2)
