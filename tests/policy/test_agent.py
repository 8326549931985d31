import dataclasses
import threading

import numpy as np
import pytest

from hardware.bodies import body_named
from hardware.interfaces import Observation
from policy.agent import PolicyAgent
from policy.interface import ActionChunk

FRANKA = body_named("franka_joints")
TWO_JOINTS = dataclasses.replace(FRANKA, action_channels=FRANKA.action_channels[:2])


def look(timestamp):
    return Observation(timestamp, np.zeros(2, np.float32), {})


class Constant:
    """Plans to stay at the number of the plan."""

    embodiment = TWO_JOINTS
    tasks = ()

    def __init__(self):
        self.plans = 0
        self.go = threading.Event()
        self.go.set()

    def predict_action_chunk(self, observation, task):
        self.go.wait(5)
        self.plans += 1
        rows = np.full((16, 2), self.plans, np.float32)
        return ActionChunk(rows, observation.timestamp, 10.0)


def test_a_chunk_is_read_by_the_clock():
    rows = np.array([[0, 0], [10, 20]], np.float32)
    chunk = ActionChunk(rows, observed_at=100.0, hz=10.0)

    assert chunk.at(100.0).tolist() == [0, 0]
    np.testing.assert_allclose(chunk.at(100.05), [5, 10], atol=1e-4)
    assert chunk.at(100.2) is None
    assert chunk.ends_at == 100.1


def test_planning_in_step_follows_the_clock():
    policy = Constant()
    agent = PolicyAgent(policy, "go", replan_secs=0.4, background=False)
    for tick in range(50):
        agent.act(look(tick * 0.02))
    assert policy.plans == 3  # at 0.0, 0.4 and 0.8 s


def test_a_new_plan_is_faded_in():
    agent = PolicyAgent(Constant(), "go", replan_secs=0.4, background=False)
    agent.act(look(0.0))
    assert agent.act(look(0.4)).tolist() == [1, 1]
    np.testing.assert_allclose(agent.act(look(0.5)), [1.5, 1.5], atol=1e-4)
    np.testing.assert_allclose(agent.act(look(0.7)), [2, 2], atol=1e-4)


def test_the_loop_never_waits_for_a_plan():
    policy = Constant()
    policy.go.clear()
    agent = PolicyAgent(policy, "go")

    assert agent.act(look(0.0)) is None
    assert agent.act(look(0.1)) is None
    policy.go.set()
    agent._plan.result()
    assert agent.act(look(0.2)).tolist() == [1, 1]
    agent.close()


def test_past_its_chunk_the_agent_lets_the_arm_be():
    policy = Constant()
    agent = PolicyAgent(policy, "go", replan_secs=100.0, background=False)
    agent.act(look(0.0))
    assert agent.act(look(1.4)) is not None
    assert agent.act(look(1.6)) is None


def test_a_failed_plan_is_raised():
    class Broken(Constant):
        def predict_action_chunk(self, observation, task):
            raise RuntimeError("out of memory")

    agent = PolicyAgent(Broken(), "go", background=False)
    with pytest.raises(RuntimeError, match="out of memory"):
        agent.act(look(0.0))
