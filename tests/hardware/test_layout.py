"""A scene is a function of table, seed and axis; nothing in it overlaps."""

import numpy as np
import pytest

from hardware.simulation.layout import AXES, REGIONS, TABLES, draw_layout
from hardware.simulation.look import Look
from hardware.simulation.things import (
    COLOURS,
    CUBES,
    SHAPES,
    UNSEEN_COLOURS,
    UNSEEN_SHAPES,
    Thing,
)

SEEDS = range(40)


def spots(layout):
    return np.array([layout.poses[thing][:2] for thing in layout.movables])


@pytest.mark.parametrize("axis", [None, *AXES])
@pytest.mark.parametrize("table", TABLES)
def test_one_seed_gives_one_scene(table, axis):
    one, other = (draw_layout(table, 7, axis) for _ in range(2))
    assert one.things == other.things
    assert one.look == other.look
    for thing in one.things:
        assert np.array_equal(one.poses[thing], other.poses[thing])
    third = draw_layout(table, 8, axis)
    assert not np.array_equal(spots(one)[:3], spots(third)[:3])


@pytest.mark.parametrize("axis", [None, "position", "instance"])
@pytest.mark.parametrize("table", TABLES)
def test_things_start_apart(table, axis):
    for seed in SEEDS:
        places = spots(draw_layout(table, seed, axis))
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)
        assert gaps[np.triu_indices(len(places), 1)].min() >= REGIONS[table].apart


@pytest.mark.parametrize("table", TABLES)
def test_training_scenes_keep_to_their_region_and_the_position_axis_to_the_frame(table):
    region = REGIONS[table]
    for seed in SEEDS:
        inside, outside = (spots(draw_layout(table, seed, axis)) for axis in (None, "position"))
        assert ((inside >= region.low) & (inside <= region.high)).all()
        assert ((outside < region.low) | (outside > region.high)).any(axis=1).all()
        margin = np.array(region.margin) + 1e-9
        assert (outside >= region.low - margin).all()
        assert (outside <= region.high + margin).all()


@pytest.mark.parametrize("table", TABLES)
def test_training_scenes_show_only_colours_and_shapes_of_training(table):
    for seed in SEEDS:
        layout = draw_layout(table, seed)
        assert layout.look == Look()
        for thing in layout.movables:
            assert thing.colour in COLOURS
            assert thing.shape in (*SHAPES, "peg")


@pytest.mark.parametrize("table", TABLES)
def test_the_colour_axis_changes_colours_alone(table):
    for seed in SEEDS:
        plain, unseen = draw_layout(table, seed), draw_layout(table, seed, "colour")
        for one, other in zip(plain.poses.items(), unseen.poses.items(), strict=True):
            assert one[0].shape == other[0].shape
            assert other[0].colour in UNSEEN_COLOURS or not other[0].movable
            assert np.array_equal(one[1], other[1])
        pairs = {(a.colour, b.colour) for a, b in zip(plain.things, unseen.things, strict=True)}
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)


@pytest.mark.parametrize("table", TABLES)
def test_the_instance_axis_changes_shapes_alone(table):
    for seed in SEEDS:
        plain, unseen = draw_layout(table, seed), draw_layout(table, seed, "instance")
        for one, other in zip(plain.poses.items(), unseen.poses.items(), strict=True):
            assert one[0].colour == other[0].colour
            assert np.array_equal(one[1][:2], other[1][:2])
            if one[0].movable:
                assert other[0].shape in (*UNSEEN_SHAPES, "rod")


@pytest.mark.parametrize("table", TABLES)
def test_the_background_axis_changes_the_look_alone(table):
    plain, unseen = draw_layout(table, 3), draw_layout(table, 3, "background")
    assert plain.look != unseen.look
    assert plain.things == unseen.things


@pytest.mark.parametrize("table", TABLES)
def test_no_scene_has_two_things_of_one_name(table):
    for axis in (None, *AXES):
        for seed in SEEDS:
            names = [thing.name for thing in draw_layout(table, seed, axis).things]
            assert len(set(names)) == len(names)


def test_the_blocks_table_has_the_four_cubes():
    assert draw_layout("blocks", 0).things == CUBES


def test_every_table_has_something_that_is_not_meant():
    for table in TABLES:
        assert len(draw_layout(table, 1).movables) >= 3
    assert Thing("red", "cube") in draw_layout("blocks", 1).movables


def test_an_unknown_table_or_axis_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="blocks, containers"):
        draw_layout("kitchen", 0)
    with pytest.raises(ValueError, match="colour, instance"):
        draw_layout("blocks", 0, "weather")
