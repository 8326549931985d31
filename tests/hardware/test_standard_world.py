from itertools import islice

import gymnasium
import numpy as np
import pytest
from gym_aloha.utils import sample_box_pose

from hardware.aloha import CAMERAS, CONTROL_HZ
from hardware.interfaces import Observation
from hardware.simulation.standard.attempt import Eyes, drive
from hardware.simulation.standard.demonstration import Shot, standard_demonstration
from hardware.simulation.standard.disturbance import Disturbance
from hardware.simulation.standard.drawing import CheapDrawing, StockDrawing
from hardware.simulation.standard.expert import standard_expert
from hardware.simulation.standard.success import Judge, achieved
from hardware.simulation.standard.task import INSERTION, STANDARD_TASKS, STEPS, TRANSFER
from hardware.simulation.standard.world import StandardWorld


@pytest.fixture(scope="module")
def transfer():
    world = StandardWorld(TRANSFER)
    yield world
    world.close()


@pytest.fixture(scope="module")
def insertion():
    world = StandardWorld(INSERTION)
    yield world
    world.close()


@pytest.fixture(scope="module")
def drawing(transfer):
    drawing = CheapDrawing(transfer)
    yield drawing
    drawing.close()


class Holding:
    """An agent that asks for the same pose at every tick."""

    def __init__(self, pose):
        self._pose = pose

    def reset(self):
        pass

    def act(self, observation):
        return self._pose


def test_steps_and_pictures_are_those_of_the_untouched_environment(transfer):
    theirs = gymnasium.make(TRANSFER.id, obs_type="pixels_agent_pos", disable_env_checker=True)
    seen, _ = theirs.reset(seed=7)
    transfer.reset(7)
    action = transfer.state + np.linspace(-0.3, 0.3, 14, dtype=np.float32)
    for _ in range(3):
        assert np.array_equal(transfer.state, seen["agent_pos"].astype(np.float32))
        seen, reward, *_ = theirs.step(action)
        assert transfer.step(action) == reward
    assert np.array_equal(transfer.data.qpos, theirs.unwrapped._env.physics.data.qpos)
    stock = StockDrawing(transfer).picture("cam_high", height=480, width=640)
    assert np.array_equal(stock, seen["pixels"]["top"])
    theirs.close()


def test_a_start_lies_where_the_environment_samples_it(transfer):
    transfer.reset(600_003)
    assert np.allclose(transfer.position("box"), sample_box_pose(600_003)[:3], atol=1e-6)


def test_the_same_start_and_actions_end_the_same(insertion):
    ends = []
    for _ in range(2):
        insertion.reset(3)
        expert = standard_expert(insertion, np.random.default_rng(1))
        for _ in drive(insertion, expert, steps=120):
            pass
        ends.append(insertion.data.qpos.copy())
    assert np.array_equal(*ends)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("kind", ["transfer", "insertion"])
def test_the_expert_succeeds_by_the_reward_and_strictly(kind, seed, request):
    world = request.getfixturevalue(kind)
    world.reset(seed)
    judge = Judge()
    for _ in drive(world, standard_expert(world, np.random.default_rng(seed))):
        judge.watch(world)
    verdict = judge.verdict()
    assert verdict.official
    assert verdict.strict
    assert verdict.reward == 4
    assert verdict.secs < STEPS / 50


def test_a_cube_that_both_hands_hold_was_officially_transferred_but_not_strictly(transfer):
    transfer.reset(2)
    judge = Judge()
    for tick in drive(transfer, standard_expert(transfer)):
        judge.watch(transfer)
        if transfer.reward == 4:
            commanded = tick.action
            break
    for _ in drive(transfer, Holding(commanded), steps=30):
        judge.watch(transfer)
    assert not achieved(transfer)
    assert transfer.arm_on("right", "box")
    assert judge.verdict().official
    assert not judge.verdict().strict


def test_an_agent_that_waits_leaves_the_arms_and_earns_nothing(insertion):
    insertion.reset(0)
    before, judge = insertion.state, Judge()
    for _ in drive(insertion, Holding(None), steps=50):
        judge.watch(insertion)
    assert np.allclose(insertion.state, before, atol=0.02)
    assert judge.verdict().reward == 0
    assert judge.verdict().secs is None


def test_pictures_are_new_only_when_it_is_time_to_look(transfer, drawing):
    transfer.reset(0)
    eyes = Eyes(drawing, ("cam_high",), every=4, height=24, width=32)
    ticks = list(drive(transfer, Holding(transfer.state), eyes, steps=9))
    seen = [tick.observation.frames["cam_high"].captured_at for tick in ticks]
    assert seen == pytest.approx([0.0] * 4 + [0.08] * 4 + [0.16])
    assert [tick.observation.timestamp for tick in ticks] == pytest.approx(np.arange(9) * 0.02)


