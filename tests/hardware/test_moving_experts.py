"""The experts that move things do every task and make good what goes astray half-way."""

import numpy as np
import pytest

from hardware.aloha import START, arm_slice
from hardware.control_loop import ControlLoop
from hardware.safety.state import GateState
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.experts.expert import expert_for, plan_for
from hardware.simulation.experts.moving import Move
from hardware.simulation.experts.spots import ROOM, free_spot, line_spots
from hardware.simulation.layout import REGIONS, draw_layout
from hardware.simulation.tasks.arranging import LineUp
from hardware.simulation.tasks.catalogue import FAMILIES, scenario
from hardware.simulation.tasks.holding import nearer_arm
from hardware.simulation.tasks.task import Outcome, other_arm

MOVING = ("put", "insert", "stack", "store", "swap", "line_up", "sort")


@pytest.fixture(scope="module")
def cell():
    with simulated_aloha(realtime=False, cameras=()) as cell:
        yield cell


def set_out(cell, name, seed, axis=None):
    drawn = scenario(name, seed, axis)
    cell.world.set_out(drawn.layout)
    return drawn.task


def drive(cell, task, rng=None):
    """Let the expert of `task` drive; return the loop and its ticks."""
    loop = ControlLoop(cell.robot, [(ticks := []).append])
    cell.robot.gate.forget()  # another scene: nothing is held from the last
    cell.robot.gate.reset()
    loop.drive(expert_for(task, cell.world, rng))
    return loop, ticks


def ends(cell, loop, task):
    found = attempt(loop, cell.world, task, limit_secs=task.limit_secs)
    assert found.failure is None
    return found.outcome


def run(cell, loop, secs):
    deadline = cell.world.now()
    for _ in range(round(secs * 50)):
        loop.tick()
        deadline += 0.02
        cell.world.wait_until(deadline)
    assert loop.failure is None


@pytest.mark.parametrize("family", MOVING)
def test_the_expert_solves_unseen_starts_in_its_own_manner_and_the_gate_agrees(cell, family):
    task = set_out(cell, family, 700_001)
    loop, ticks = drive(cell, task, np.random.default_rng(1))
    assert ends(cell, loop, task) is Outcome.SUCCESS
    assert cell.robot.gate.state is GateState.ACTIVE
    for tick in ticks:
        assert np.allclose(tick.wanted, tick.action, atol=1e-4)


@pytest.mark.parametrize(
    ("family", "axis"), [("put", "instance"), ("insert", "instance"), ("store", "position")]
)
def test_the_expert_solves_what_training_never_shows(cell, family, axis):
    task = set_out(cell, family, 700_002, axis)
    loop, _ = drive(cell, task)
    assert ends(cell, loop, task) is Outcome.SUCCESS


def test_to_put_takes_the_arm_of_the_container_and_leaves_all_else_alone(cell):
    task = set_out(cell, "put", 700_003)
    loop, ticks = drive(cell, task)
    assert ends(cell, loop, task) is Outcome.SUCCESS
    idle = arm_slice(other_arm(nearer_arm(cell.world.layout, task.container)))
    assert all(np.array_equal(tick.action[idle], START[idle]) for tick in ticks)
    places = cell.world.object_positions()
    for thing in cell.world.layout.movables:
        if thing != task.thing:
            start = cell.world.layout.poses[thing][:3]
            assert np.linalg.norm(places[thing.name] - start) < 0.01


def test_a_thing_that_is_lost_on_the_way_is_taken_up_again(cell):
    task = set_out(cell, "put", 700_004)
    start = cell.world.layout.poses[task.thing]
    loop, _ = drive(cell, task)
    run(cell, loop, 2.5)
    assert cell.world.object_positions()[task.thing.name][2] > 0.05
    cell.world.place(cell.world.state(), {task.thing.name: start})
    assert ends(cell, loop, task) is Outcome.SUCCESS


def test_a_stack_that_fell_is_built_again(cell):
    task = set_out(cell, "stack_red_cube_green_cube", 700_005)
    loop, _ = drive(cell, task)
    assert ends(cell, loop, task) is Outcome.SUCCESS
    start = cell.world.layout.poses[task.order[-1]]
    cell.world.place(cell.world.state(), {task.order[-1].name: start})
    assert not task.done(cell.world)
    assert ends(cell, loop, task) is Outcome.SUCCESS


def test_a_plan_says_with_which_arm_and_a_task_that_moves_nothing_has_none(cell):
    task = set_out(cell, "insert", 700_006)
    (move,) = plan_for(task, cell.world.layout)(cell.world)
    assert isinstance(move, Move)
    assert move.arm == nearer_arm(cell.world.layout, task.socket)
    with pytest.raises(ValueError, match="pick"):
        plan_for(FAMILIES["pick"].every(cell.world.layout)[0], cell.world.layout)


def test_a_free_spot_is_free_and_on_the_table():
    region = REGIONS["blocks"]
    for seed in range(10):
        layout = draw_layout("blocks", seed)
        first, *_ = layout.poses.values()
        x, y = free_spot(layout, first[:2])
        assert region.low[0] <= x <= region.high[0] + 1e-6
        assert region.low[1] <= y <= region.high[1] + 1e-6
        gaps = [np.hypot(x - pose[0], y - pose[1]) for pose in layout.poses.values()]
        assert min(gaps) >= ROOM[0]


def test_a_row_runs_from_left_to_right_and_leaves_one_thing_where_it_can():
    kept = 0
    for seed in range(12):
        layout = draw_layout("blocks", seed)
        for task in LineUp.every(layout)[:4]:
            row = line_spots(layout, task.order)
            gaps = np.diff([x for x, _ in row])
            assert np.allclose(gaps, gaps[0])
            assert 0.07 < gaps[0] < 0.13
            assert len({y for _, y in row}) == 1
            kept += any(
                np.allclose(spot, layout.poses[thing][:2])
                for thing, spot in zip(task.order, row, strict=True)
            )
    assert kept >= 12
