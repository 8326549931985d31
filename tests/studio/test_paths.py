import numpy as np
import pytest

from hardware.aloha import START
from hardware.kinematics import kinematics_for
from policy.interface import ActionChunk
from studio.paths import MAX_POINTS, PathProjector


@pytest.fixture
def projector(body):
    return PathProjector(kinematics_for(body), body.cameras)


def turning(observed_at):
    actions = np.repeat(START[None], 50, axis=0)
    actions[:, 0] = np.linspace(0, 0.5, 50)
    return ActionChunk(actions, observed_at, 10.0)


def test_a_plan_is_one_line_an_arm_on_every_camera(projector):
    paths = projector.project(turning(10.0), [], START, 10.0)
    assert set(paths) == {"cam_high", "cam_left_wrist"}
    left, right = paths["cam_high"]["plan"]
    assert 2 <= len(left) / 2 <= MAX_POINTS
    assert len({*left[::2]}) > 5, "the left tip moves"
    assert len({*right[::2]}) == 1, "the right tip does not"


def test_what_is_done_of_a_plan_is_drawn_no_more(projector):
    whole = projector.project(turning(10.0), [], START, 10.0)["cam_high"]["plan"][0]
    later = projector.project(turning(10.0), [], START, 12.5)["cam_high"]["plan"][0]
    assert 0 < len(later) < len(whole)


def test_the_plan_before_stays_as_a_ghost(projector):
    first, second = turning(10.0), turning(11.0)
    assert projector.project(first, [], START, 10.0)["cam_high"]["ghost"] == []
    assert projector.project(second, [], START, 11.0)["cam_high"]["ghost"] != []
    assert projector.project(None, [], START, 12.0)["cam_high"]["ghost"] == []


def test_the_executed_path_is_drawn_where_the_tip_is(projector):
    done = projector.project(None, [START, START], START, 0.0)["cam_high"]["done"]
    tips = kinematics_for_test_pixels()
    for line, pixel in zip(done, tips, strict=True):
        np.testing.assert_allclose(line[:2], pixel * 1000, atol=1.5)


def kinematics_for_test_pixels():
    from hardware.aloha import aloha_embodiment

    kinematics = kinematics_for(aloha_embodiment())
    pixels, _ = kinematics.project("cam_high", START, kinematics.tips(START[None])[0])
    return pixels


def test_a_body_without_kinematics_has_no_paths(body):
    assert PathProjector(None, body.cameras).project(turning(0.0), [START], START, 0.0) == {}
