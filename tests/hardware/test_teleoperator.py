"""A person at a page moves the arms only for as long as the page is there."""

import numpy as np
import pytest

from hardware.aloha import ARMS, START, aloha_embodiment
from hardware.arms.sim import SimArm
from hardware.control_loop import ControlLoop
from hardware.interfaces import Observation
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.world import World
from hardware.teleoperator import DEADMAN_SECS, CartesianTeleoperator, Teleoperator


@pytest.fixture
def cell():
    with simulated_aloha(realtime=False, cameras=()) as cell:
        yield cell


@pytest.fixture
def person(cell):
    return CartesianTeleoperator(cell.robot.embodiment, now=cell.world.now)


def run(cell, loop, secs):
    end = cell.world.now() + secs
    while cell.world.now() < end - 1e-9:
        loop.tick()
        cell.world.wait_until(cell.world.now() + 0.02)


def drive(cell, person):
    loop = ControlLoop(cell.robot)
    loop.drive(person)
    return loop


def test_an_arm_told_nothing_holds(cell, person):
    loop = drive(cell, person)
    run(cell, loop, 1.0)
    assert np.allclose(cell.world.state(), START, atol=5e-3)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 1, 0), (0, 0, -1)])
def test_a_velocity_moves_the_tip_that_way(cell, person, arm, direction):
    loop = drive(cell, person)
    inward = np.array(direction) * (1 if arm == "left" else [-1, 1, 1])
    before = cell.world.tip(arm)
    for _ in range(8):
        person.move(arm, list(inward * 0.1))
        run(cell, loop, 0.1)
    run(cell, loop, 0.6)
    moved = cell.world.tip(arm) - before
    assert np.allclose(moved, inward * 0.1 * (0.8 + DEADMAN_SECS - 0.1), atol=0.015)


def test_without_renewal_the_arm_stops_within_the_deadman_time(cell, person):
    loop = drive(cell, person)
    person.move("left", (0, 0, -0.2))
    run(cell, loop, 1.0)
    stopped = cell.world.tip("left")
    run(cell, loop, 1.0)
    assert np.allclose(cell.world.tip("left"), stopped, atol=2e-3)
    assert 0.02 < 0.3087 - stopped[2] < 0.2 * DEADMAN_SECS + 0.02


def test_a_held_turn_rolls_the_gripper_and_leaves_its_tip(cell, person):
    loop = drive(cell, person)
    before = cell.world.tip("left")
    for _ in range(10):
        person.move("left", (0, 0, 0), roll=0.5)
        run(cell, loop, 0.1)
    assert cell.world.positions("left")[5] > 0.3
    assert np.allclose(cell.world.tip("left"), before, atol=0.01)


def test_a_joint_slider_brings_its_joint_there_and_no_other(cell, person):
    loop = drive(cell, person)
    person.joint("right", 0, 0.4)
    person.grip("right", 0.2)
    run(cell, loop, 1.5)
    expected = START[7:].copy()
    expected[[0, 6]] = 0.4, 0.2
    assert np.allclose(cell.world.positions("right"), expected, atol=0.03)


def test_a_target_beyond_the_limits_is_brought_inside_them(cell, person):
    loop = drive(cell, person)
    person.joint("left", 6, 7.0)
    run(cell, loop, 0.5)
    assert cell.world.positions("left")[6] <= 1.02


def test_hold_forgets_every_wish(cell, person):
    loop = drive(cell, person)
    person.joint("left", 0, 1.0)
    run(cell, loop, 0.1)
    person.hold()
    run(cell, loop, 1.0)
    assert cell.world.positions("left")[0] < 0.5


def test_taking_over_starts_from_where_the_arms_are(cell, person):
    loop = drive(cell, person)
    person.joint("left", 0, 0.5)
    run(cell, loop, 1.0)
    loop.drive(person)
    run(cell, loop, 0.5)
    assert abs(cell.world.positions("left")[0] - 0.5) < 0.03


@pytest.mark.parametrize(
    ("arm", "linear", "message"),
    [
        ("middle", (0, 0, 0), "left"),
        ("left", (0, 0), "three numbers"),
        ("left", (0, 0, float("nan")), "finite"),
    ],
)
def test_bad_commands_are_refused(person, arm, linear, message):
    with pytest.raises(ValueError, match=message):
        person.move(arm, linear)


def test_a_joint_that_does_not_exist_is_refused(person):
    with pytest.raises(ValueError, match=r"0\.\.6"):
        person.joint("left", 7, 0.0)


def test_leader_arms_are_followed():
    with World() as world:
        leaders = [SimArm(world, arm) for arm in ARMS]
        for leader in leaders:
            leader.connect()
        action = Teleoperator(leaders).act(Observation(0.0, START.copy(), {}))
        assert np.allclose(action, START, atol=1e-4)
        assert action.shape == aloha_embodiment().action_low.shape
