"""One seed gives one world, down to the last bit; time is what was computed."""

import numpy as np
import pytest

from hardware.aloha import START
from hardware.simulation.scene import CUBES
from hardware.simulation.world import MIN_DISTANCE, REGION_HIGH, REGION_LOW, World


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


def test_cubes_start_apart_and_within_reach_of_both_arms(world):
    for seed in range(50):
        world.reset(seed)
        spots = np.array(list(world.object_positions().values()))[:, :2]
        assert (spots >= REGION_LOW).all()
        assert (spots <= REGION_HIGH).all()
        gaps = np.linalg.norm(spots[:, None] - spots[None], axis=-1)
        assert gaps[np.triu_indices(4, 1)].min() >= MIN_DISTANCE


def test_cubes_lie_still_until_touched(world):
    before = world.object_positions()
    world.wait_until(2.0)
    for cube, spot in world.object_positions().items():
        assert np.allclose(spot, before[cube], atol=1e-3)


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
    world.place(state, {"blue": np.array([0.05, 0.45, 0.3])})
    assert np.allclose(world.state(), state, atol=1e-6)
    assert np.allclose(world.object_positions()["blue"], [0.05, 0.45, 0.3])


def test_segmentation_shows_every_cube_from_above(world):
    labels = world.render_segmentation("cam_high", 128, 128)
    assert labels.shape == (128, 128)
    for number in range(1, len(CUBES) + 1):
        assert (labels == number).sum() > 80


def test_the_named_colours_are_seen_where_segmentation_says(world):
    image = world.render("cam_high", 128, 128).astype(int)
    labels = world.render_segmentation("cam_high", 128, 128)
    red, green, blue = (image[labels == number].mean(axis=0) for number in (1, 2, 3))
    assert red.argmax() == 0
    assert green.argmax() == 1
    assert blue.argmax() == 2


def test_an_unknown_cube_is_refused(world):
    with pytest.raises(ValueError, match="purple"):
        world.place(START, {"purple": np.zeros(3)})


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
