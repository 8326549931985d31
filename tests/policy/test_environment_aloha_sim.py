"""Our simulated ALOHA as a benchmark: real worlds, real experts, real judges."""

import dataclasses

import numpy as np
import pytest

from hardware.aloha import aloha_embodiment
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.language import held_out, wordings
from hardware.simulation.layout import REGIONS
from hardware.simulation.tasks.catalogue import FAMILIES, scenario
from hardware.simulation.things import COLOURS, UNSEEN_SHAPES
from hardware.simulation.world import World
from policy.evaluation import aloha_sim
from policy.evaluation.aloha_sim import AlohaSim
from policy.evaluation.driver import Driver
from policy.evaluation.environment import Ending, Environment, Start
from policy.evaluation.film import Film
from policy.evaluation.floors import blind_driver
from policy.evaluation.request import Rules, axes_named

BODY = aloha_embodiment()
EXPERT = blind_driver("expert", BODY)
PICK = "pick_red_cube_left"


class Watched:
    """A driver whose agents' doings are written down."""

    look_secs = 0.4

    def __init__(self, driver, cameras=(), tasks=()):
        self.driver, self.cameras, self.tasks = driver, cameras, tasks
        self.embodiment, self.told, self.seen = None, None, []

    def agent(self, briefing):
        self.told = briefing
        self._agent = self.driver.agent(briefing)
        self.seen = []
        return self

    def reset(self):
        self._agent.reset()

    def act(self, observation):
        wanted = self._agent.act(observation)
        doing = () if wanted is None else wanted
        self.seen.append([observation.timestamp, *observation.state, *doing])
        return wanted


@pytest.fixture(scope="module")
def environment():
    return AlohaSim(Rules())


@pytest.fixture(scope="module")
def brief():
    """An environment whose attempts take a second at most."""
    return AlohaSim(Rules(limit_secs=1.0))


def test_it_is_an_environment_and_its_drivers_are_drivers(environment):
    assert isinstance(environment, Environment) and isinstance(Watched(EXPERT), Driver)


def test_an_attempt_does_not_depend_on_those_before_it(environment):
    def motion(start):
        watched = Watched(EXPERT)
        return environment.attempt(start, watched, None), np.array(watched.seen)

    first, second = Start(PICK, None, 600_000), Start("hand_over", None, 600_001)
    before = [motion(first), motion(second)]
    after = [motion(second), motion(first)][::-1]
    for (result, seen), (again, seen_again) in zip(before, after, strict=True):
        assert result == again
        np.testing.assert_array_equal(seen, seen_again)


def test_the_expert_does_what_it_is_told(environment):
    for task in (PICK, "hand_over"):
        result = environment.attempt(Start(task, None, 600_003), EXPERT, None)
        assert result.ending is Ending.SUCCESS and result.strict and result.first_done is None
        assert 1 < result.secs < 8 and result.instruction


@pytest.mark.parametrize("floor", ["nothing", "random"])
def test_the_floors_do_nothing_that_was_asked(brief, floor):
    driver = blind_driver(floor, BODY)
    results = [
        brief.attempt(Start(family, None, 600_000), driver, None) for family in sorted(FAMILIES)
    ]
    assert not any(result.success or result.strict for result in results)
    assert all(result.secs == 1.0 for result in results if result.ending is Ending.TIME_OUT)


def test_told_another_thing_the_expert_does_that(environment):
    start = Start("pick", None, 600_004, swapped=True)
    result = environment.attempt(start, EXPERT, None)
    first = scenario("pick", 600_004).task
    assert result.success and result.first_done is False and result.task != first.id
    assert result == environment.attempt(start, EXPERT, None)


def test_who_does_the_first_thing_though_told_another_is_found_out(environment, monkeypatch):
    first = scenario(PICK, 600_005).task

    def deaf(_told, world, rng):
        return expert_for(first, world, rng)

    monkeypatch.setattr(aloha_sim, "expert_for", deaf)
    result = environment.attempt(Start(PICK, None, 600_005, swapped=True), EXPERT, None)
    assert result.first_done and not result.success and result.ending is Ending.WRONG_OBJECT


def test_only_words_that_were_trained_are_told_and_unseen_ones_on_their_axis(brief):
    task = scenario(PICK, 600_000).task
    known = (wordings(task)[3],)
    watched = Watched(blind_driver("nothing", BODY), tasks=known)
    brief.attempt(Start(PICK, None, 600_000), watched, None)
    assert watched.told.instruction == known[0] and not watched.told.any_words

    said = set()
    for seed in range(600_000, 600_006):
        brief.attempt(Start(PICK, "instruction", seed), watched, None)
        said.add(watched.told.instruction)
        assert watched.told.any_words
    assert not said & set(wordings(task)) and said & set(held_out(task))


def test_a_stack_is_never_told_in_place_of_one_that_is_built_on_it(brief):
    begun = blind_driver("nothing", BODY)
    for seed in (600_000, 600_061, 600_077, 600_119):  # where that was drawn once
        first = scenario("stack", seed).task.id
        told = brief.attempt(Start("stack", None, seed, swapped=True), begun, None).task
        assert not told.startswith(first) and not first.startswith(told)


def test_another_thing_that_is_told_was_trained_if_any_of_the_scene_was(brief):
    one, same_with_the_other_arm = scenario(PICK, 600_000).task, "pick_red_cube_right"
    start, nothing = Start(PICK, None, 600_000, swapped=True), blind_driver("nothing", BODY)
    both = ("pick up the red cube with the left arm", "pick up the red cube with the right arm")
    watched = Watched(nothing, tasks=both)
    assert brief.attempt(start, watched, None).task == same_with_the_other_arm
    assert watched.told.instruction == both[1] and not watched.told.any_words

    watched = Watched(nothing, tasks=both[:1])
    assert "red" not in brief.attempt(start, watched, None).task
    assert watched.told.any_words and one.id == PICK


