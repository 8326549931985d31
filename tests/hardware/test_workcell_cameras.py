"""Cameras where a calibration found them: checked against the simulated cell, which knows."""

import math
import struct

import cv2
import numpy as np
import pytest

from hardware.aloha import START
from hardware.calibration.board import Board
from hardware.calibration.calibration_file import CameraCalibration, CameraPlace
from hardware.calibration.intrinsics import Intrinsics
from hardware.calibration.transform import inverse, transform
from hardware.kinematics import Kinematics
from hardware.workcell.arm_frames import ArmFrames
from hardware.workcell.board_sheet import board_sheet
from hardware.workcell.calibrated_kinematics import CalibratedKinematics

ELSEWHERE = START + np.float32(0.2) * np.tile([1, 1, -1, 1, 1, -1, -1], 2).astype(np.float32)


@pytest.fixture(scope="module")
def simulated():
    return Kinematics()


def straight_lens(fovy):
    focal = 240 / math.tan(fovy / 2)
    return Intrinsics(480, 640, focal, focal, 320.0, 240.0)


def calibration_of(simulated, camera, frame, lens=None):
    """What a perfect calibration in the starting pose would write."""
    pose = simulated.camera_pose(camera, START)
    world_from_camera = transform(pose.rotation, pose.position)
    parent_from_camera = inverse(ArmFrames().world_from(frame, START)) @ world_from_camera
    place = CameraPlace.of(frame, parent_from_camera)
    return CameraCalibration(lens or straight_lens(pose.fovy), place)


@pytest.mark.parametrize(
    ("camera", "frame"),
    [
        ("cam_high", "left_base"),
        ("cam_low", "right_base"),
        ("cam_left_wrist", "left_gripper"),
        ("cam_right_wrist", "right_gripper"),
    ],
)
def test_a_calibrated_camera_sees_what_the_true_one_sees_wherever_the_arms_go(
    simulated, camera, frame
):
    seeing = CalibratedKinematics({camera: calibration_of(simulated, camera, frame)})
    points = simulated.tips(np.stack([START, ELSEWHERE])).reshape(-1, 3)
    true, in_front = simulated.project(camera, ELSEWHERE, points)
    found, seen = seeing.project(camera, ELSEWHERE, points)
    assert (seen == in_front).all() and in_front.any()
    np.testing.assert_allclose(found[seen], true[seen], atol=2e-4)


def test_only_cameras_with_lens_and_place_are_known(simulated):
    whole = calibration_of(simulated, "cam_high", "left_base")
    seeing = CalibratedKinematics({"cam_high": whole, "cam_low": CameraCalibration(whole.lens)})
    assert seeing.camera_names == ("cam_high",)
    with pytest.raises(ValueError, match="Calibrated are"):
        seeing.camera_pose("cam_low", START)
    seeing.know({})
    assert seeing.camera_names == ()


def test_a_bent_lens_bends_what_is_near_and_folds_nothing_back(simulated):
    lens = Intrinsics(480, 640, 500.0, 500.0, 320.0, 240.0, (-0.3, 0.1, 0.0, 0.0, 0.0))
    placed = {"cam_high": calibration_of(simulated, "cam_high", "left_base", lens)}
    seeing = CalibratedKinematics(placed)
    pose = seeing.camera_pose("cam_high", START)
    local = np.array([[0.4, 0.0, 1.0], [9.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    points = local @ pose.rotation.T + pose.position
    shares, in_front = seeing.project("cam_high", START, points)
    assert in_front.tolist() == [True, True, False]
    assert 0.75 < shares[0, 0] < 0.4 * 500 / 640 + 0.5
    assert shares[1, 0] > 5


def test_the_printed_board_is_found_and_tells_its_size():
    sheet = board_sheet()
    at = sheet.index(b"pHYs") + 4
    assert struct.unpack(">IIB", sheet[at : at + 9]) == (11811, 11811, 1)
    picture = cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] / 11811 == pytest.approx(0.297, abs=1e-4)
    sighting = Board().find(cv2.resize(picture, None, fx=0.3, fy=0.3))
    assert len(sighting.numbers) == 40
    across = sighting.pixels[7, 0] - sighting.pixels[0, 0]
    assert across / 0.3 / 11811 == pytest.approx(7 * 0.030, rel=2e-3)
    with pytest.raises(ValueError, match="does not fit on A4"):
        board_sheet(Board(columns=12))


def test_an_unknown_frame_is_refused():
    with pytest.raises(ValueError, match="fixed in one of"):
        ArmFrames().world_from("head", START)
