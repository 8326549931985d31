"""Both makes of ALOHA as data: each arm with its own motors on the bus, grippers as published."""

import numpy as np
import pytest
from servo_bus.arms import LATER_WIDOWX, VIPERX, WIDOWX, servos
from servo_bus.bus import ServoBus
from servo_bus.clock import BenchClock

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.dynamixel_line import Line
from hardware.arms.interbotix import ARM_MODELS
from hardware.arms.leader import DynamixelLeader

PUBLISHED = {
    "aloha_2023_follower": (-0.6213, 1.4910),
    "aloha_2023_leader": (-0.6842, 0.3083),
    "interbotix_follower": (0.6197, 1.6214),
    "interbotix_leader": (-0.0552, 0.8298),
}
"""Radians of the gripper's motor, closed and open: tonyzhaozh/aloha and Interbotix/aloha."""

MOTORS = {
    "aloha_2023_follower": VIPERX,
    "aloha_2023_leader": WIDOWX,
    "interbotix_follower": VIPERX,
    "interbotix_leader": LATER_WIDOWX,
}

CURRENT_UNITS = {"aloha_2023_follower": 200, "interbotix_follower": 300}
"""What each kit lets its gripper draw, in the servo's units."""


def test_there_are_no_other_variants():
    assert set(ARM_MODELS) == set(PUBLISHED)


@pytest.mark.parametrize("name", ARM_MODELS)
def test_each_variant_is_recognised_and_its_gripper_reads_as_published(name):
    clock, model = BenchClock(), ARM_MODELS[name]
    with ServoBus(servos(MOTORS[name], clock=clock.now)) as bus:
        line = Line(bus.path, reply_secs=0.25)
        if model.gripper_current is None:
            arm = DynamixelLeader(model, line, clock=clock)
        else:
            arm = DynamixelFollower(model, line, farewell="hold", clock=clock)
        gripper = bus.servos[8]
        for opening, angle in enumerate(PUBLISHED[name]):
            gripper.position = 2048 + angle * 4096 / (2 * np.pi)
            arm.connect()
            clock.pass_secs(0.02)
            assert arm.read_positions()[6] == pytest.approx(opening, abs=4e-3)
            if name in CURRENT_UNITS:
                assert gripper.peek("goal_current") == CURRENT_UNITS[name]
                arm.let_go()
        arm.disconnect()


@pytest.mark.parametrize("name", CURRENT_UNITS)
def test_a_followers_gripper_goes_where_its_fingers_are_as_published(name):
    clock, model = BenchClock(), ARM_MODELS[name]
    with ServoBus(servos(MOTORS[name], clock=clock.now)) as bus:
        arm = DynamixelFollower(
            model, Line(bus.path, reply_secs=0.25), farewell="hold", clock=clock
        )
        arm.connect()
        for opening in (0, 1):
            goal = arm.read_positions()
            goal[6] = opening
            arm.write_positions(goal)
            arm.read_positions()  # waits until the goal was heard
            told = (bus.servos[8].peek("goal_position") - 2048) * 2 * np.pi / 4096
            closed, opened = (model.gripper.travel(each) for each in PUBLISHED[name])
            # Not the angles: beyond its dead centre a crank has two for one place of the fingers.
            wanted = opened if opening else closed
            assert model.gripper.travel(told) == pytest.approx(wanted, abs=1e-4)
        arm.disconnect()
