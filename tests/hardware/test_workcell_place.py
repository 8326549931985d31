"""A wrist camera's place, found from the page: drawn pictures, an arm that poses, the real desk."""

import time
from contextlib import ExitStack

import numpy as np
import pytest
from drawn_board import BOARD, LENS, DrawnCamera, inverse, views_around
from emulated_lab import until

from hardware.aloha import START, aloha_embodiment, arm_slice
from hardware.calibration.calibration_file import (
    CameraCalibration,
    load_calibrations,
    save_calibration,
)
from hardware.calibration.transform import angle_between, distance_between, rotation_of, transform
from hardware.clock import MonotonicClock
from hardware.interfaces import Frame
from hardware.inverse_kinematics import InverseKinematics, TipPose
from hardware.robot import Robot
from hardware.workcell.arm_frames import ArmFrames
from studio.history import History
from studio.notices import Notices
from studio.station import Station
from studio.workcell_calibration import CalibrationDesk
from studio.workcell_rig import NobodyByHand

CAMERA = "cam_left_wrist"
WORLD_FROM_BOARD = transform(np.diag([1.0, -1.0, -1.0]), np.array([-0.25, 0.42, 0.03]))
"""The board lies on the table before the left arm, printed side up."""

GRIPPER_FROM_CAMERA = transform(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    @ rotation_of(np.array([0.35, 0.06, -0.04])),
    np.array([-0.09, 0.012, 0.061]),
)
"""The truth: behind and above the fingers, looking forward and somewhat down or up."""


class PosedArm:
    """An arm that stands as it is told by the test."""

    def __init__(self, positions):
        self.positions = positions

    def connect(self): ...

    def disconnect(self): ...

    def read_positions(self):
        return self.positions

    def write_positions(self, positions): ...


class BoardEye:
    """Shows two pictures in turn: the same view, other noise."""

    def __init__(self):
        self.pictures = [np.full((480, 640, 3), 110, np.uint8)]

    def connect(self): ...

    def disconnect(self): ...

    def read_latest(self):
        tenths = int(time.monotonic() * 10)
        return Frame(self.pictures[tenths % len(self.pictures)], tenths / 10)


def poses(count):
    """States in which the camera sees the board, as far as the arm gets there."""
    solver, joints = InverseKinematics("left"), START[:6].astype(np.float64)
    rng = np.random.default_rng(5)
    for wanted in views_around(WORLD_FROM_BOARD, count, rng, distance=(0.22, 0.34), tilt=0.5):
        gripper = wanted @ inverse(GRIPPER_FROM_CAMERA)
        for _ in range(120):
            joints = solver.step(joints, TipPose(gripper[:3, 3], gripper[:3, :3]))
        state = START.copy()
        state[arm_slice("left")][:-1] = joints
        yield state


def test_the_place_found_is_the_true_one_within_2_mm_and_half_a_degree(tmp_path):
    path = tmp_path / "aloha.toml"
    save_calibration(path, CAMERA, CameraCalibration(lens=LENS))
    arms, eye = [PosedArm(START[:7]), PosedArm(START[7:])], BoardEye()
    robot = Robot(aloha_embodiment((CAMERA,)), arms, {CAMERA: eye}, MonotonicClock())
    frames, camera = ArmFrames(), DrawnCamera()
    with Station(robot, NobodyByHand(), Notices(), History()) as station, ExitStack() as closing:
        saved = []
        desk = CalibrationDesk(station, path, BOARD, saved=lambda: saved.append(True))
        closing.callback(desk.close)
        until(lambda: station.tick is not None)
        desk.begin(CAMERA, "left_gripper")
        for state in poses(12):
            world_from_camera = frames.world_from("left_gripper", state) @ GRIPPER_FROM_CAMERA
            seen = inverse(world_from_camera) @ WORLD_FROM_BOARD
            pictures = [camera.photograph(seen) for _ in range(2)]
            if BOARD.find(pictures[0]) is None:
                continue
            taken = desk.progress.taken
            eye.pictures, arms[0].positions = pictures, state[:7]
            until(lambda taken=taken: desk.progress.taken > taken)
        said = desk.finish()
    assert saved and "reprojection error 0." in said, said
    place = load_calibrations(path)[CAMERA].place
    assert place.parent == "left_gripper"
    assert distance_between(place.parent_from_camera, GRIPPER_FROM_CAMERA) < 2e-3
    assert np.degrees(angle_between(place.parent_from_camera, GRIPPER_FROM_CAMERA)) < 0.5


@pytest.mark.parametrize("frame", ["head", "left"])
def test_a_place_in_no_frame_is_refused(tmp_path, frame):
    path = tmp_path / "aloha.toml"
    save_calibration(path, CAMERA, CameraCalibration(lens=LENS))
    arms = [PosedArm(START[:7]), PosedArm(START[7:])]
    robot = Robot(aloha_embodiment((CAMERA,)), arms, {CAMERA: BoardEye()}, MonotonicClock())
    with Station(robot, NobodyByHand(), Notices(), History()) as station:
        desk = CalibrationDesk(station, path, BOARD, saved=list)
        with pytest.raises(ValueError, match="A place is found in one of"):
            desk.begin(CAMERA, frame)
        desk.close()
