import numpy as np
import pytest

from hardware.aloha import CAMERAS
from hardware.simulation.standard.task import INSERTION, TRANSFER
from policy.evaluation.environment import Ending, Environment, Start
from policy.evaluation.environments import open_environment
from policy.evaluation.film import Film
from policy.evaluation.floors import BlindDriver, blind_driver
from policy.evaluation.gym_aloha import GymAloha
from policy.evaluation.planner import PlanningDriver, Replanning
from policy.evaluation.request import Rules
from policy.first_look import live
from policy.interface import ActionChunk


@pytest.fixture(scope="module")
def environment():
    return GymAloha(Rules())


class Staying:
    """A policy that plans to stay, and remembers what it was asked."""

    def __init__(self, embodiment, tasks=()):
        self.embodiment, self.tasks = embodiment, tasks
        self.asked = []

    def predict_action_chunk(self, observation, task, previous=None):
        self.asked.append((task, observation))
        return ActionChunk(np.tile(observation.state, (30, 1)), observation.timestamp, 50.0)


def staying(environment, tasks=(), cameras=("cam_high",)):
    policy = Staying(environment.embodiment, tasks)
    driver = PlanningDriver(policy, cameras, Replanning(0.5), lambda briefing: None)
    return policy, driver


def test_it_is_an_environment_with_the_body_of_the_aloha(environment):
    assert isinstance(environment, Environment)
    assert environment.embodiment.camera_names == CAMERAS
    assert len(environment.embodiment.action_channels) == 14
    assert not environment.swaps


def test_it_opens_by_its_name_and_by_that_of_a_task():
    assert open_environment("gym_aloha", Rules())[0].name == "gym_aloha"
    _, named = open_environment(TRANSFER.id, Rules())
    assert named == (TRANSFER.id,)
    with pytest.raises(ValueError, match=r"AlohaTransferCube-v0.*got 'gym_aloha/Pour-v0'"):
        open_environment("gym_aloha/Pour-v0", Rules())


def test_a_task_that_is_named_twice_is_measured_once():
    assert open_environment("pick,stack,pick", Rules())[1] == ("pick", "stack")


@pytest.mark.parametrize("task", [TRANSFER.id, INSERTION.id])
def test_the_expert_succeeds_and_who_does_nothing_does_not(environment, task):
    start = Start(task, None, 500_000)
    expert = environment.attempt(start, blind_driver("expert", environment.embodiment), None)
    assert (expert.ending, expert.strict) == (Ending.SUCCESS, True)
    assert 2 < expert.secs < 6
    idle = environment.attempt(start, blind_driver("nothing", environment.embodiment), None)
    assert (idle.ending, idle.strict, idle.secs) == (Ending.TIME_OUT, False, 8.0)


def test_attempts_do_not_depend_on_earlier_ones(environment):
    driver = blind_driver("expert", environment.embodiment)
    short = GymAloha(Rules(limit_secs=2.0))
    first, _, again = (
        short.attempt(Start(INSERTION.id, None, seed), driver, None)
        for seed in (600_001, 600_002, 600_001)
    )
    assert first == again


class Wild:
    """Acts well at first, and then as no robot could."""

    def __init__(self, agent, actions, until=0.0):
        self.agent, self.actions, self.until = agent, actions, until

    def reset(self):
        self.agent.reset()

    def act(self, observation):
        wanted = self.agent.act(observation)
        return wanted if observation.timestamp < self.until else self.actions()


def test_actions_that_break_the_physics_fail_the_attempt_and_nothing_else(caplog):
    environment = GymAloha(Rules(limit_secs=4.0))
    start, rng = Start(TRANSFER.id, None, 600_001), np.random.default_rng(0)

    def wild(actions, until=0.0):
        driver = BlindDriver(lambda told: Wild(told.expert(), actions, until))
        return environment.attempt(start, driver, None)

    def nan():
        return np.full(14, np.nan, np.float32)

    for broken in (wild(nan, 0.5), wild(lambda: rng.uniform(-3, 3, 14).astype(np.float32))):
        assert (broken.ending, broken.strict) == (Ending.TIME_OUT, False)
        assert broken.secs < 4
    assert caplog.text.count("broke the physics") == 2

    late = wild(nan, 3.8)  # the reward was full by then, which is all that the makers ask
    assert late.success and not late.strict
    whole = environment.attempt(start, blind_driver("expert", environment.embodiment), None)
    assert whole.strict and whole.secs == late.secs


def test_a_policy_may_be_told_a_task_that_it_was_not_trained_on():
    environment, told = GymAloha(Rules(limit_secs=0.1)), []
    for tasks in ((TRANSFER.wordings[0],), ("fold the towel",)):
        policy = Staying(environment.embodiment, tasks)
        driver = PlanningDriver(policy, ("cam_high",), Replanning(0.1), told.append)
        environment.attempt(Start(TRANSFER.id, None, 500_000), driver, None)
    assert [each.any_words for each in told] == [False, True]
    assert told[0].seed == told[1].seed != 500_000


def test_a_policy_sees_the_present_whenever_it_plans():
    environment = GymAloha(Rules(limit_secs=2.0))
    policy, driver = staying(environment, cameras=("cam_high", "cam_right_wrist"))
    result = environment.attempt(Start(TRANSFER.id, None, 500_001), driver, None)
    assert result.ending is Ending.TIME_OUT
    assert [seen.timestamp for _, seen in policy.asked] == pytest.approx([0.0, 0.5, 1.0, 1.5])
    for _, seen in policy.asked:
        assert set(live(seen.frames)) == {"cam_high", "cam_right_wrist"}
        now = [seen.frames[name].captured_at for name in live(seen.frames)]
        assert now == [seen.timestamp] * 2
        assert seen.frames["cam_high"].image.shape == (240, 320, 3)


def test_it_speaks_words_that_were_trained_but_on_the_axis_of_instructions():
    environment = GymAloha(Rules(limit_secs=0.1))
    known = TRANSFER.wordings[3]
    _, driver = staying(environment, tasks=(known,))
    assert environment.select(driver.tasks) == (TRANSFER.id,)
    for seed in range(500_000, 500_004):
        told = environment.attempt(Start(TRANSFER.id, None, seed), driver, None)
        other = environment.attempt(Start(TRANSFER.id, "instruction", seed), driver, None)
        assert told.instruction == known
        assert other.instruction in TRANSFER.held_out


def test_a_policy_trained_on_other_words_is_told_so(environment):
    with pytest.raises(ValueError, match=r"neither of .*only on: fold the towel"):
        environment.select(("fold the towel",))
    assert environment.select(()) == environment.tasks


def test_stock_rendering_looks_with_the_makers_size_and_cameras():
    environment = GymAloha(Rules(limit_secs=0.1, stock_rendering=True))
    policy, driver = staying(environment)
    environment.attempt(Start(INSERTION.id, None, 500_000), driver, None)
    assert policy.asked[0][1].frames["cam_high"].image.shape == (480, 640, 3)


def test_a_film_changes_nothing_and_lasts_as_long_as_the_attempt():
    environment = GymAloha(Rules(limit_secs=1.0))
    driver = blind_driver("random", environment.embodiment)
    start, film = Start(TRANSFER.id, None, 500_000), Film(fps=10, height=48, width=64)
    assert environment.attempt(start, driver, film) == environment.attempt(start, driver, None)
    assert len(film) in (10, 11)
