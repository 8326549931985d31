import numpy as np
import pytest
from drawn_board import BOARD, DrawnCamera

from hardware.calibration.collecting import ViewCollector
from hardware.calibration.transform import rotation_of, transform

AHEAD = transform(np.eye(3), np.array([-0.13, -0.09, 0.5]))


@pytest.fixture(scope="module")
def pictures():
    """The board at rest, a little later while it is carried away, and at its new place."""
    camera = DrawnCamera()
    carried = transform(np.eye(3), np.array([0.005, 0.0, 0.0])) @ AHEAD
    tilted = AHEAD @ transform(rotation_of(np.array([0.4, 0.2, 0.0])), np.array([0.02, 0.0, 0.0]))
    return {
        name: camera.photograph(pose)
        for name, pose in (
            ("rest", AHEAD),
            ("later", AHEAD),
            ("carried", carried),
            ("tilted", tilted),
        )
    }


def test_a_board_at_rest_is_taken_at_its_second_picture(pictures):
    collector = ViewCollector(BOARD)
    assert collector.offer(pictures["rest"]).reason == "Hold still."
    offer = collector.offer(pictures["later"])
    assert offer.taken and len(offer.sighting.pixels) == 40
    assert len(collector.sightings) == 1 and collector.views == []


def test_a_moving_board_is_not_taken(pictures):
    collector = ViewCollector(BOARD)
    collector.offer(pictures["rest"])
    assert collector.offer(pictures["carried"]).reason == "Hold still."
    assert collector.sightings == []


def test_the_same_place_is_not_taken_twice_and_another_is(pictures):
    collector = ViewCollector(BOARD)
    collector.offer(pictures["rest"])
    collector.offer(pictures["later"])
    assert "another place" in collector.offer(pictures["rest"]).reason
    collector.offer(pictures["tilted"])
    assert collector.offer(pictures["tilted"]).taken
    collector.undo()
    assert len(collector.sightings) == 1


def test_for_a_cameras_place_it_is_the_gripper_that_has_to_move(pictures):
    collector = ViewCollector(BOARD)
    here = transform(np.eye(3), np.array([0.3, 0.0, 0.2]))
    turned = here @ transform(rotation_of(np.array([0.0, 0.3, 0.0])), np.zeros(3))
    collector.offer(pictures["rest"], here)
    assert collector.offer(pictures["later"], here).taken
    assert not collector.offer(pictures["rest"], here).taken
    assert collector.offer(pictures["later"], turned).taken
    np.testing.assert_array_equal(collector.views[1].base_from_gripper, turned)


def test_a_picture_without_a_board_says_what_to_do():
    offer = ViewCollector(BOARD).offer(np.full((480, 640, 3), 80, np.uint8))
    assert not offer.taken and "Show more of the board" in offer.reason and offer.sighting is None
