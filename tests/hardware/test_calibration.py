from dataclasses import replace

import numpy as np
import pytest
from drawn_board import BOARD, LENS, DrawnCamera, looking_at, seen_from, views_around

from hardware.calibration.board import Board
from hardware.calibration.calibration_file import (
    CameraCalibration,
    CameraPlace,
    load_calibrations,
    save_calibration,
)
from hardware.calibration.hand_eye import calibrate_hand_eye
from hardware.calibration.hand_eye_fit import View
from hardware.calibration.intrinsics import Intrinsics, calibrate_lens
from hardware.calibration.transform import (
    angle_between,
    distance_between,
    inverse,
    quaternion,
    rotation_from_quaternion,
    rotation_of,
    rotation_vector,
    transform,
)
from hardware.interfaces import HardwareError

TABLE = transform(np.diag([1.0, -1.0, -1.0]), np.array([0.1, 0.5, 0.0]))
"""base_from_board of a board that lies face up."""

WRIST = transform(rotation_of(np.array([0.3, -1.2, 0.4])), np.array([0.05, -0.02, 0.07]))
"""gripper_from_camera."""

ROOM = looking_at([0.0, -0.42, 0.48], [0.0, 0.1, 0.1])
"""base_from_camera."""

HAND = transform(rotation_of(np.array([0.1, 0.2, -0.3])), np.array([-0.1, -0.08, 0.05]))
"""gripper_from_board of a board in the gripper."""


@pytest.fixture(scope="module")
def seen():
    """Camera poses around the board with what was found in a drawn picture at each."""
    camera, poses = DrawnCamera(), views_around(TABLE, 16, np.random.default_rng(1))
    found = [BOARD.find(camera.photograph(seen_from(pose, TABLE))) for pose in poses]
    return [(pose, sighting) for pose, sighting in zip(poses, found, strict=True) if sighting]


@pytest.fixture(scope="module")
def lens(seen):
    return calibrate_lens([sighting for _, sighting in seen])


def shaken(rng, millimetres, degrees):
    turn, shift = rng.normal(0, np.radians(degrees), 3), rng.normal(0, millimetres / 1000, 3)
    return transform(rotation_of(turn), shift)


def views(seen, mount, *, millimetres=0.0, degrees=0.0):
    """What an arm that is off by so much reports beside each picture."""
    rng = np.random.default_rng(2)
    found = []
    for world_from_camera, sighting in seen:
        if mount == "gripper":
            base_from_gripper = world_from_camera @ inverse(WRIST)
        else:
            base_from_gripper = ROOM @ seen_from(world_from_camera, TABLE) @ inverse(HAND)
        noise = shaken(rng, millimetres, degrees)
        found.append(View(base_from_gripper @ noise, sighting))
    return found


def test_corners_are_found_to_a_fraction_of_a_pixel(seen):
    assert len(seen) == 16
    for pose, sighting in seen:
        camera_from_board = seen_from(pose, TABLE)
        points = sighting.points @ camera_from_board[:3, :3].T + camera_from_board[:3, 3]
        errors = np.linalg.norm(LENS.project(points) - sighting.pixels, axis=1)
        assert np.sqrt(np.mean(errors**2)) < 0.5


def test_a_picture_without_the_board_shows_none():
    assert BOARD.find(np.full((480, 640, 3), 90, np.uint8)) is None


def test_a_lens_is_found_from_drawn_pictures(lens):
    found = lens.intrinsics
    assert found.fx == pytest.approx(LENS.fx, rel=0.003)
    assert found.fy == pytest.approx(LENS.fy, rel=0.003)
    assert found.cx == pytest.approx(LENS.cx, abs=2)
    assert found.cy == pytest.approx(LENS.cy, abs=2)
    assert lens.error_px < 0.3 and lens.focal_sigma < 0.003
    grid = np.stack(np.meshgrid(*[np.linspace(-0.3, 0.3, 5)] * 2), -1).reshape(-1, 2)
    rays = np.column_stack([grid, np.ones(len(grid))])
    assert np.abs(found.project(rays) - LENS.project(rays)).max() < 1.5


@pytest.mark.parametrize(("mount", "truth"), [("gripper", WRIST), ("base", ROOM)])
def test_a_cameras_place_is_found_within_2_mm_and_half_a_degree(seen, lens, mount, truth):
    report = calibrate_hand_eye(views(seen, mount), lens.intrinsics, mount)
    assert distance_between(report.mount_from_camera, truth) < 0.002
    assert angle_between(report.mount_from_camera, truth) < np.radians(0.5)
    assert report.error_px < 1.0
    other = TABLE if mount == "gripper" else HAND
    assert distance_between(report.board_pose, other) < 0.002


