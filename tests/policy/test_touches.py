"""Where a hand acts next is where the demonstration's hand then goes, and a backbone learns it."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from hardware.bodies import body_named
from hardware.embodiment import Embodiment
from policy.data.samples import load_samples
from policy.data.touches import NOWHERE, touches_of
from policy.model.checkpoint import HEADS
from policy.train import train

SIZE, GRID = (96, 128), (6, 8)
RED = np.array([200, 30, 30])


@pytest.fixture(scope="module")
def samples(demonstrations, tmp_path_factory):
    return load_samples(demonstrations, {"cam_high": SIZE}, tmp_path_factory.mktemp("cache"))


def test_a_pick_is_told_where_its_cube_lies_until_it_is_grasped(samples):
    touches = touches_of(samples, "cam_high")
    first = samples.episodes[0]
    assert "red" in first.task and "left" in first.task
    assert touches.arms[first.start] == 0
    row, column = (touches.centres[first.start][::-1] * SIZE).astype(int)
    picture = np.asarray(samples.pictures["cam_high"][first.start], int)
    around = picture[row - 4 : row + 5, column - 4 : column + 5].reshape(-1, 3)
    assert np.abs(around - RED).max(axis=1).min() < 60  # the cube, where it is said to be

    opening = samples.action[first.start : first.stop, 6]
    grasped = first.start + int(np.argmax(opening < 0.5))
    assert touches.arms[grasped - 4] == 0
    np.testing.assert_allclose(
        touches.centres[grasped - 4], touches.centres[first.start], atol=0.02
    )
    assert touches.arms[first.stop - 1] == NOWHERE


def test_the_other_arm_has_its_own(samples):
    touches, second = touches_of(samples, "cam_high"), samples.episodes[1]
    assert "blue" in second.task and "right" in second.task
    assert touches.arms[second.start] == 1


def test_a_place_is_the_token_that_holds_it(samples):
    touches = touches_of(samples, "cam_high")
    across, down = touches.centres[0]
    place = touches.place(0, GRID)
    assert place.cell == int(down * GRID[0]) * GRID[1] + int(across * GRID[1])
    assert place.first == GRID[0] * GRID[1] and len(place.cells) == 0
    nowhere = touches.place(samples.episodes[0].stop - 1, GRID)
    assert (nowhere.cell, nowhere.arm) == (NOWHERE, NOWHERE)


def test_what_has_no_such_model_is_refused(samples):
    with pytest.raises(ValueError, match=r"where a camera's place is known, .* 'cam_left_wrist'"):
        touches_of(samples, "cam_left_wrist")  # the demonstrations do not show it
    foreign: Embodiment = body_named("widowx")
    with pytest.raises(ValueError, match="Leave touch_weight out"):
        touches_of(replace(samples, embodiment=foreign), "cam_high")


def test_a_backbone_learns_it_beside_actions_and_questions(job, metrics):
    folder = job("touching", touch_weight=1.0, scenes=8, steps=12, batch_size=8, save_every=12)
    train(folder, threading.Event())
    lines = metrics(folder)
    assert lines[0]["touches"] > lines[-1]["touches"] > 0
    assert 0 <= lines[-1]["touches_found"] <= 1
    assert (folder / "checkpoints/last" / HEADS).is_file()


def test_a_backbone_alone_learns_it_too(job, metrics):
    folder = job("seeing", touch_weight=1.0, action_weight=0.0, freeze=["decoder"], steps=2)
    train(folder, threading.Event())
    assert metrics(folder)[-1]["touches"] > 0 == metrics(folder)[-1]["actions"]


def test_a_cropped_picture_says_nothing_of_places(job):
    with pytest.raises(ValueError, match="leave crop and freeze_backbone out"):
        train(job("cropped", touch_weight=1.0, crop=0.1), threading.Event())
