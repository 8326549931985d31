"""A name and a seed stand for one scene and task; the scene alone never tells the task."""

import numpy as np
import pytest

from hardware.simulation.layout import AXES, TABLES, draw_layout
from hardware.simulation.tasks.catalogue import (
    FAMILIES,
    require_known,
    scenario,
    task_ids,
    tasks_in,
)
from hardware.simulation.things import UNSEEN_COLOURS, UNSEEN_SHAPES


@pytest.mark.parametrize("axis", [None, *AXES])
@pytest.mark.parametrize("family", FAMILIES)
def test_one_name_and_seed_give_one_scenario(family, axis):
    one, other = (scenario(family, 600_001, axis) for _ in range(2))
    assert one.task == other.task
    assert one.layout.things == other.layout.things
    assert one.task.family == family
    assert set(one.task.things) <= set(one.layout.things)
    assert one.task in tasks_in(one.layout)


def test_there_are_ten_kinds_of_tasks_with_ids_of_their_own():
    assert len(FAMILIES) >= 10
    for family, kind in FAMILIES.items():
        assert kind.family == family
        assert kind.limit_secs > 0
        assert set(kind.tables) <= set(TABLES)
    assert len(task_ids()) > 200


@pytest.mark.parametrize("table", TABLES)
def test_every_scene_offers_many_tasks_of_every_kind(table):
    for seed in range(20):
        tasks = tasks_in(draw_layout(table, seed))
        assert len({task.id for task in tasks}) == len(tasks)
        # Only for a push there may be no room.
        offered = {task.family for task in tasks}
        assert offered >= {
            family for family, kind in FAMILIES.items() if table in kind.tables and family != "push"
        }
        for family in offered - {"push"}:
            assert sum(task.family == family for task in tasks) >= 2


@pytest.mark.parametrize(
    "name",
    ["pick_red_cube_left", "hand_over_blue_cube_right", "push_green_cube_left", "sort_opposite"],
)
def test_the_id_of_a_task_finds_a_scene_in_which_it_can_be_done(name):
    for seed in range(5):
        assert scenario(name, seed).task.id == name


def test_an_id_means_the_same_place_on_the_axes_that_rename_things():
    plain = scenario("pick_red_cube_left", 4)
    recoloured = scenario("pick_red_cube_left", 4, "colour")
    reshaped = scenario("pick_red_cube_left", 4, "instance")
    assert recoloured.task.thing.colour in UNSEEN_COLOURS
    assert reshaped.task.thing.shape in UNSEEN_SHAPES
    for other in (recoloured, reshaped):
        place = other.layout.poses[other.task.thing][:2]
        assert np.array_equal(place, plain.layout.poses[plain.task.thing][:2])


@pytest.mark.parametrize("axis", AXES)
def test_an_id_is_that_task_on_every_axis(axis):
    renamed = axis in ("colour", "instance")
    for seed in range(600_000, 600_012):
        told = scenario("push_red_cube_left", seed, axis).task
        assert told.id == "push_red_cube_left" or (renamed and told.side == "left")


def test_an_unknown_task_is_refused_with_the_kinds_and_an_example():
    with pytest.raises(ValueError, match=r"hand_over, push.*pick_red_cube_left"):
        require_known("dance")
    with pytest.raises(ValueError, match="colour, instance"):
        scenario("pick", 0, "weather")
