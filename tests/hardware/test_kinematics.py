"""Kinematics and pictures come from one model: what is computed is where it is seen."""

import numpy as np
import pytest

from hardware.aloha import CAMERAS, START, aloha_embodiment
from hardware.inverse_kinematics import InverseKinematics, TipPose
from hardware.kinematics import Kinematics, kinematics_for
from hardware.simulation.world import World


@pytest.fixture(scope="module")
def kinematics() -> Kinematics:
    found = kinematics_for(aloha_embodiment())
    assert found is not None
    return found


def test_tips_are_where_physics_has_them(kinematics):
    with World(seed=4) as world:
        tips = kinematics.tips(START[None])
        assert np.allclose(tips[0, 0], world.tip("left"), atol=1e-6)
        assert np.allclose(tips[0, 1], world.tip("right"), atol=1e-6)


def test_the_arms_mirror_each_other(kinematics):
    left, right = kinematics.tips(START[None])[0]
    assert np.allclose(left * [-1, 1, 1], right, atol=1e-4)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_thing_is_projected_onto_its_own_pixels(kinematics, camera):
    with World(seed=5) as world:
        state = START.copy()
        state[[1, 2, 4]] = state[[8, 9, 11]] = (-0.5, 0.9, 0.5)  # both grippers look down
        world.place(state, {})
        labels = world.render_segmentation(camera, 240, 320)
        spots = world.object_positions()
        points = np.array([spots[thing.name] for thing in world.things])
        pixels, in_front = kinematics.project(camera, state, points)
        seen = 0
        for label, (x, y) in enumerate(pixels, start=1):
            rows, columns = np.nonzero(labels == label)
            whole = len(rows) > 60 and rows.min() > 0 and rows.max() < 239
            if not whole or columns.min() == 0 or columns.max() == 319:
                continue
            assert in_front[label - 1]
            assert abs(rows.mean() / 240 - y) < 0.05
            assert abs(columns.mean() / 320 - x) < 0.05
            seen += 1
        assert seen >= 1


def test_a_point_behind_the_camera_is_said_to_be_behind(kinematics):
    above = np.array([0, 0, 1.0])
    behind = kinematics.camera_pose("cam_high", START).position + above
    _, in_front = kinematics.project("cam_high", START, behind[None])
    assert not in_front[0]


def test_every_link_with_a_mesh_has_a_pose(kinematics):
    poses = kinematics.link_poses(START)
    assert set(poses) == set(kinematics.link_meshes)
    assert len(poses) == 20
    assert all(np.isclose(np.linalg.norm(pose.quaternion), 1) for pose in poses.values())


def test_an_unknown_camera_is_refused_with_the_known_ones(kinematics):
    with pytest.raises(ValueError, match="cam_high"):
        kinematics.camera_pose("cam_moon", START)


def test_a_state_of_the_wrong_size_is_refused(kinematics):
    with pytest.raises(ValueError, match="14"):
        kinematics.link_poses(START[:7])


@pytest.mark.parametrize("arm", ["left", "right"])
def test_inverse_kinematics_reaches_the_whole_table_region(arm):
    solver = InverseKinematics(arm)
    rest = START[:6].astype(np.float64)
    for x in (-0.1, 0.1):
        for y in (0.37, 0.63):
            position = np.array([x, y, 0.03])
            pose = TipPose(position, solver.pointing(position, np.radians(70)))
            joints = solver.solve(rest, pose)
            assert joints is not None
            assert np.linalg.norm(solver.tip(joints).position - position) < 1e-3


def test_one_step_never_exceeds_the_speed_of_the_joints():
    solver = InverseKinematics("left")
    rest = START[:6].astype(np.float64)
    far = TipPose(np.array([0.3, 0.8, 0.5]), np.eye(3))
    assert np.abs(solver.step(rest, far) - rest).max() <= 3.14 / 50


def test_a_place_out_of_reach_is_not_claimed_to_be_reached():
    solver = InverseKinematics("left")
    assert (
        solver.solve(START[:6].astype(np.float64), TipPose(np.array([2.0, 0, 0]), np.eye(3)))
        is None
    )
