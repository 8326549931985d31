"""Four emulated arms as an ALOHA: the loop, the gate and the teleoperator that simulation uses."""

import threading
from contextlib import ExitStack

import numpy as np
import pytest
from servo_bus.arms import LATER_WIDOWX, servos, viperx, widowx
from servo_bus.bus import ServoBus
from servo_bus.clock import BenchClock

from hardware.aloha import aloha_embodiment
from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.interbotix import ALOHA_2023_FOLLOWER, ALOHA_2023_LEADER, INTERBOTIX_LEADER
from hardware.arms.leader import DynamixelLeader
from hardware.arms.side_by_side import side_by_side
from hardware.control_loop import ControlLoop
from hardware.robot import Robot
from hardware.safety.state import GateState
from hardware.teleoperator import Teleoperator

REPLY_SECS = 0.25


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def buses(clock):
    with ExitStack() as stack:
        makers = (viperx, viperx, widowx, widowx)
        yield [stack.enter_context(maker(clock=clock.now)) for maker in makers]


@pytest.fixture
def aloha(buses, clock):
    """The robot made of two followers, and two leaders, all opened."""
    lines = [Line(bus.path, reply_secs=REPLY_SECS) for bus in buses]
    followers = [
        DynamixelFollower(ALOHA_2023_FOLLOWER, line, clock=clock, farewell="hold")
        for line in lines[:2]
    ]
    leaders = [DynamixelLeader(ALOHA_2023_LEADER, line, clock=clock) for line in lines[2:]]
    left, right, *hands = side_by_side([*followers, *leaders])
    body = aloha_embodiment(())
    with Robot(body, [left, right], {}, clock) as robot, ExitStack() as stack:
        for hand in hands:
            hand.connect()
            stack.callback(hand.disconnect)
        yield robot, hands


def test_followers_follow_the_leaders_through_the_gate(aloha, buses, clock):
    robot, leaders = aloha
    loop = ControlLoop(robot)
    loop.drive(Teleoperator(leaders))
    buses[2][1].position += 100
    buses[3][4].position -= 150
    for _ in range(30):
        tick = loop.tick()
        clock.pass_secs(0.02)
    assert loop.failure is None
    assert tick.action.shape == (14,)
    assert buses[0][1].peek("present_position") == pytest.approx(2048 + 100, abs=2)
    assert buses[1][4].peek("present_position") == pytest.approx(3058 - 150, abs=2)
    assert buses[1][5].peek("present_position") == buses[1][4].peek("present_position")


def test_a_leader_that_fails_closes_the_gate_and_the_followers_hold(aloha, buses, clock):
    robot, leaders = aloha
    loop = ControlLoop(robot)
    loop.drive(Teleoperator(leaders))
    loop.tick()
    buses[3].unplug()
    for _ in range(3):
        clock.pass_secs(0.02)
        tick = loop.tick()
    assert tick.action is None
    assert "was the USB cable pulled" in robot.gate.reason
    assert [servo.peek("torque_enable") for servo in buses[0].servos] == [1] * 9


def test_a_follower_that_fails_is_named(aloha, buses, clock):
    robot, _ = aloha
    loop = ControlLoop(robot)
    loop.tick()
    buses[1].cut_power()
    for _ in range(3):
        clock.pass_secs(0.02)
        loop.tick()
    assert robot.gate.state is GateState.HOLD
    assert "gave no good answer 3 times" in robot.gate.reason
    assert buses[0][1].peek("bus_watchdog") == 10


def test_the_loop_runs_by_itself_at_its_rate(aloha, buses, clock):
    robot, _ = aloha
    stop = threading.Event()
    ticks = []

    def seen(tick):
        ticks.append(clock.now())
        if len(ticks) == 10:
            stop.set()

    ControlLoop(robot, [seen]).run(stop)
    np.testing.assert_allclose(np.diff(ticks), 0.02, atol=1e-9)


def test_the_later_leader_is_recognised_with_its_other_motors(clock):
    with ServoBus(servos(LATER_WIDOWX, clock=clock.now)) as bus:
        line = Line(bus.path, reply_secs=REPLY_SECS)
        arm = DynamixelLeader(INTERBOTIX_LEADER, line, gravity_help=0.3, clock=clock)
        arm.connect()
        assert [servo.peek("torque_enable") for servo in bus.servos] == [1] * 8 + [0]
        assert arm.read_positions().shape == (7,)
        arm.disconnect()
