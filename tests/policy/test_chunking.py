"""Chunks that overlap: aligned by the clock, blended, and continued while the next is planned."""

import dataclasses

import numpy as np
import pytest

from hardware.bodies import body_named
from hardware.interfaces import Observation
from policy.agent import Execution, PolicyAgent
from policy.blending import Taken, blend
from policy.interface import ActionChunk, Commitment
from policy.local import LocalPolicy
from policy.model.end_effector_actions import without_jumps
from policy.model.sampling import Sampling
from policy.serve import read_commitment

TASK = "pick up the red cube"
FRANKA = body_named("franka_joints")
TWO_JOINTS = dataclasses.replace(FRANKA, action_channels=FRANKA.action_channels[:2])


def look(timestamp):
    return Observation(timestamp, np.zeros(2, np.float32), {})


class Clock:
    """Plans to be, at any moment, where the clock stands: a rate of 1 a second from the start."""

    embodiment = TWO_JOINTS
    tasks = ()

    def __init__(self):
        self.told = []

    def predict_action_chunk(self, observation, task, previous=None):
        self.told.append(previous)
        rows = observation.timestamp + np.arange(16) / 10
        return ActionChunk(np.repeat(rows[:, None], 2, 1).astype(np.float32), rows[0], 10.0)


def drive(agent, seconds, hz=50):
    actions = [agent.act(look(tick / hz)) for tick in range(round(seconds * hz))]
    return np.array([np.nan if action is None else action[0] for action in actions])


@pytest.mark.parametrize("way", ["fade", "ensemble", "none"])
@pytest.mark.parametrize("delay", [0.0, 0.2, 0.5])
def test_a_slow_plan_is_entered_at_the_row_of_the_present(way, delay):
    agent = PolicyAgent(Clock(), "go", background=False, execution=Execution(way, delay_secs=delay))
    followed = drive(agent, 3.0)
    times = np.arange(len(followed)) / 50
    waited = times < delay - 1e-9
    assert np.isnan(followed[waited]).all()
    np.testing.assert_allclose(followed[~waited], times[~waited], atol=1e-4)
    assert agent.plan_secs == pytest.approx(delay, abs=0.021)


def test_rows_are_aligned_by_time_when_rates_differ():
    chunk = ActionChunk(np.arange(11, dtype=np.float32)[:, None], observed_at=2.0, hz=10.0)

    rows = chunk.rows(2.25, hz=20.0, count=4)
    np.testing.assert_allclose(rows[:, 0], [2.5, 3.0, 3.5, 4.0], atol=1e-4)
    late = chunk.rows(2.8, hz=5.0, count=16)
    np.testing.assert_allclose(late[:, 0], [8, 10], atol=1e-4)  # only as far as it reaches
    assert len(chunk.rows(9.0, hz=10.0, count=4)) == 0


def test_rows_up_to_the_take_over_and_the_next_are_committed():
    chunk = ActionChunk(np.zeros((16, 2), np.float32), observed_at=0.0, hz=10.0)

    def committed(until):
        return Commitment(chunk, until).seen_from(0.4, hz=10.0, horizon=16)[1]

    assert committed(0.4) == 1  # planning takes no time: only where it stands
    assert committed(0.6) == 3  # due at 0.4, 0.5 and 0.6
    assert committed(0.65) == 4
    assert committed(9.0) == 12  # no more than the chunk in play has


def test_a_continuing_agent_tells_what_it_will_do_while_the_policy_plans():
    policy = Clock()
    execution = Execution("none", continuing=True, delay_secs=0.2)
    agent = PolicyAgent(policy, "go", background=False, execution=execution)
    drive(agent, 1.0)

    assert policy.told[0] is None  # nothing is in play yet
    assert policy.told[1].chunk.observed_at == 0.0
    assert policy.told[1].until == pytest.approx(0.6)  # asked at 0.4, as slow as the first


def test_an_agent_that_does_not_continue_tells_nothing():
    policy = Clock()
    drive(PolicyAgent(policy, "go", background=False), 1.0)
    assert policy.told == [None] * 3


def test_the_ensemble_weighs_the_older_plan_more():
    old, new = (ActionChunk(np.full((16, 2), n, np.float32), 0.0, 10.0) for n in (0, 1))
    taken = [Taken(old, 0.0), Taken(new, 0.4)]
    share = float(blend(taken, 0.5, "ensemble")[0])

    assert share == pytest.approx(np.exp(-0.01) / (1 + np.exp(-0.01)))
    assert blend([], 0.0, "ensemble") is None
    assert blend(taken, 9.0, "ensemble") is None
    assert blend(taken, 0.41, "none").tolist() == [1, 1]


@pytest.fixture
def policy(checkpoint):
    return LocalPolicy(checkpoint)


def later(observation, seconds):
    return dataclasses.replace(observation, timestamp=observation.timestamp + seconds)


