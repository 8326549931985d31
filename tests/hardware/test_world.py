"""One seed gives one world, down to the last bit; time is what was computed."""

import numpy as np
import pytest

from hardware.aloha import START
from hardware.simulation.layout import Layout, draw_layout, upright
from hardware.simulation.things import Thing
from hardware.simulation.world import World


@pytest.fixture
def world():
    with World(seed=3) as world:
        yield world


def test_one_seed_gives_bit_equal_physics_and_pictures(world):
    with World(seed=99) as other:
        other.reset(3)
        for ticks in (world, other):
            ticks.command("left", START[:7] + np.float32(0.1))
            ticks.wait_until(0.3)
        assert np.array_equal(world.state(), other.state())
        assert np.array_equal(world.data.qpos, other.data.qpos)
        pictures = [each.render("cam_low", 96, 128) for each in (world, other)]
        assert np.array_equal(*pictures)


@pytest.mark.parametrize("table", ["containers", "drawer", "pegs"])
def test_a_scene_does_not_depend_on_the_scene_before(world, table):
    world.data.qpos[:] += 0.01
    world.reset(8, table)
    with World(seed=99) as other:
        other.reset(8, table)
        world.wait_until(world.now() + 0.2)
        other.wait_until(0.2)
        assert np.array_equal(world.data.qpos, other.data.qpos)
        pictures = [each.render("cam_high", 96, 128) for each in (world, other)]
        assert np.array_equal(*pictures)


@pytest.mark.parametrize("axis", [None, "instance", "position"])
@pytest.mark.parametrize("table", ["blocks", "containers", "drawer", "pegs"])
def test_things_lie_still_until_touched(world, table, axis):
    world.set_out(draw_layout(table, 6, axis))
    before = world.object_positions()
    world.wait_until(2.0)
    for name, spot in world.object_positions().items():
        assert np.allclose(spot, before[name], atol=1e-3)
    assert world.drawer_opening() < 1e-3


def test_waiting_computes_exactly_the_ticks_of_that_time(world):
    world.wait_until(1.0)
    assert world.now() == 1.0
    world.wait_until(0.5)
    assert world.now() == 1.0


def test_time_goes_on_over_a_reset(world):
    world.wait_until(1.0)
    world.reset(4)
    assert world.now() == 1.0
    assert world.seconds_since_reset == 0


def test_an_arm_goes_where_it_is_commanded(world):
    target = START[:7] + np.array([0.3, 0.2, -0.2, 0.1, 0.2, 0.1, -0.5], np.float32)
    world.command("right", target)
    world.wait_until(2.0)
    assert np.allclose(world.positions("right"), target, atol=0.03)
    assert np.allclose(world.positions("left"), START[:7], atol=0.01)


def test_a_placed_state_is_exact(world):
    state = START + np.float32(0.05)
    state[[6, 13]] = 0.25, 0.75
    world.place(state, {"blue cube": np.array([0.05, 0.45, 0.3])})
    assert np.allclose(world.state(), state, atol=1e-6)
    assert np.allclose(world.object_positions()["blue cube"], [0.05, 0.45, 0.3])


def test_a_drawer_is_placed_open_and_a_new_scene_closes_it(world):
    world.reset(4, "drawer")
    world.place(START, {}, drawer=0.07)
    assert world.drawer_opening() == pytest.approx(0.07)
    world.reset(4, "drawer")
    assert world.drawer_opening() == 0.0


@pytest.mark.parametrize("table", ["blocks", "containers", "drawer", "pegs"])
def test_segmentation_shows_everything_from_above_and_nothing_else(world, table):
    world.reset(2, table)
    labels = world.render_segmentation("cam_high", 128, 128)
    assert labels.shape == (128, 128)
    assert set(np.unique(labels)) == set(range(len(world.things) + 1))
    for number in range(1, len(world.things) + 1):
        assert (labels == number).sum() > 25


def test_the_named_colours_are_seen_where_segmentation_says(world):
    image = world.render("cam_high", 128, 128).astype(int)
    labels = world.render_segmentation("cam_high", 128, 128)
    for channel, colour in enumerate(("red", "green", "blue")):
        number = 1 + world.things.index(Thing(colour, "cube"))
        assert image[labels == number].mean(axis=0).argmax() == channel


def test_an_unseen_background_looks_different_and_moves_nothing(world):
    plain = world.render("cam_high", 96, 128).astype(int)
    spots = world.object_positions()
    world.set_out(draw_layout("blocks", 3, "background"))
    other = world.render("cam_high", 96, 128).astype(int)
    assert np.abs(plain - other).mean() > 10
    assert all(np.array_equal(spots[name], spot) for name, spot in world.object_positions().items())
    world.reset(3)
    assert np.array_equal(world.render("cam_high", 96, 128), plain)


def test_more_of_a_shape_than_the_stock_has_is_refused(world):
    colours = ("red", "green", "blue")
    poses = {Thing(colour, "ball"): upright(0.0, 0.5, 0.02) for colour in colours}
    with pytest.raises(ValueError, match="The stock has 2 of 'ball'"):
        world.set_out(Layout("containers", poses))


def test_a_thing_that_is_not_on_the_table_is_refused(world):
    with pytest.raises(ValueError, match="purple cube"):
        world.place(START, {"purple cube": np.zeros(3)})


def test_an_unknown_camera_is_refused_with_the_known_ones(world):
    with pytest.raises(ValueError, match="cam_left_wrist"):
        world.render("cam_moon", 64, 64)


def test_a_command_of_the_wrong_size_is_refused(world):
    with pytest.raises(ValueError, match="7 values"):
        world.command("left", START)


def test_a_missing_mesh_package_is_named_with_its_cure(monkeypatch):
    from hardware import aloha_model
    from hardware.interfaces import HardwareError

    monkeypatch.setattr(aloha_model.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(HardwareError, match="pip install"):
        aloha_model.aloha_spec()


def test_a_machine_that_cannot_draw_is_told_what_to_install(world, monkeypatch):
    from hardware.interfaces import HardwareError
    from hardware.simulation import renderer

    def no_egl():
        raise ImportError("no EGL display")

    monkeypatch.setattr(renderer, "_gl_context_class", no_egl)
    with pytest.raises(HardwareError, match="apt-get install libegl1"):
        world.render("cam_low", 32, 32)