def test_every_camera_sees_another_picture_and_drawing_moves_nothing(transfer, drawing):
    transfer.reset(0)
    before = transfer.data.qpos.copy()
    pictures = [drawing.picture(name, height=48, width=64) for name in CAMERAS]
    assert len({picture.tobytes() for picture in pictures}) == len(CAMERAS)
    assert all(picture.shape == (48, 64, 3) for picture in pictures)
    assert np.array_equal(transfer.data.qpos, before)
    with pytest.raises(ValueError, match=r"cam_high.*got 'cam_back'"):
        drawing.picture("cam_back", height=48, width=64)


def test_the_cheap_picture_shows_what_the_stock_one_shows(transfer, drawing):
    transfer.reset(5)
    stock = StockDrawing(transfer)
    for camera in ("cam_high", "cam_low"):
        cheap, theirs = (
            each.picture(camera, height=120, width=160).astype(int) for each in (drawing, stock)
        )
        red = [(p[..., 0] > 150) & (p[..., 1] < 90) & (p[..., 2] < 90) for p in (cheap, theirs)]
        middles = [np.argwhere(mask).mean(0) for mask in red]
        assert np.abs(middles[0] - middles[1]).max() < 1.0
        assert np.median(np.abs(cheap - theirs)) < 4


def test_a_disturbed_start_moves_the_arms_and_not_the_things(transfer):
    transfer.reset(4)
    arms, box = transfer.state, transfer.position("box")
    Disturbance(transfer, np.random.default_rng(0))
    assert np.abs(transfer.state - arms).max() > 0.1
    assert np.array_equal(transfer.position("box"), box)
    wanted = transfer.state
    wanted[6] = 0.5
    transfer.move_arms(wanted)
    assert np.allclose(transfer.state, wanted, atol=1e-6)


@pytest.mark.parametrize("thing", ["peg"])
def test_the_expert_takes_up_again_what_slipped_out_of_its_fingers(insertion, thing):
    insertion.reset(1)
    place = insertion.position(thing) + np.array([0.01, 0.02, 0.0])
    judge, lost = Judge(), False
    for _ in drive(insertion, standard_expert(insertion)):
        judge.watch(insertion)
        if not lost and insertion.position(thing)[2] > 0.08:
            insertion.put(thing, place)
            lost = True
    assert lost
    assert judge.verdict().strict


@pytest.mark.parametrize("name", STANDARD_TASKS)
def test_a_demonstration_is_a_function_of_its_seed(name):
    shot = Shot(("cam_high",), 24, 32, 10)
    first, second = (standard_demonstration(name, 11, shot, disturbed=True) for _ in range(2))
    assert first is not None
    assert second is not None
    assert len(first) == len(second) < STEPS
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.action, other.action)
        assert np.array_equal(one.observation.state, other.observation.state)
    images = [ticks[-1].observation.frames["cam_high"].image for ticks in (first, second)]
    assert np.array_equal(*images)


def test_a_demonstration_is_filmed_at_a_whole_fraction_of_the_control_rate():
    with pytest.raises(ValueError, match="whole fraction of 50"):
        Shot(("cam_high",), 24, 32, 15)


def test_actions_stay_within_what_the_arms_can_do(transfer):
    transfer.reset(6)
    expert = standard_expert(transfer, np.random.default_rng(6))
    expert.reset()
    last = transfer.state
    for _ in range(200):
        action = expert.act(Observation(transfer.now(), transfer.state, {}))
        assert np.abs(action - last)[[0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]].max() < 0.15
        last = action
        transfer.step(action)


def test_speeds_and_forces_are_those_of_the_arms_physics(transfer):
    transfer.reset(6)
    expert = standard_expert(transfer, np.random.default_rng(6))
    ticks = list(islice(drive(transfer, expert), 120))
    state = np.array([tick.observation.state for tick in ticks])
    velocity = np.array([tick.observation.motion.velocity for tick in ticks])
    effort = np.array([tick.observation.motion.effort for tick in ticks])
    assert velocity.shape == effort.shape == state.shape
    moved = np.gradient(state, 1 / CONTROL_HZ, axis=0)
    for joint in (*range(6), *range(7, 13)):
        if np.abs(moved[:, joint]).max() > 0.3:
            assert np.corrcoef(velocity[:, joint], moved[:, joint])[0, 1] > 0.95
    assert np.abs(moved[:, :6]).max() > 0.3
    grips = np.abs(moved[:, 6]) > 1
    assert grips.any() and (np.sign(velocity[grips, 6]) == np.sign(moved[grips, 6])).mean() > 0.9
    assert np.abs(effort[:, 1]).mean() > 1, "a stretched arm weighs on its shoulder"
