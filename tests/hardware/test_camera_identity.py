from dataclasses import replace

import cv2
import mujoco
import numpy as np
import pytest

from hardware.aloha import CAMERAS, START
from hardware.cameras.cover_check import CoverCheck
from hardware.cameras.likeness import ReferenceView
from hardware.interfaces import Frame, HardwareError
from hardware.simulation.world import World

HEIGHT, WIDTH = 240, 320


class Bench:
    """The simulated cell, whose cameras can be moved by hand."""

    def __init__(self, world):
        self.world = world

    def see(self, camera, seed=0, *, metres=(0.0, 0.0, 0.0), start=START):
        model, data = self.world.model, self.world.data
        number = model.camera(camera).id
        kept = model.cam_pos[number].copy()
        self.world.reset(seed, start=start)
        model.cam_pos[number] += metres
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        image = self.world.render(camera, HEIGHT, WIDTH)
        model.cam_pos[number] = kept
        return image


@pytest.fixture(scope="module")
def bench():
    with World(0) as world:
        yield Bench(world)


@pytest.fixture(scope="module", params=CAMERAS)
def watched(request, bench):
    return request.param, ReferenceView(bench.see(request.param))


def test_the_same_camera_before_another_scene_looks_the_same(bench, watched):
    camera, reference = watched
    for seed in (1, 2, 3):
        likeness = reference.compare(bench.see(camera, seed))
        assert likeness.warning == "" and likeness.edges > 0.7


def test_a_camera_moved_by_2_cm_is_noticed(bench, watched):
    camera, reference = watched
    for metres in np.eye(3) * 0.02:
        likeness = reference.compare(bench.see(camera, 4, metres=metres))
        assert likeness.warning


def test_another_camera_is_noticed(bench, watched):
    camera, reference = watched
    strangers = {"cam_high", "cam_low"} | (
        {"cam_left_wrist", "cam_right_wrist"} if "wrist" not in camera else set()
    )
    for stranger in strangers - {camera}:
        likeness = reference.compare(bench.see(stranger, 5))
        assert "another camera" in likeness.warning and likeness.edges < 0.3


def test_light_noise_and_another_size_do_not_matter(bench, watched):
    camera, reference = watched
    image = bench.see(camera, 6)
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    dimmer = np.clip(image * 0.75 + 6 + noise, 0, 255).astype(np.uint8)
    assert reference.compare(cv2.resize(dimmer, (640, 480))).warning == ""


def test_a_rich_background_outweighs_a_changed_table():
    rng = np.random.default_rng(3)
    wall = cv2.GaussianBlur(rng.uniform(0, 255, (HEIGHT, WIDTH, 3)), (0, 0), 2)
    wall = cv2.normalize(wall, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    before, after = wall.copy(), wall.copy()
    before[120:, 60:260], after[120:, 60:260] = wall[:120, 100:300], wall[:120, 20:220]
    reference = ReferenceView(before)
    assert reference.compare(after).warning == ""
    assert "moved or knocked" in reference.compare(np.roll(after, 8, axis=1)).warning


def test_an_empty_picture_looks_like_nothing(watched):
    _, reference = watched
    assert "covered" in reference.compare(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).warning


@pytest.fixture(scope="module")
def frames(bench):
    return {camera: Frame(bench.see(camera), 0.0) for camera in CAMERAS}


def covered(frames, camera, *, brightened=False):
    """A hand before the lens: dark, or what exposure control makes of it."""
    rng = np.random.default_rng(1)
    tone = (150, 70, 60) if brightened else (12, 6, 5)
    hand = np.clip(rng.normal(tone, 8, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
    return {**frames, camera: Frame(hand, 1.0)}


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("brightened", [False, True])
def test_the_covered_camera_is_the_one_that_goes_dark(frames, camera, brightened):
    check = CoverCheck(frames)
    now = covered(frames, camera, brightened=brightened)
    assert check.covered(now) == [camera]
    assert check.problem(camera, now) is None


def test_swapped_cameras_are_told(frames):
    check = CoverCheck(frames)
    now = covered(frames, "cam_right_wrist")
    assert "cam_right_wrist went dark, not cam_left_wrist: the two are swapped" in check.problem(
        "cam_left_wrist", now
    )


def test_a_hand_that_moves_through_the_scene_covers_nothing(frames, bench):
    check = CoverCheck(frames)
    raised = START.copy()
    raised[[1, 8]] = -0.3
    now = {camera: Frame(bench.see(camera, 3, start=raised), 1.0) for camera in CAMERAS}
    assert check.covered(now) == []
    assert "No picture went dark" in check.problem("cam_high", now)


def test_two_covered_cameras_are_one_too_many(frames):
    check = CoverCheck(frames)
    now = covered(covered(frames, "cam_high"), "cam_low")
    assert "cam_low" in check.problem("cam_high", now)


def test_a_stale_picture_is_no_covered_camera(frames):
    check = CoverCheck(frames)
    now = covered(frames, "cam_low")
    now["cam_low"] = replace(now["cam_low"], stale=True)
    assert check.covered(now) == []
    assert "no new pictures" in check.problem("cam_low", now)


def test_a_check_in_the_dark_is_refused(frames):
    dark = {"cam_high": Frame(np.full((HEIGHT, WIDTH, 3), 3, np.uint8), 0.0)}
    with pytest.raises(HardwareError, match="dark or empty already"):
        CoverCheck(dark)