@pytest.mark.parametrize("way", ["overwrite", "guide"])
def test_a_policy_goes_on_from_the_chunk_in_play(policy, observation, way):
    policy.sampling = Sampling(3, way)
    first = policy.predict_action_chunk(observation, TASK)
    seen = later(observation, 0.4)
    second = policy.predict_action_chunk(seen, TASK, Commitment(first, seen.timestamp + 0.25))
    free = policy.predict_action_chunk(seen, TASK)

    for ahead in (0.0, 0.1, 0.25):  # whenever it takes over until then, nothing jumps
        now = seen.timestamp + ahead
        np.testing.assert_allclose(second.at(now), first.at(now), atol=1e-4)
    assert np.abs(free.actions - second.actions).max() > 0.01


def test_a_chunk_that_has_run_out_is_not_continued(policy, observation):
    first = policy.predict_action_chunk(observation, TASK)
    seen = later(observation, 9.0)
    policy.seed(3)
    told = policy.predict_action_chunk(seen, TASK, Commitment(first, seen.timestamp))
    policy.seed(3)
    np.testing.assert_array_equal(told.actions, policy.predict_action_chunk(seen, TASK).actions)


def test_a_chunk_of_another_body_is_not_continued(policy, observation):
    other = ActionChunk(np.zeros((16, 3), np.float32), observation.timestamp, 10.0)
    with pytest.raises(ValueError, match="14 action channels, got a chunk in play of 3"):
        policy.predict_action_chunk(observation, TASK, Commitment(other, observation.timestamp))


def test_a_commitment_crosses_to_a_server_whose_clock_differs():
    rows = np.ones((4, 14), np.float32)
    told = {"actions": rows, "hz": 10.0, "age": 0.4, "until": 0.2}
    read = read_commitment({"continue": told}, observed_at=100.0)

    assert read.chunk.observed_at == 99.6 and read.until == 100.2 and read.chunk.hz == 10
    assert read_commitment({}, observed_at=100.0) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"actions": None}, "more than 0 Hz"),
        ({"hz": 0.0}, "more than 0 Hz"),
        ({"actions": np.full((2, 14), np.nan, np.float32)}, "finite"),
        ({"until": "soon"}, "are needed"),
    ],
)
def test_a_torn_commitment_is_refused_by_the_server(changed, words):
    told = {"actions": np.ones((4, 14)), "hz": 10.0, "age": 0.4, "until": 0.2, **changed}
    with pytest.raises(ValueError, match=words):
        read_commitment({"continue": told}, observed_at=100.0)


def test_more_committed_than_was_trained_is_guided_instead(policy, observation):
    """Rows that the network may not be given clean are still where the robot will be."""
    policy.sampling = Sampling(3, "trained")
    policy.config = dataclasses.replace(policy.config, longest_prefix=2)
    policy.checkpoint.model.config = policy.config
    first = policy.predict_action_chunk(observation, TASK)
    seen = later(observation, 0.4)
    second = policy.predict_action_chunk(seen, TASK, Commitment(first, seen.timestamp + 0.5))
    for ahead in (0.0, 0.3, 0.5):
        now = seen.timestamp + ahead
        np.testing.assert_allclose(second.at(now), first.at(now), atol=1e-4)


class Wavering(Clock):
    """Plans to stay at 1 and at -1 by turns."""

    def predict_action_chunk(self, observation, task, previous=None):
        self.told.append(previous)
        side = 1.0 if len(self.told) % 2 else -1.0
        return ActionChunk(np.full((16, 2), side, np.float32), observation.timestamp, 10.0)


def largest_step(replan_secs):
    agent = PolicyAgent(Wavering(), "go", replan_secs=replan_secs, background=False)
    return np.abs(np.diff(drive(agent, 4.0))).max()


@pytest.mark.parametrize("replan_secs", [0.04, 0.1, 0.16])
def test_plans_quicker_than_the_fade_jerk_no_more_than_slow_ones(replan_secs):
    assert largest_step(replan_secs) <= 1.05 * largest_step(0.4)


def test_an_old_chunk_that_ends_while_the_new_one_is_faded_in_leaves_no_jump():
    old = ActionChunk(np.zeros((2, 2), np.float32), 0.0, 10.0)  # ends at 0.1
    new = ActionChunk(np.ones((16, 2), np.float32), 0.05, 10.0)
    taken = [Taken(old, 0.0), Taken(new, 0.05)]
    said = [blend(taken, 0.05 + i / 100, "fade")[0] for i in range(22)]
    np.testing.assert_allclose(np.diff(said)[:19], 0.05, atol=1e-3)


class Turning(Clock):
    """Turns the gripper on and on, said in numbers of -pi to pi, as a network does."""

    embodiment = body_named("widowx")

    def predict_action_chunk(self, observation, task, previous=None):
        rows = np.zeros((16, 7), np.float32)
        yaw = 2.6 + observation.timestamp + np.arange(16) / 10
        rows[:, 5] = (yaw + np.pi) % (2 * np.pi) - np.pi
        rows = without_jumps(self.embodiment.action_channels, rows)  # within itself each is smooth
        return ActionChunk(rows, observation.timestamp, 10.0)


@pytest.mark.parametrize("way", ["fade", "ensemble", "none"])
def test_a_turn_beyond_half_goes_on_from_chunk_to_chunk(way):
    agent = PolicyAgent(Turning(), "go", background=False, execution=Execution(way))
    said = np.array([agent.act(look(tick / 50))[5] for tick in range(150)])
    np.testing.assert_allclose(said, 2.6 + np.arange(150) / 50, atol=1e-3)
