"""Scenes are told as tasks are, and the label is of what the sentence is about."""

import dataclasses

import numpy as np
import pytest

from hardware.aloha import ARMS, START, aloha_embodiment
from hardware.kinematics import Kinematics
from hardware.simulation.experts.expert import plan_for
from hardware.simulation.experts.pulling import Pull
from hardware.simulation.experts.pushing import away_from_arm
from hardware.simulation.language import task_ids_told
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.tasks.arranging import Push
from hardware.simulation.tasks.catalogue import FAMILIES, scenario, tasks_in
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.world import World
from policy.data.item import Source
from policy.data.kinds import DRAWER, KINDS, LABELS
from policy.data.places import (
    RELATED_AWAY,
    RELATIONS,
    ScenePlaces,
    beside,
    carried_to,
    first_touched,
)
from policy.data.scenes import draw_scenes
from policy.model.presets import preset
from policy.model.processor import resize
from policy.model.words import train_tokenizer, vocabulary

CELL, SIZE = 16, (96, 128)


def as_they_are(pictures, rng):
    return pictures


def as_said(instruction, rng):
    return instruction


@pytest.fixture(scope="module")
def scenes():
    return draw_scenes(60, 600_000, {"cam_high": SIZE}, CELL, workers=1)


@pytest.fixture(scope="module")
def places(scenes):
    config = preset("nano", ("cam_high",), vocabulary(train_tokenizer([])))
    config = dataclasses.replace(config, image_sizes={"cam_high": SIZE})
    return ScenePlaces(scenes, aloha_embodiment(("cam_high",)), config, as_they_are, as_said)


def test_a_scene_at_rest_shows_its_start_and_one_under_way_does_not(scenes, places):
    sizes = {"cam_high": SIZE, "cam_high@start": (48, 64)}
    config = dataclasses.replace(places._config, image_sizes=sizes)
    shown = ScenePlaces(scenes, aloha_embodiment(("cam_high",)), config, as_they_are, as_said)
    under_way = scenes.held.any(axis=1)
    assert 0 < under_way.sum() < len(scenes)
    for number, held in enumerate(under_way):
        pictures = shown.item(number, np.random.default_rng(number)).pictures
        assert set(pictures) == ({"cam_high"} if held else set(sizes))
        if not held:
            expected = resize(scenes.pictures["cam_high"][number], (48, 64))
            np.testing.assert_array_equal(pictures["cam_high@start"], expected)


def every_item(places):
    return [places.item(number, np.random.default_rng(number)) for number in range(len(places))]


def test_the_first_thing_of_every_task_is_one_that_it_is_about_or_the_drawer():
    begun = set()
    for table in TABLES:
        for seed in range(5):
            layout = draw_layout(table, seed)
            for task in tasks_in(layout):
                thing, arm = first_touched(task, layout)
                assert arm in ARMS
                assert thing in task.things or task.family == "store"
                begun.add(task.family)
    assert begun == set(FAMILIES)


def test_a_task_begins_with_what_its_expert_moves_first():
    world, seen = World(), set()
    for seed in range(6):
        for table in TABLES:
            layout = draw_layout(table, seed)
            world.set_out(layout)
            for task in tasks_in(layout)[seed % 5 :: 5]:
                if isinstance(task, Pick | HandOver | Push):
                    continue
                move = plan_for(task, layout)(world)[0]
                thing = DRAWER if isinstance(move, Pull) else move.thing
                assert first_touched(task, layout) == (thing, move.arm), task
                seen.add(task.family)
    world.close()
    assert len(seen) == 7


