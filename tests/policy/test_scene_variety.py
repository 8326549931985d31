"""Random scenes show what demonstrations hold out, and what they show can be told."""

from dataclasses import astuple

import numpy as np
import pytest

from hardware.simulation.language import instruct, is_held_out
from hardware.simulation.layout import AXES, TABLES, draw_layout
from hardware.simulation.look import HUE_STEPS, Look, draw_unseen_look
from hardware.simulation.stock import STOCK
from hardware.simulation.tasks.catalogue import tasks_in
from hardware.simulation.things import COLOURS, HALF_HEIGHTS, UNSEEN_COLOURS, UNSEEN_SHAPES
from policy.data.kinds import KINDS, NUMBERS
from policy.data.places import first_touched
from policy.data.scene_variety import draw_broad_look, draw_varied_layout


@pytest.fixture(scope="module")
def layouts():
    return [
        draw_varied_layout(TABLES[seed % len(TABLES)], seed, np.random.default_rng(seed))
        for seed in range(400)
    ]


def hue_steps(rgba):
    """Where on the circle of the looks' hues a surface lies, in steps."""
    red, green, blue = rgba[:3]
    x, y = red - (green + blue) / 2, np.sqrt(3) / 2 * (green - blue)
    return np.arctan2(y, x) / (2 * np.pi) * HUE_STEPS


def test_every_kind_that_a_scene_of_any_axis_shows_has_a_number():
    for table in TABLES:
        for axis in (None, *AXES):
            for seed in range(60):
                assert set(draw_layout(table, seed, axis).things) <= NUMBERS.keys()


def test_scenes_show_every_colour_and_shape_and_mix_old_and_new_ones(layouts):
    shown = {thing for layout in layouts for thing in layout.things}
    assert shown <= set(KINDS)
    assert {(kind.colour, kind.shape) for kind in shown} >= {
        (colour, shape) for colour in UNSEEN_COLOURS for shape in (*UNSEEN_SHAPES, "rod")
    }
    colours = [{thing.colour for thing in layout.things} - {"white"} for layout in layouts]
    mixed = [bool(each & {*COLOURS}) and bool(each & {*UNSEEN_COLOURS}) for each in colours]
    assert 0.1 < np.mean(mixed) < 0.5
    assert 0.3 < np.mean([each <= {*COLOURS} for each in colours]) < 0.8


def test_nothing_is_set_out_that_the_stock_lacks_or_that_floats(layouts):
    for layout in layouts:
        shapes = [thing.shape for thing in layout.things]
        assert all(shapes.count(shape) <= STOCK[shape] for shape in shapes)
        for thing, pose in layout.poses.items():
            if thing.movable:
                assert pose[2] == pytest.approx(HALF_HEIGHTS[thing.shape])


def test_what_is_drawn_without_variety_is_as_in_demonstrations(layouts):
    same = 0
    for seed, layout in enumerate(layouts):
        usual = draw_layout(layout.table, seed)
        if layout.things == usual.things:
            same += all(np.array_equal(layout.poses[t], usual.poses[t]) for t in usual.things)
    assert 0.4 < same / len(layouts) < 0.7


def test_half_of_the_scenes_have_surfaces_and_light_of_their_own(layouts):
    assert 0.4 < np.mean([layout.look != Look() for layout in layouts]) < 0.6


def test_no_surface_has_a_hue_of_the_looks_kept_for_evaluation():
    rng = np.random.default_rng(0)
    for _ in range(100):
        kept, own = draw_unseen_look(rng), draw_broad_look(rng)
        for surface in astuple(kept)[:4]:
            assert hue_steps(surface) % 1 == pytest.approx(0, abs=1e-6) or (
                hue_steps(surface) % 1 == pytest.approx(1, abs=1e-6)
            )
        for surface in astuple(own)[:4]:
            if np.ptp(surface[:3]) > 0.01:
                assert 0.24 < hue_steps(surface) % 1 < 0.76


def test_every_task_there_has_a_beginning_and_words_that_evaluations_do_not_keep(layouts):
    for seed, layout in enumerate(layouts[:40]):
        rng = np.random.default_rng(seed)
        tasks = tasks_in(layout)
        for number in rng.permutation(len(tasks))[:5]:
            thing, _ = first_touched(tasks[number], layout)
            assert thing in layout.poses
            assert not is_held_out(instruct(tasks[number], layout, rng))


def test_the_same_seed_varies_the_same_way():
    one, other = (draw_varied_layout("pegs", 7, np.random.default_rng(7)) for _ in range(2))
    assert one.things == other.things
    assert one.look == other.look
