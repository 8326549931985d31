"""The scripted expert does every task, also from disturbed starts; only physics judges it."""

import numpy as np
import pytest

from hardware.aloha import START
from hardware.control_loop import ControlLoop
from hardware.safety import GateState
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.expert import expert_for
from hardware.simulation.starts import DisturbedStarts
from hardware.simulation.tasks import TASKS, Judge, Outcome, task_named


@pytest.fixture(scope="module")
def cell():
    with simulated_aloha(realtime=False, cameras=()) as cell:
        yield cell


def attempt(cell, task, judged=None):
    loop = ControlLoop(cell.robot, [(ticks := []).append])
    cell.robot.gate.reset()
    loop.drive(expert_for(task, cell.world))
    judge = Judge(judged or task)
    deadline = cell.world.now()
    for _ in range(450):
        loop.tick()
        deadline += 0.02
        cell.world.wait_until(deadline)
        if judge.watch(cell.world) is not Outcome.RUNNING:
            break
    assert loop.failure is None
    return judge.outcome, ticks


@pytest.mark.parametrize("name", TASKS)
def test_the_expert_solves_unseen_starts(cell, name):
    for seed in (700_001, 700_002):
        cell.world.reset(seed)
        outcome, _ = attempt(cell, TASKS[name])
        assert outcome is Outcome.SUCCESS


@pytest.mark.parametrize("name", ["pick_red_cube_left", "pick_yellow_cube_right", "hand_over_red_cube_left"])
def test_the_expert_finds_back_from_disturbed_starts(cell, name):
    starts = DisturbedStarts()
    for seed in (1, 2, 3):
        cell.world.reset(seed)
        start = starts.disturb(cell.world, TASKS[name], np.random.default_rng(seed))
        assert not np.allclose(start, START, atol=0.05)
        outcome, _ = attempt(cell, TASKS[name])
        assert outcome is Outcome.SUCCESS


def test_a_pick_is_brisk_smooth_and_leaves_the_other_arm_at_rest(cell):
    cell.world.reset(11)
    outcome, ticks = attempt(cell, TASKS["pick_green_cube_left"])
    assert outcome is Outcome.SUCCESS
    assert 1.5 < len(ticks) / 50 < 3.5
    actions = np.array([tick.action for tick in ticks])
    assert np.array_equal(actions[:, 7:], np.tile(START[7:], (len(actions), 1)))
    jerks = np.diff(actions[:, :6], n=2, axis=0)
    assert np.abs(jerks).max() < 0.03


def test_the_gate_passes_the_expert_unchanged(cell):
    cell.world.reset(12)
    _, ticks = attempt(cell, TASKS["pick_blue_cube_right"])
    assert cell.robot.gate.state is GateState.ACTIVE
    for tick in ticks:
        assert np.allclose(tick.wanted, tick.action, atol=1e-4)


def test_lifting_another_cube_is_judged_as_the_wrong_object(cell):
    cell.world.reset(13)
    outcome, _ = attempt(cell, TASKS["pick_red_cube_left"], judged=TASKS["pick_blue_cube_left"])
    assert outcome is Outcome.WRONG_OBJECT
    assert TASKS["pick_blue_cube_left"].wrong_object(cell.world) == "red"


def test_using_the_other_arm_is_not_success(cell):
    cell.world.reset(14)
    outcome, _ = attempt(cell, TASKS["pick_red_cube_left"], judged=TASKS["pick_red_cube_right"])
    assert outcome is Outcome.WRONG_ARM


def test_a_cube_held_by_both_arms_is_not_yet_transferred(cell):
    cell.world.reset(15)
    outcome, _ = attempt(cell, TASKS["pick_red_cube_right"], judged=TASKS["hand_over_red_cube_left"])
    assert outcome is Outcome.RUNNING


def test_nothing_is_done_before_anything_moved(cell):
    cell.world.reset(16)
    for task in TASKS.values():
        assert not task.done(cell.world)
        assert task.wrong_object(cell.world) is None


def test_every_task_has_five_wordings_that_name_cube_and_arm():
    for task in TASKS.values():
        assert len(set(task.wordings)) >= 5
        assert task.instruction() == task.wordings[0]
        for wording in task.wordings:
            assert task.cube in wording
            assert task.arm in wording


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="pick_red_cube_left"):
        task_named("dance")
