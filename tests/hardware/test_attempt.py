"""An attempt ends when it is judged, when time is up, or when its driver dies."""

import pytest

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.tasks.catalogue import scenario
from hardware.simulation.tasks.holding import Pick
from hardware.simulation.tasks.task import Outcome, lifted

SCENARIO = scenario("pick_red_cube_left", 21)


class Idle:
    def reset(self):
        pass

    def act(self, observation):
        return None


class Failing(Idle):
    def act(self, observation):
        raise RuntimeError("out of ideas")


@pytest.fixture(scope="module")
def cell():
    with simulated_aloha(realtime=False, cameras=()) as cell:
        yield cell


def drive(cell, agent, **limits):
    cell.world.set_out(SCENARIO.layout)
    cell.robot.gate.forget()  # another scene: nothing is held from the last
    cell.robot.gate.reset()
    loop = ControlLoop(cell.robot)
    loop.drive(agent)
    return attempt(loop, cell.world, SCENARIO.task, **limits)


def test_a_driver_that_does_nothing_runs_out_of_time(cell):
    found = drive(cell, Idle(), limit_secs=0.5)
    assert found.outcome is Outcome.RUNNING
    assert found.secs == pytest.approx(0.5)


def test_a_driver_that_dies_ends_the_attempt_with_its_error(cell):
    found = drive(cell, Failing(), limit_secs=5.0)
    assert str(found.failure) == "out of ideas"
    assert found.secs < 0.1


class Dropping:
    """Does as the expert until the thing has been up for a while, then lets it fall."""

    def __init__(self, expert, world, thing):
        self._expert, self._world, self._thing = expert, world, thing
        self._up = 0

    def reset(self):
        self._expert.reset()

    def act(self, observation):
        action = self._expert.act(observation)
        self._up += lifted(self._world, self._thing)
        if self._up > 14:  # judged a success by then
            action[[6, 13]] = 1.0
        return action


def test_a_success_that_is_dropped_while_it_should_be_held_is_none(cell):
    expert = expert_for(SCENARIO.task, cell.world)
    dropping = Dropping(expert, cell.world, SCENARIO.task.thing)
    assert drive(cell, dropping, limit_secs=6.0).outcome is Outcome.SUCCESS
    dropping = Dropping(expert_for(SCENARIO.task, cell.world), cell.world, SCENARIO.task.thing)
    found = drive(cell, dropping, limit_secs=6.0, hold_secs=0.5)
    assert found.outcome is not Outcome.SUCCESS


def test_who_takes_a_thing_himself_was_not_handed_it(cell):
    told = scenario("hand_over_yellow_cube_right", 600_000)
    cell.world.set_out(told.layout)
    cell.robot.gate.forget()  # another scene: nothing is held from the last
    cell.robot.gate.reset()
    loop = ControlLoop(cell.robot)
    loop.drive(expert_for(Pick(told.task.thing, told.task.arm), cell.world))
    found = attempt(loop, cell.world, told.task, limit_secs=6.0)
    assert found.outcome is Outcome.WRONG_ARM


def test_a_success_is_driven_on_for_the_time_asked(cell):
    begun = cell.world.now()
    expert = expert_for(SCENARIO.task, cell.world)
    found = drive(cell, expert, limit_secs=6.0, hold_secs=0.5)
    assert found.outcome is Outcome.SUCCESS
    assert cell.world.now() - begun == pytest.approx(found.secs + 0.5)