def test_the_driver_has_a_chance_of_its_own(brief):
    watched = Watched(blind_driver("nothing", BODY))
    seeds = []
    for seed in (600_000, 600_000, 600_001):
        brief.attempt(Start(PICK, None, seed), watched, None)
        seeds.append(watched.told.seed)
        assert watched.told.seed != seed  # which the scene is drawn by
    assert seeds[0] == seeds[1] != seeds[2]


def test_actions_that_no_robot_can_do_fail_the_attempt_and_nothing_else(brief):
    class Mad(Watched):
        def act(self, observation):
            return np.full(14, np.nan, np.float32)

    start, nothing = Start(PICK, None, 600_000), blind_driver("nothing", BODY)
    before = brief.attempt(start, nothing, None)
    assert brief.attempt(start, Mad(nothing), None).ending is Ending.TIME_OUT
    assert brief.attempt(start, nothing, None) == before


def test_axes_change_the_scene_and_not_the_rest(brief, monkeypatch):
    layouts, set_out = [], World.set_out

    def watched(world, layout):
        layouts.append(layout)
        set_out(world, layout)

    monkeypatch.setattr(World, "set_out", watched)
    driver = blind_driver("nothing", BODY)
    results = {
        axis: brief.attempt(Start("pick", axis, 600_000), driver, None)
        for axis in (None, *brief.axes)
    }
    usual, colour, instance, position, background, instruction = layouts
    spots = places(usual)

    assert {thing.colour for thing in colour.things}.isdisjoint(COLOURS)
    assert {thing.shape for thing in instance.things} <= set(UNSEEN_SHAPES)
    for other in (colour, instance, background, instruction):
        np.testing.assert_array_equal(places(other), spots)
    region = REGIONS["blocks"]
    outside = (places(position) < region.low) | (places(position) > region.high)
    assert outside.any(axis=1).all() and not ((spots < region.low) | (spots > region.high)).any()
    for other in (colour, instance, position, instruction):
        assert other.look == usual.look
    assert background.look != usual.look
    for other in (position, background, instruction):
        assert other.things == usual.things

    told = results[None].task
    arm = told.rsplit("_", 1)[1]
    assert {results[axis].task for axis in ("position", "background", "instruction")} == {told}
    for axis, layout in (("colour", colour), ("instance", instance)):
        changed = layout.things[usual.things.index(scenario("pick", 600_000).task.thing)]
        assert results[axis].task == f"pick_{changed.slug}_{arm}"


def places(layout):
    return np.array([pose[:2] for pose in layout.poses.values()])


def test_it_draws_when_the_driver_looks_and_no_more(brief, monkeypatch):
    drawn, render = [], World.render
    monkeypatch.setattr(
        World, "render", lambda self, *a, **k: drawn.append(a[0]) or render(self, *a, **k)
    )
    nothing = blind_driver("nothing", BODY)
    brief.attempt(Start(PICK, None, 600_000), nothing, None)
    assert drawn == []
    brief.attempt(Start(PICK, None, 600_000), Watched(nothing, ("cam_high",)), None)
    assert drawn == ["cam_high"] * 3  # at 0, 0.4 and 0.8 s


def test_a_film_changes_nothing(environment):
    watched, filmed, film = Watched(EXPERT), Watched(EXPERT), Film(height=60, width=80)
    start = Start(PICK, None, 600_006)
    assert environment.attempt(start, watched, None) == environment.attempt(start, filmed, film)
    np.testing.assert_array_equal(np.array(watched.seen), np.array(filmed.seen))
    assert len(film) == pytest.approx(filmed.seen[-1][0] * film.fps, abs=2)


def test_what_kills_the_driver_is_raised(brief):
    class Dying(Watched):
        def act(self, observation):
            raise OSError("the policy went away")

    with pytest.raises(OSError, match="went away"):
        brief.attempt(Start(PICK, None, 600_000), Dying(EXPERT), None)
    brief.attempt(Start(PICK, None, 600_000), EXPERT, None)  # and the next attempt goes on


def test_tasks_are_those_that_were_trained(environment):
    assert environment.select(("pick up the red cube with the left arm",)) == (PICK,)
    assert environment.select(()) == tuple(FAMILIES)
    every = [
        f"pass the {colour} cube from the {giver} arm to the {arm} arm"
        for colour in ("red", "green", "blue", "yellow")
        for giver, arm in (("left", "right"), ("right", "left"))
    ]
    assert environment.select(every) == ("hand_over",)
    with pytest.raises(ValueError, match="no task of the simulated ALOHA, only on: fold"):
        environment.select(("fold the towel",))


def test_unknown_tasks_and_axes_are_answered_by_the_known(environment):
    with pytest.raises(ValueError, match="pick, hand_over"):
        environment.require_known("juggle")
    with pytest.raises(ValueError, match=r"no axis 'weather'. Axes: none, colour.*or all"):
        axes_named("colour,weather", environment)
    assert axes_named("none,colour", environment) == (None, "colour")
    assert axes_named("all", environment) == (None, *environment.axes)
    with pytest.raises(ValueError, match="no stock rendering"):
        AlohaSim(dataclasses.replace(Rules(), stock_rendering=True))
