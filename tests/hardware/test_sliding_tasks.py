"""Pulling and pushing away: judged by where things end, told apart by words, done by the expert."""

import numpy as np
import pytest

from hardware.aloha import ARMS, START, arm_slice
from hardware.interfaces import Observation
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.language import held_out, instruct, is_held_out, task_ids_told, wordings
from hardware.simulation.layout import Layout, draw_layout, upright
from hardware.simulation.tasks.arranging import DRAGGED, PUSHED
from hardware.simulation.tasks.catalogue import FAMILIES, LATER, require_known, scenario, tasks_in
from hardware.simulation.tasks.judge import Judge
from hardware.simulation.tasks.sliding import Pull, PushAway
from hardware.simulation.tasks.task import Outcome
from hardware.simulation.things import CUBES, HALF_HEIGHTS
from hardware.simulation.world import World

RED, GREEN, BLUE, YELLOW = CUBES
HALF = HALF_HEIGHTS["cube"]


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture
def spread(world):
    """Four cubes at the corners of the table's region."""
    places = {RED: (-0.08, 0.5), GREEN: (0.08, 0.5), BLUE: (0.0, 0.4), YELLOW: (0.0, 0.6)}
    world.set_out(lying(places))
    return world


def lying(places):
    return Layout("blocks", {thing: upright(x, y, HALF) for thing, (x, y) in places.items()})


def moved(world, by):
    """Set things out displaced by `by` (thing: x, y, z) and let them settle."""
    poses = {}
    for thing, (x, y, z) in by.items():
        place = world.layout.poses[thing]
        poses[thing.name] = upright(place[0] + x, place[1] + y, HALF + z)
    world.place(START, poses)
    for _ in range(10):
        world.step_tick()


def test_it_is_done_when_the_thing_stands_further_that_way(spread):
    moved(spread, {RED: (0.0, -PUSHED - 0.005, 0.0)})
    assert Pull(RED).done(spread)
    assert not PushAway(RED).done(spread) and not Pull(GREEN).done(spread)
    moved(spread, {RED: (0.0, PUSHED + 0.005, 0.0)})
    assert PushAway(RED).done(spread) and not Pull(RED).done(spread)


@pytest.mark.parametrize(
    "by",
    [
        {RED: (0.0, -PUSHED + 0.005, 0.0)},
        {RED: (-0.09, -0.08, 0.0)},
        {RED: (0.0, -0.08, 0.0), BLUE: (0.0, -DRAGGED - 0.005, 0.0)},
    ],
    ids=["too short", "more to the side", "another dragged along"],
)
def test_what_falls_short_does_not_count(spread, by):
    moved(spread, by)
    assert not Pull(RED).done(spread)


def test_a_thing_in_the_air_was_not_pulled(spread):
    places = spread.layout.poses[RED]
    spread.place(START, {RED.name: upright(places[0], places[1] - 0.08, HALF + 0.06)})
    assert not Pull(RED).done(spread)


def test_another_thing_moved_is_the_wrong_one(spread):
    moved(spread, {GREEN: (0.0, -0.08, 0.0)})
    assert Pull(RED).wrong(spread) is Outcome.WRONG_OBJECT
    assert Pull(GREEN).wrong(spread) is None


def test_room_is_needed_ahead_and_behind_and_within_reach():
    free = {RED: (-0.08, 0.5), GREEN: (0.08, 0.5), BLUE: (0.0, 0.62), YELLOW: (0.0, 0.38)}
    assert {task.thing for task in Pull.every(lying(free))} == {RED, GREEN, BLUE}
    assert {task.thing for task in PushAway.every(lying(free))} == {RED, GREEN, YELLOW}
    ahead = free | {YELLOW: (-0.03, 0.37)}
    assert {task.thing for task in Pull.every(lying(ahead))} == {GREEN, BLUE}
    behind = free | {YELLOW: (0.1, 0.6)}
    assert {task.thing for task in Pull.every(lying(behind))} == {RED, BLUE}


def test_a_scene_offers_several_or_none_and_never_among_what_is_trained():
    assert not set(LATER) & set(FAMILIES)
    for seed in range(40):
        layout = draw_layout("blocks", seed)
        assert all(len(kind.every(layout)) != 1 for kind in LATER.values())
        assert not any(task.family in LATER for task in tasks_in(layout))


@pytest.mark.parametrize("family", LATER)
def test_names_find_a_scene(family):
    assert scenario(family, 600_000).task.family == family
    assert scenario(f"{family}_red_cube", 600_001).task.id == f"{family}_red_cube"
    require_known(family)


@pytest.mark.parametrize("kind", LATER.values(), ids=LATER)
def test_words_tell_them_from_every_other_task(kind):
    layout = draw_layout("blocks", 3)
    others = [*tasks_in(layout), *(each(RED) for each in LATER.values()), *(kind(GREEN),)]
    said = {words for task in others if task != kind(RED) for words in wordings(task)}
    assert not said & set(wordings(kind(RED)))
    for sentence in wordings(kind(RED)):
        assert task_ids_told([sentence]) == (kind(RED).id,), sentence
        assert not is_held_out(sentence)
    assert all(map(is_held_out, held_out(kind(RED))))
    assert len(wordings(kind(RED))) >= 40 and len(held_out(kind(RED))) >= 12


def test_unseen_sentences_are_said_of_them_too():
    layout, rng = draw_layout("blocks", 3), np.random.default_rng(0)
    said = [instruct(Pull(RED), layout, rng, unseen=True) for _ in range(20)]
    assert len(set(said)) > 5 and all(map(is_held_out, said))


@pytest.mark.parametrize("family", LATER)
@pytest.mark.parametrize("axis", [None, "instance"])
def test_the_expert_does_it(world, family, axis):
    drawn = scenario(family, 600_002, axis)
    world.set_out(drawn.layout)
    expert, judge = expert_for(drawn.task, world, np.random.default_rng(2)), Judge(drawn.task)
    expert.reset()
    outcome, end = Outcome.RUNNING, world.now() + drawn.task.limit_secs
    while outcome is Outcome.RUNNING and world.now() < end:
        action = expert.act(Observation(world.now(), world.state(), {}))
        for arm in ARMS:
            world.command(arm, action[arm_slice(arm)])
        world.step_tick()
        outcome = judge.watch(world)
    assert outcome is Outcome.SUCCESS