def test_the_named_cell_shows_the_thing_that_is_meant(places):
    """Where the centre's cell shows something else, that covers more of the cell."""
    right = []
    for item in every_item(places):
        place = item.place
        if place.cell >= 0:
            right.append(place.cells[place.cell] > 0)
            column, row = place.cell % (SIZE[1] // CELL), place.cell // (SIZE[1] // CELL)
            assert column == int(place.centre[0] * SIZE[1] / CELL)
            assert row == int(place.centre[1] * SIZE[0] / CELL)
    assert len(right) > 50
    assert np.mean(right) > 0.85


def test_a_sentence_is_about_the_labelled_thing(scenes, places):
    """Where it names by colour and shape, it reads back as a task that begins with that thing, or,
    where a gripper holds something, goes on with what that is taken to."""
    read = carried = 0
    for number, item in enumerate(every_item(places)):
        layout = scenes.layout(number)
        tasks = {task.id: task for task in tasks_in(layout)}
        said = item.prompt.split("following task: ")[-1].strip().rstrip(".")
        for meant in task_ids_told([said]):
            thing, arm = first_touched(tasks[meant], layout)
            if beside(tasks[meant]) is not None:
                continue
            for held in np.flatnonzero(scenes.held[number]):
                place = carried_to(tasks[meant], KINDS[held])
                if place is not None and scenes.seen[number, KINDS.index(place)]:
                    thing, arm = place, ARMS[scenes.held[number, held] - 1]
                    carried += 1
            centre = scenes.centres[number, KINDS.index(thing)]
            np.testing.assert_array_equal(centre, item.place.centre)
            assert ARMS[item.place.arm] == arm
            read += 1
    assert read > 20 and carried > 0


def test_a_push_comes_down_behind_its_thing():
    kinematics = Kinematics()
    for seed in range(4):
        drawn = scenario("push", seed)
        shove = away_from_arm(drawn.task)
        away = beside(drawn.task)
        spot = drawn.layout.poses[shove.thing][:3]
        assert np.sign(away[0]) == -shove.sign
        assert first_touched(drawn.task, drawn.layout) == (shove.thing, shove.arm)
        here, there = kinematics.project("cam_high", START, np.stack([spot, spot + away]))[0]
        assert 0.02 < abs(there[0] - here[0]) < 0.15 and abs(there[1] - here[1]) < 0.02


def test_places_are_a_source_and_depend_on_number_and_generator_only(places):
    assert isinstance(places, Source)
    one, other = (places.item(3, np.random.default_rng(5)) for _ in range(2))
    assert one.prompt == other.prompt
    assert one.place.cell == other.place.cell
    assert len({places.item(3, np.random.default_rng(n)).prompt for n in range(20)}) > 15


def test_some_scenes_name_a_thing_and_ask_for_no_arm(scenes, places):
    named = []
    for number, item in enumerate(every_item(places)):
        _, looks, name = item.prompt.rstrip(". ").partition("task: look at the ")
        if looks and name != "table":
            kind = next(kind for kind in KINDS if kind.name == name.split(".")[0].strip())
            centre = scenes.centres[number, KINDS.index(kind)]
            np.testing.assert_array_equal(centre, item.place.centre)
            assert item.place.cell >= 0
            assert item.place.arm == -100
            named.append(kind)
    assert 5 < len(named) < 30


def test_others_name_a_place_beside_a_thing_as_the_operator_sees_it(scenes, places):
    kinematics, said = Kinematics(), set()
    for number in range(len(scenes)):
        for turn in range(12):
            item = places.item(number, np.random.default_rng([turn, number]))
            told = item.prompt.rpartition("task: look ")[2].strip(" .").partition(" the ")
            relation, name = told[0], told[2]
            if relation not in RELATIONS or item.place.cell < 0:
                continue
            kind = next(n for n, kind in enumerate(KINDS) if kind.name == name)
            spot, away = scenes.spots[number, kind], (*RELATIONS[relation], 0.0)
            spots = np.stack([spot, spot + RELATED_AWAY * np.array(away)])
            here, there = kinematics.project("cam_high", START, spots, aspect=4 / 3)[0]
            np.testing.assert_allclose(item.place.centre, there, atol=1e-5)
            step = there - here
            axis, sign = (0, away[0]) if away[0] else (1, -away[1])  # down is nearer
            assert step[axis] * sign > 0.02 and abs(step[1 - axis]) < 0.03
            assert item.place.arm == -100
            said.add(relation)
    assert said == set(RELATIONS)


def test_labels_fit_the_heads(places):
    for item in every_item(places)[:10]:
        assert 0 <= item.place.cells.min() <= item.place.cells.max() <= len(KINDS)
    assert all(len(classes) == len(KINDS) + 1 for classes in LABELS)


def test_a_gripper_that_holds_is_said_to_be_less_open(scenes, places):
    config = dataclasses.replace(places._config, prompt_grippers=True)
    telling = ScenePlaces(scenes, aloha_embodiment(("cam_high",)), config, as_they_are, as_said)
    held = 0
    for number, (item, silent) in enumerate(
        zip(every_item(telling), every_item(places), strict=True)
    ):
        said = item.prompt.removeprefix(silent.prompt.rpartition(": ")[0])
        levels = [int(level) for level in said.rpartition(" gripper ")[2].split()]
        for arm, level in enumerate(levels, 1):
            holds = arm in scenes.held[number]
            held += holds
            assert level <= 6 if holds else level >= 8
    assert held > 5
