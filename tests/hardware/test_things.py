"""Everything that can stand on a table has a name, a look, a height and a body in the stock."""

import mujoco
import numpy as np
import pytest

from hardware.simulation.scene import aloha_scene
from hardware.simulation.stock import STOCK
from hardware.simulation.things import (
    COLOURS,
    CUBES,
    FIXTURES,
    HALF_HEIGHTS,
    RGBA,
    SHAPES,
    UNSEEN_COLOURS,
    UNSEEN_SHAPES,
    Thing,
)


def test_a_thing_is_called_by_colour_and_shape():
    ball = Thing("red", "ball")
    assert (ball.name, ball.slug) == ("red ball", "red_ball")
    assert ball.movable
    assert not Thing("blue", "tray").movable


def test_what_is_unseen_in_training_is_held_out():
    assert not set(COLOURS) & set(UNSEEN_COLOURS)
    assert not set(SHAPES) & set(UNSEEN_SHAPES)


def test_every_colour_can_be_told_from_every_other():
    colours = np.array([RGBA[name][:3] for name in (*COLOURS, *UNSEEN_COLOURS)])
    gaps = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert gaps[np.triu_indices(len(colours), 1)].min() > 0.25


def test_every_shape_is_in_the_stock_and_movable_ones_have_a_height():
    assert {*SHAPES, *UNSEEN_SHAPES, *FIXTURES} <= set(STOCK)
    assert set(HALF_HEIGHTS) == set(STOCK) - set(FIXTURES)
    assert [cube.colour for cube in CUBES] == list(COLOURS)


@pytest.mark.parametrize("shape", sorted(HALF_HEIGHTS))
def test_the_height_of_a_shape_is_that_of_its_body(shape):
    scene = aloha_scene()
    slot = scene.slots[shape][0]
    geom = int(slot.geoms[0])
    middle, half = scene.model.geom_aabb[geom][:3], scene.model.geom_aabb[geom][3:]
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, scene.model.geom_quat[geom])
    turned = np.abs(rotation.reshape(3, 3)) @ half
    assert np.allclose(middle, 0, atol=1e-6)
    assert turned[2] == pytest.approx(HALF_HEIGHTS[shape], abs=1e-4)