@pytest.mark.parametrize(("mount", "truth"), [("gripper", WRIST), ("base", ROOM)])
def test_an_inexact_arm_is_told_and_the_place_found_all_the_same(seen, lens, mount, truth):
    noisy = views(seen, mount, millimetres=0.5, degrees=0.1)
    report = calibrate_hand_eye(noisy, lens.intrinsics, mount)
    assert distance_between(report.mount_from_camera, truth) < 0.002
    assert angle_between(report.mount_from_camera, truth) < np.radians(0.5)
    assert 0.2e-3 < report.arm_position < 1.2e-3
    assert 0.0002 < report.position_sigma < 0.002


def test_a_wrong_size_of_squares_is_noticed(seen, lens):
    wrong = [
        View(pose @ inverse(WRIST), replace(sighting, points=1.1 * sighting.points))
        for pose, sighting in seen
    ]
    report = calibrate_hand_eye(wrong, lens.intrinsics, "gripper")
    assert any("Measure a square" in line for line in report.advice)


def test_a_gripper_that_never_turned_is_refused(seen, lens):
    pose, sighting = seen[0]
    still = [View(pose @ inverse(WRIST), sighting)] * 6
    with pytest.raises(HardwareError, match="has to turn about two axes"):
        calibrate_hand_eye(still, lens.intrinsics, "gripper")


def test_too_few_pictures_are_refused(seen, lens):
    with pytest.raises(HardwareError, match="5 or more pictures of the board, got 2"):
        calibrate_hand_eye(views(seen, "gripper")[:2], lens.intrinsics, "gripper")
    with pytest.raises(HardwareError, match="5 or more pictures"):
        calibrate_lens([sighting for _, sighting in seen[:3]])


def test_poor_pictures_get_advice():
    camera = DrawnCamera()
    middle = BOARD.corners.mean(axis=0)
    poses = [
        transform(rotation_of(np.array([0.02 * n, 0.0, 0.0])), np.array([0.0, 0.0, 0.6]) - middle)
        for n in range(5)
    ]
    found = [BOARD.find(camera.photograph(pose)) for pose in poses]
    advice = " ".join(calibrate_lens(found).advice)
    assert "more pictures" in advice and "every part" in advice and "Tilt" in advice


def test_a_lens_fits_only_pictures_of_its_size(seen):
    half = Intrinsics(240, 320, 306.0, 304.0, 160.0, 120.0)
    with pytest.raises(HardwareError, match="Calibrate at the size that is used"):
        half.board_pose(seen[0][1])


def test_the_board_is_printed_at_its_true_size():
    assert BOARD.draw(300).shape == (round(6 * 0.03 / 0.0254 * 300), round(9 * 0.03 / 0.0254 * 300))
    with pytest.raises(ValueError, match="smaller than its square"):
        Board(square=0.02, marker=0.02)


@pytest.mark.parametrize("vector", [(0, 0, 0), (0.3, -1.2, 0.4), (3.14, 0, 0), (1e-9, 0, 0)])
def test_rotations_survive_every_way_of_writing_them(vector):
    rotation = rotation_of(np.array(vector, np.float64))
    again = rotation_from_quaternion(quaternion(rotation))
    np.testing.assert_allclose(again, rotation, atol=1e-9)
    np.testing.assert_allclose(rotation_of(rotation_vector(rotation)), rotation, atol=1e-9)


def test_a_calibration_is_kept_in_the_workcell_file_beside_what_is_there(tmp_path, lens):
    path = tmp_path / "cell.toml"
    path.write_text(
        '# our bench\nname = "bench"  # by the window\n\n[cameras.cam_high]\nfps = 30\n'
    )
    place = CameraPlace.of("left_gripper", WRIST)
    save_calibration(path, "cam_left_wrist", CameraCalibration(place=place))
    save_calibration(path, "cam_left_wrist", CameraCalibration(lens=lens.intrinsics))
    save_calibration(path, "cam_high", CameraCalibration(lens=LENS))

    text = path.read_text()
    assert "# our bench" in text and "# by the window" in text and "[cameras.cam_high]" in text
    found = load_calibrations(path)
    assert found["cam_high"] == CameraCalibration(lens=LENS)
    assert found["cam_left_wrist"].lens == lens.intrinsics
    np.testing.assert_allclose(found["cam_left_wrist"].place.parent_from_camera, WRIST, atol=1e-12)


def test_a_damaged_calibration_is_named(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text("[calibration.cam_high.lens]\nfx = 600.0\n")
    with pytest.raises(ValueError, match=r"calibration\.cam_high\.lens.*needs .*'width'"):
        load_calibrations(path)
    path.write_text("fx = = 3")
    with pytest.raises(ValueError, match=r"cell\.toml"):
        load_calibrations(path)
    with pytest.raises(ValueError, match="Not a TOML file"):
        save_calibration(path, "cam_high", CameraCalibration(lens=LENS))


def test_a_workcell_without_calibration_has_none(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text('name = "bench"\n')
    assert load_calibrations(path) == {}
