"""The experts that hold and push do their tasks, varied and from disturbed starts."""

from dataclasses import replace

import numpy as np
import pytest

from hardware.aloha import START, arm_slice
from hardware.control_loop import ControlLoop
from hardware.safety.state import GateState
from hardware.simulated_aloha import simulated_aloha
from hardware.simulation.attempt import attempt
from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.experts.picking import PickExpert
from hardware.simulation.experts.variation import STEADY, Variation, draw_variation
from hardware.simulation.starts import DisturbedStarts
from hardware.simulation.tasks.catalogue import scenario
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.task import Outcome, other_arm

FAMILIES = ("pick", "hand_over", "push")


@pytest.fixture(scope="module")
def cell():
    with simulated_aloha(realtime=False, cameras=()) as cell:
        yield cell


def try_once(cell, expert, task, *, limit_secs=None):
    loop = ControlLoop(cell.robot, [(ticks := []).append])
    cell.robot.gate.forget()  # another scene: nothing is held from the last
    cell.robot.gate.reset()
    loop.drive(expert)
    found = attempt(loop, cell.world, task, limit_secs=limit_secs or task.limit_secs)
    assert found.failure is None
    return found.outcome, ticks


def set_out(cell, name, seed, axis=None):
    drawn = scenario(name, seed, axis)
    cell.world.set_out(drawn.layout)
    return drawn.task


@pytest.mark.parametrize(
    ("family", "axis"),
    [(family, None) for family in FAMILIES] + [("pick", "instance"), ("push", "position")],
)
def test_the_expert_solves_unseen_starts(cell, family, axis):
    task = set_out(cell, family, 700_001, axis)
    outcome, _ = try_once(cell, expert_for(task, cell.world), task)
    assert outcome is Outcome.SUCCESS


@pytest.mark.parametrize("family", FAMILIES)
def test_the_expert_varies_and_the_gate_passes_it_unchanged(cell, family):
    paths = []
    for seed, limit_secs in ((1, None), (2, 1.0)):
        task = set_out(cell, family, 700_003)
        expert = expert_for(task, cell.world, np.random.default_rng(seed))
        outcome, ticks = try_once(cell, expert, task, limit_secs=limit_secs)
        assert outcome is (Outcome.SUCCESS if limit_secs is None else Outcome.RUNNING)
        assert cell.robot.gate.state is GateState.ACTIVE
        for tick in ticks:
            assert np.allclose(tick.wanted, tick.action, atol=1e-4)
        paths.append(np.array([tick.action for tick in ticks[:50]]))
    assert np.abs(paths[0] - paths[1]).max() > 0.05


@pytest.mark.parametrize("family", FAMILIES)
def test_the_expert_finds_back_from_disturbed_starts(cell, family):
    for seed in (1, 3):
        task = set_out(cell, family, seed)
        rng = np.random.default_rng(seed)
        start = DisturbedStarts().disturb(cell.world, task, rng)
        assert np.array_equal(cell.world.state(), start)
        assert not np.allclose(start, START, atol=0.05)
        assert not task.done(cell.world)
        outcome, _ = try_once(cell, expert_for(task, cell.world, rng), task)
        assert outcome is Outcome.SUCCESS


def test_the_same_draws_disturb_the_same_way(cell):
    states = []
    for _ in range(2):
        task = set_out(cell, "hand_over", 5)
        DisturbedStarts().disturb(cell.world, task, np.random.default_rng(5))
        states.append(cell.world.data.qpos.copy())
    assert np.array_equal(*states)


def test_some_disturbed_starts_hold_the_thing_already(cell):
    held = 0
    for seed in range(8):
        task = set_out(cell, "pick", seed)
        DisturbedStarts().disturb(cell.world, task, np.random.default_rng(seed))
        held += Contacts.of(cell.world).fingers_on(task.arm, task.thing.name) == 2
    assert 0 < held < 8


def test_a_missed_grasp_is_found_missed_and_corrected(cell):
    task = set_out(cell, "pick_green_cube_right", 9)
    expert = PickExpert(cell.world, task, Variation(miss=(-0.03, 0.0, 0.005)))
    outcome, ticks = try_once(cell, expert, task)
    assert outcome is Outcome.SUCCESS
    opening = np.array([tick.observation.state[arm_slice("right")][-1] for tick in ticks])
    empty = int(opening.argmin())
    assert opening[empty] < 0.2
    assert opening[empty:].max() > 0.9
    assert 0.5 < opening[-1] < 0.85


def test_mistakes_are_drawn_now_and_then_and_nothing_varies_by_itself():
    drawn = [draw_variation(np.random.default_rng(seed)) for seed in range(300)]
    missed = [each for each in drawn if each.miss is not None]
    assert 20 < len(missed) < 80
    assert all(0.028 <= np.linalg.norm(each.miss) < 0.045 for each in missed)
    assert missed[0].corrected() == replace(missed[0], miss=None)
    assert Variation() == STEADY
    assert len({each.speed for each in drawn}) == 300


def test_a_pick_is_brisk_smooth_and_leaves_the_other_arm_at_rest(cell):
    task = set_out(cell, "pick_green_cube_left", 11)
    outcome, ticks = try_once(cell, expert_for(task, cell.world), task)
    assert outcome is Outcome.SUCCESS
    assert 1.5 < len(ticks) / 50 < 3.5
    actions = np.array([tick.action for tick in ticks])
    assert np.array_equal(actions[:, 7:], np.tile(START[7:], (len(actions), 1)))
    jerks = np.diff(actions[:, :6], n=2, axis=0)
    assert np.abs(jerks).max() < 0.03


def test_a_push_leaves_the_others_alone_and_withdraws(cell):
    task = set_out(cell, "push", 14)
    before = cell.world.object_positions()
    outcome, _ = try_once(cell, expert_for(task, cell.world), task)
    assert outcome is Outcome.SUCCESS
    after = cell.world.object_positions()
    pusher = other_arm(task.side)
    assert np.linalg.norm(cell.world.tip(pusher) - after[task.thing.name]) > 0.06
    for name in set(before) - {task.thing.name}:
        assert np.allclose(before[name], after[name], atol=2e-3)


def test_lifting_another_thing_is_judged_as_the_wrong_object(cell):
    asked = set_out(cell, "pick_red_cube_left", 13)
    other = next(each for each in cell.world.things if each != asked.thing)
    outcome, _ = try_once(cell, expert_for(Pick(other, "left"), cell.world), asked)
    assert outcome is Outcome.WRONG_OBJECT


def test_using_the_other_arm_is_not_success(cell):
    task = set_out(cell, "pick_red_cube_left", 14)
    other = Pick(task.thing, "right")
    outcome, _ = try_once(cell, expert_for(task, cell.world), other)
    assert outcome is Outcome.WRONG_ARM


def test_a_thing_that_was_only_picked_up_is_not_yet_handed_over(cell):
    task = set_out(cell, "pick_red_cube_right", 15)
    asked = HandOver(task.thing, "left")
    outcome, _ = try_once(cell, expert_for(task, cell.world), asked, limit_secs=4.0)
    assert outcome is Outcome.RUNNING


def test_a_hand_over_goes_on_when_the_taker_already_has_it(cell):
    task = set_out(cell, "hand_over_red_cube_left", 16)
    first = expert_for(task, cell.world)
    outcome, _ = try_once(cell, first, task)
    assert outcome is Outcome.SUCCESS
    _, ticks = try_once(cell, expert_for(task, cell.world), task, limit_secs=0.5)
    giver = np.array([tick.action[arm_slice("right")][-1] for tick in ticks])
    assert giver.min() > 0.8
