"""Where a gripper goes next is asked in the picture, and later pictures show it there."""

import json
import threading

import cv2
import numpy as np
import pytest

from hardware.kinematics import Kinematics
from hardware.simulation.renderer import Renderer
from hardware.simulation.world import World
from policy.ask import blind_share
from policy.data.answers import path_text, read_points, score
from policy.data.gripper_paths import (
    POINTS,
    STEP_SECS,
    GripperPaths,
    coming_paths,
    is_demonstrations,
    seen_tips,
)
from policy.data.item import Source
from policy.data.questions import Questions
from policy.data.samples import load_samples
from policy.train import train

SIZE = (96, 128)
NEAR_PIXELS = 2
"""At 240 x 320: the tip may lie so far outside of the outline of the fingers that are seen."""


@pytest.fixture(scope="module")
def samples(demonstrations, tmp_path_factory):
    return load_samples(demonstrations, {"cam_high": SIZE}, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def paths(samples):
    return GripperPaths(samples, "cam_high")


def test_demonstrations_make_a_source_of_questions_about_paths(paths, demonstrations, tmp_path):
    assert isinstance(paths, Source) and isinstance(paths, Questions)
    assert is_demonstrations(demonstrations) and not is_demonstrations(tmp_path)
    one, other = (paths.question(3, np.random.default_rng(1)) for _ in range(2))
    assert (one.text, one.answer) == (other.text, other.answer)
    assert "gripper" in one.text and "cube" in one.text
    assert one.pictures["cam_high"].shape == (*SIZE, 3)
    assert len(read_points(one.answer)) == POINTS
    assert paths.item(0, np.random.default_rng(0)).answer


def fingers_about(renderer, world, arm, pixel):
    """Whether `pixel` is inside the outline of the fingers of `arm` that the simulator draws."""
    links = [world.model.body(f"vx300s_{arm}/{side}_finger_link").id for side in ("left", "right")]
    geoms = renderer.segment(world.data, "cam_high", height=240, width=320)
    rows, columns = np.nonzero((geoms >= 0) & np.isin(world.model.geom_bodyid[geoms], links))
    if not len(rows):
        return False
    outline = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.float32))
    return cv2.pointPolygonTest(outline, pixel, measureDist=True) > -NEAR_PIXELS


def test_the_points_lie_between_the_fingers_of_the_later_pictures(samples):
    found = coming_paths(samples, Kinematics(), "cam_high", 4 / 3)
    hits, rng = [], np.random.default_rng(0)
    world = World()
    renderer = Renderer(world.model)
    for number in rng.permutation(len(found.rows))[:25]:
        row, arm = int(found.rows[number]), ("left", "right")[found.arms[number]]
        last = samples.episodes[samples.episode_of[row]].stop - 1
        for step, (x, y) in enumerate(found.points[number]):
            later = min(row + round((step + 1) * STEP_SECS * samples.fps), last)
            world.place(samples.state[later], {})
            hits.append(fingers_about(renderer, world, arm, (x * 320, y * 240)))
    renderer.close()
    world.close()
    assert len(hits) == 25 * POINTS
    assert np.mean(hits) > 0.97


def test_a_path_starts_where_the_gripper_is_and_most_lead_somewhere(samples, paths):
    seen, _ = seen_tips(samples.state, Kinematics(), "cam_high", 4 / 3)
    starts = seen[paths.paths.rows, paths.paths.arms]
    steps = np.diff(np.concatenate([starts[:, None], paths.paths.points], axis=1), axis=1)
    lengths = np.linalg.norm(steps, axis=2)
    assert lengths.max() < 0.25  # no gripper crosses a quarter of the picture in a step
    assert np.mean(lengths.sum(axis=1) > 0.05) > 0.85
    assert paths.paths.points.min() >= 0 and paths.paths.points.max() <= 1


def test_a_path_is_scored_by_how_far_its_points_are_off_on_average():
    points = np.array([[0.1, 0.2], [0.3, 0.4]])
    plain, labelled = (path_text(points, "left gripper", form) for form in ("plain", "json"))
    assert plain == "[100, 200], [300, 400]"
    assert json.loads(labelled)[1] == {"point_2d": [300, 400], "label": "left gripper"}
    for said in (plain, labelled, "(100, 240), (300, 430)"):
        assert score("path", said, plain)
    for said in ("", "[100, 200]", "[100, 200], [300, 600]", "left"):
        assert not score("path", said, plain)


def test_no_one_path_answers_most_questions(paths):
    truths = [paths.question(n, np.random.default_rng(n)).truth for n in range(len(paths))]
    assert blind_share("path", truths) < 0.4


def test_a_network_learns_paths_as_a_part_of_a_mixture(job, demonstrations, metrics):
    mixture = [
        {"kind": "actions", "dataset": str(demonstrations)},
        {"kind": "questions", "dataset": str(demonstrations)},
    ]
    folder = job("paths", dataset=None, mixture=mixture, steps=2)
    train(folder, threading.Event())
    assert all(np.isfinite(line["question"]) for line in metrics(folder) if "question" in line)


def test_a_camera_that_moves_is_refused(samples):
    assert len(coming_paths(samples, Kinematics(), "cam_low", 4 / 3).rows)
    with pytest.raises(ValueError, match="'cam_left_wrist', which moves"):
        coming_paths(samples, Kinematics(), "cam_left_wrist", 4 / 3)


def test_a_body_that_nobody_can_place_is_refused(samples):
    with pytest.raises(ValueError, match="place is known"):
        GripperPaths(samples, "cam_elsewhere")
