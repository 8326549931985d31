"""Rotations, said in every way, are the same rotation; and they go on without a leap."""

import dataclasses

import numpy as np
import pytest

from hardware.bodies import body_named
from policy.model.end_effector_actions import continuous, going_on
from policy.model.rotations import NAMES, from_matrix, to_matrix


@pytest.mark.parametrize("kind", NAMES)
def test_rotations_come_back_as_they_were(kind):
    rng = np.random.default_rng(0)
    quaternions = rng.normal(size=(500, 4))
    matrices = to_matrix("quaternion", quaternions)
    unit = np.eye(3)[None].repeat(500, 0)
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, -1, -2), unit, atol=1e-12)
    np.testing.assert_allclose(to_matrix(kind, from_matrix(kind, matrices)), matrices, atol=1e-9)
    still = from_matrix(kind, np.eye(3)[None])
    np.testing.assert_allclose(still, [[1, 0, 0, 0]] if kind == "quaternion" else [[0, 0, 0]])


def test_the_three_ways_to_say_a_quarter_turn_left_agree():
    turned = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    half = np.sqrt(0.5)
    for kind, numbers in (
        ("euler", [0, 0, np.pi / 2]),
        ("quaternion", [half, 0, 0, half]),
        ("axis_angle", [0, 0, np.pi / 2]),
    ):
        np.testing.assert_allclose(to_matrix(kind, np.array(numbers)), turned, atol=1e-12)


def test_roll_is_turned_first_and_yaw_last():
    roll, pitch, yaw = 0.3, -0.4, 1.2
    parts = [to_matrix("axis_angle", np.array(axis)) for axis in
             ([roll, 0, 0], [0, pitch, 0], [0, 0, yaw])]  # fmt: skip
    expected = parts[2] @ parts[1] @ parts[0]
    np.testing.assert_allclose(to_matrix("euler", np.array([roll, pitch, yaw])), expected)


def test_a_gripper_straight_down_still_has_a_rotation():
    matrix = to_matrix("euler", np.array([0.4, np.pi / 2, 0.1]))
    np.testing.assert_allclose(to_matrix("euler", from_matrix("euler", matrix)), matrix, atol=1e-7)


def test_a_quaternion_of_no_length_is_refused():
    with pytest.raises(ValueError, match="unit length"):
        to_matrix("quaternion", np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]]))


def test_an_axis_angle_is_said_by_the_vector_nearest_to_the_row_before():
    """A turn past pi is recorded about the other axis: interpolated, it would turn back."""
    angles = np.linspace(2.5, 7.5, 26)
    axis = np.array([0.6, 0.0, 0.8])
    recorded = from_matrix("axis_angle", to_matrix("axis_angle", angles[:, None] * axis))
    assert np.abs(np.diff(recorded, axis=0)).max() > 3
    np.testing.assert_allclose(
        continuous("axis_angle", recorded), angles[:, None] * axis, atol=1e-6
    )
    still = np.zeros((3, 3))
    np.testing.assert_array_equal(continuous("axis_angle", still), still)


def test_a_quaternion_goes_on_with_the_sign_of_the_last_command():
    channels = tuple(
        dataclasses.replace(body_named("widowx").action_channels[0], name=name)
        for name in ("x", "y", "z", "qw", "qx", "qy", "qz")
    )
    last = np.array([0, 0, 0, 1, 0, 0, 0], np.float32)
    rows = np.tile(np.array([0, 0, 0, -1, 0, 0, 0], np.float32), (4, 1))
    np.testing.assert_array_equal(going_on(channels, rows, last), np.tile(last, (4, 1)))
