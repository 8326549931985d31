"""Tasks under way are told truly, and a hand of the expert acts where they say, with that arm."""

import dataclasses
import json
import threading

import numpy as np
import pytest

from hardware.aloha import ARMS, START, aloha_embodiment
from hardware.interfaces import Observation
from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.expert import expert_for, plan_for
from hardware.simulation.experts.moving import MovesExpert
from hardware.simulation.language import is_held_out, understand
from hardware.simulation.seeds import VALIDATION_SEED
from hardware.simulation.tasks.arranging import LineUp, Stack, Swap
from hardware.simulation.tasks.catalogue import scenario
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.placing import Insert, Put, Sort, Store
from hardware.simulation.world import World
from policy.data import midway_places
from policy.data.joined import Joined
from policy.data.midway import WEIGHTS, draw_midway, stages_of
from policy.data.midway_places import MidwayPlaces, load_midways
from policy.data.scene_drawing import set_up
from policy.model.presets import preset
from policy.model.words import train_tokenizer, vocabulary
from policy.train import train
from policy.training.request import TrainRequest

SIZES = {"cam_high": (96, 128), "cam_high@start": (48, 64)}
CELL = 16
LEAST = {Stack: 1, LineUp: 2, Swap: 3, Sort: 4, Store: 2, Put: 1, Insert: 1}
"""Moves of each kind of task, at least."""


def as_they_are(pictures, rng):
    return pictures


def as_said(instruction, rng):
    return instruction


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def drawn():
    return [draw_midway(seed, SIZES) for seed in range(VALIDATION_SEED, VALIDATION_SEED + 120)]


@pytest.mark.parametrize("kind", LEAST)
def test_before_each_move_the_expert_grips_where_the_label_says_and_lets_go_there(world, kind):
    checked = 0
    for seed in range(3):
        given = scenario(kind.family, VALIDATION_SEED + seed)
        stages = list(stages_of(world, given.task, given.layout, np.random.default_rng(seed)))
        assert len(stages) >= LEAST[kind]
        for stage in stages:
            set_up(world, stage.layout, START, stage.opening)
            expert = MovesExpert(world, plan_for(given.task, given.layout))
            _check(world, expert, stage, given.task.id)
            checked += 1
    assert checked >= 3


@pytest.mark.parametrize("kind", [Pick, HandOver])
def test_so_it_does_of_tasks_that_are_no_moves(world, kind):
    for seed in range(3):
        given = scenario(kind.family, VALIDATION_SEED + seed)
        [stage] = stages_of(world, given.task, given.layout, np.random.default_rng(seed))
        set_up(world, stage.layout, START, stage.opening)
        _check(world, expert_for(given.task, world), stage, given.task.id)


def test_a_push_comes_down_where_the_label_says(world):
    for seed in range(3):
        given = scenario("push", VALIDATION_SEED + seed)
        [stage] = stages_of(world, given.task, given.layout, np.random.default_rng(seed))
        set_up(world, stage.layout, START, stage.opening)
        expert, nearest = expert_for(given.task, world), 1.0
        for _ in range(150):
            _tick(world, expert)
            away = world.tip(stage.next.arm) - stage.next.tip
            nearest = min(nearest, float(np.linalg.norm(away)))
        assert nearest < 0.02 and stage.thing is None


def _check(world, expert, stage, about):
    """The hand closes where the stage says, and, if it says what comes after, opens there."""
    tip = _tip_when_it_grips(world, expert, stage)
    assert np.linalg.norm(tip - stage.next.tip) < 0.02, (about, stage.next)
    if stage.thing is not None:
        tip = _tip_when_it_lets_go(world, expert, stage)
        assert (np.abs(tip - stage.after.tip) < (0.02, 0.02, 0.04)).all(), (about, stage.after)


def _tick(world, expert):
    action = expert.act(Observation(0.0, world.state(), {}))
    for each, part in zip(ARMS, np.split(action, 2), strict=True):
        world.command(each, part)
    world.step_tick()
    return action


def _tip_when_it_lets_go(world, expert, stage):
    """The same when it opens again."""
    arm = stage.after.arm
    own = [channel.name for channel in aloha_embodiment().state_channels].index(f"{arm}_gripper")
    for _ in range(600):
        if _tick(world, expert)[own] > 0.5:
            return world.tip(arm)
    raise AssertionError(f"{stage.after} never came.")


def _tip_when_it_grips(world, expert, stage):
    """Where the tip of the hand that acts next is when it has closed on something, metres."""
    arm = stage.next.arm
    own = [channel.name for channel in aloha_embodiment().state_channels].index(f"{arm}_gripper")
    for _ in range(400):
        action = _tick(world, expert)
        held = stage.thing is None or stage.thing.name in Contacts.of(world).touched(arm)
        if action[own] < 0.5 and held:
            return world.tip(arm)
    raise AssertionError(f"{stage.next} never came.")


def test_the_same_seed_draws_the_same_and_all_kinds_are_drawn_at_every_stage(drawn):
    again = draw_midway(VALIDATION_SEED, SIZES)
    assert again.said == drawn[0].said
    np.testing.assert_array_equal(again.pictures["cam_high"], drawn[0].pictures["cam_high"])
    assert {each.family for each in drawn} == set(WEIGHTS)
    assert 0.3 < np.mean([each.holding >= 0 for each in drawn]) < 0.6
    assert {each.arm for each in drawn} == {0, 1}
    for each in drawn:
        assert each.holding in (-1, each.arm)
        assert {view: shot.shape[:2] for view, shot in each.pictures.items()} == SIZES
        assert (each.centre > -0.05).all() and (each.centre < 1.05).all()


def test_wordings_are_those_of_training_and_only_if_asked_those_of_evaluation(drawn):
    read = []
    for each in drawn:
        for said in each.said:
            assert not is_held_out(said)
            understood = understand(said)
            assert understood is None or understood.family == each.family
            read.append(understood is not None)
    assert np.mean(read) > 0.8  # others call a thing of a shape without a name an object
    kept = draw_midway(VALIDATION_SEED, SIZES, unseen=True)
    assert kept.family == drawn[0].family
    assert not any(understand(said) for said in kept.said)


def test_what_is_taken_up_is_seen_where_the_label_is(drawn):
    """A hand that holds nothing goes to a thing: the picture there is not as without it."""
    free = [each for each in drawn if each.holding < 0 and each.family != "store"]
    contrasts = []
    for each in free:
        x, y = (each.centre * (127, 95)).round().astype(int)
        shot = each.pictures["cam_high"].astype(float)
        near = shot[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].mean(axis=(0, 1))
        contrasts.append(np.abs(near - np.median(shot, axis=(0, 1))).max() > 25)
    assert len(free) > 30
    assert np.mean(contrasts) > 0.85


def test_a_first_view_that_moves_or_is_of_the_start_is_refused(tmp_path):
    for views in (("cam_left_wrist",), ("cam_high@start", "cam_high")):
        sizes = dict.fromkeys(views, (96, 128))
        with pytest.raises(ValueError, match=rf"got '{views[0]}'"):
            load_midways(tmp_path / "midway", 2, sizes)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "midway"
    return folder, load_midways(folder, 20, SIZES)


def test_they_are_drawn_once_and_anew_when_others_are_asked_for(kept, monkeypatch):
    folder, midways = kept
    seeds = []
    draw = midway_places._draw
    monkeypatch.setattr(midway_places, "_draw", lambda *a: seeds.append(a[1]) or draw(*a))
    again = load_midways(folder, 20, SIZES)
    assert not seeds and again.said == midways.said
    np.testing.assert_array_equal(again.centres, midways.centres)
    fewer = load_midways(folder, 4, SIZES)
    assert seeds == [4] and len(fewer) == 4 and fewer.said == midways.said[:4]
    (folder / "index.json").write_text('{"format"')
    assert len(load_midways(folder, 4, SIZES)) == 4 and seeds == [4, 4]
    assert [each.name for each in folder.parent.iterdir()] == ["midway"]
    for count in (-1, 400_001):
        with pytest.raises(
            ValueError, match=f"1 to 400000 tasks under way to train on, got {count}"
        ):
            load_midways(folder, count, SIZES)


def test_an_item_asks_where_a_hand_acts_next_and_says_which_gripper_holds(kept):
    config = preset("nano", tuple(SIZES), vocabulary(train_tokenizer([])))
    config = dataclasses.replace(config, image_sizes=SIZES, prompt_grippers=True)
    midways = load_midways(kept[0], 4, SIZES)
    source = MidwayPlaces(midways, aloha_embodiment(), config, CELL, (as_they_are, as_said))
    for number in range(len(source)):
        item = source.item(number, np.random.default_rng(number))
        assert item.kind == "grounding" and any(
            said in item.prompt for said in midways.said[number]
        )
        x, y = midways.centres[number]
        assert item.place.cell == int(y * 6) * 8 + int(x * 8)
        assert item.place.arm == midways.arms[number] and not len(item.place.cells)
        np.testing.assert_array_equal(
            item.pictures["cam_high@start"], midways.pictures["cam_high@start"][number]
        )


def test_joined_sources_are_gone_through_one_after_the_other(kept):
    config = preset("nano", tuple(SIZES), vocabulary(train_tokenizer([])))
    config = dataclasses.replace(config, image_sizes=SIZES)
    midways = load_midways(kept[0], 4, SIZES)
    source = MidwayPlaces(midways, aloha_embodiment(), config, CELL, (as_they_are, as_said))
    both = Joined("both", (source, source))
    assert len(both) == 8
    first, second = (both.item(n, np.random.default_rng(0)) for n in (1, 5))
    assert first.prompt == second.prompt
    with pytest.raises(IndexError, match="both has 8 items"):
        both.item(8, np.random.default_rng(0))


def test_a_training_draws_them_and_learns_from_them_beside_scenes(tmp_path):
    asked = {"stage": "grounding", "scenes": 8, "midway": 8, "steps": 3, "batch_size": 8}
    asked |= {"threads": 1, "workers": 0, "warmup": 1, "cameras": list(SIZES)}
    (tmp_path / "request.json").write_text(json.dumps(asked))
    train(tmp_path, threading.Event())
    labels = np.load(tmp_path / "cache/midway/labels.npz")
    assert len(labels["arms"]) == 8
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert all(np.isfinite(json.loads(line)["grounding"]) for line in lines)
    for fields in ({"midway": -1}, {"stage": "seeing", "cameras": ["cam_high"]}):
        (tmp_path / "request.json").write_text(json.dumps(asked | fields))
        with pytest.raises(ValueError, match="midway joins the scenes of a part of kind grounding"):
            TrainRequest.load(tmp_path / "request.json")
