"""Conventions of bodies that are no ALOHA: hands, quaternions, vehicles."""

import dataclasses

import numpy as np
import pytest

from hardware.bodies import body_named, body_names
from hardware.embodiment import Channel
from hardware.end_effectors import AlohaEndEffectors
from policy.model.action_space import Quantiles, pad
from policy.model.conventions import convention_for
from policy.model.end_effector_actions import without_jumps
from policy.model.rotations import NAMES, from_matrix, to_matrix

DISPLACED = "chunk_relative_end_effector"

WIDTHS = {
    "widowx": 7, "google_robot": 7, "franka": 7, "franka_joints": 8, "franka_dual": 14,
    "franka_dual_joints": 16, "arx5": 14, "fourier_gr1": 14, "mobile_aloha": 14,
    "mobile_aloha_joints": 14, "agibot_a2d": 16, "agibot_a2d_hands": 26, "galaxea_r1": 14,
    "airbot_mmk2": 36, "tienkung": 16, "tienkung_hands": 26, "human": 32, "navigation": 3,
}  # fmt: skip


def somewhere(body, rng):
    """A state within the body's ranges and a smooth way on from it."""
    low, high = body.action_low, body.action_high
    middle, half = (low + high) / 2, np.minimum((high - low) / 2, 2.0)
    state = (middle + 0.5 * half * rng.uniform(-1, 1, len(low))).astype(np.float32)
    steps = rng.uniform(-0.02, 0.02, (16, len(low))) * half
    return np.clip(state + np.cumsum(steps, axis=0), low, high).astype(np.float32), state


@pytest.mark.parametrize("name", body_names())
def test_every_body_has_its_width_and_its_actions_come_back(name):
    body, rng = body_named(name), np.random.default_rng(3)
    convention = convention_for("as_body", body)
    assert len(convention.channels) == WIDTHS[name] == len(set(convention.channels))
    targets, state = somewhere(body, rng)
    back = convention.decode(convention.encode(targets, state), state)
    if body.kinematics and convention.name.startswith(DISPLACED):
        poses = AlohaEndEffectors().poses
        assert np.abs(poses(back).position - poses(targets).position).max() < 1e-3
    elif name == "human":  # one rotation has many axis-angles only beyond half a turn
        np.testing.assert_allclose(back, targets, atol=1e-4)
    else:
        np.testing.assert_allclose(back, targets, atol=1e-5)


@pytest.mark.parametrize("name", body_names())
def test_normalising_and_padding_lose_nothing_either(name):
    body, rng = body_named(name), np.random.default_rng(4)
    convention = convention_for("as_body", body)
    many = [somewhere(body, rng) for _ in range(8)]
    rows = [convention.encode(targets, state) for targets, state in many]
    quantiles = Quantiles(*np.quantile(np.concatenate(rows), [0, 1], axis=0).astype(np.float32))
    for row in rows:
        padded, mask = pad(quantiles.normalize(row), horizon=32, channels=64)
        assert mask.sum() == row.size and np.abs(padded).max() <= 1
        height, width = row.shape
        assert not padded[height:].any() and not padded[:, width:].any()
        np.testing.assert_allclose(quantiles.restore(padded[:height, :width]), row, atol=1e-4)


def in_quaternions(body):
    def channels(old):
        turned = [Channel(n, "unit", -1.0, 1.0, 2.0) for n in NAMES["quaternion"]]
        return (*old[:3], *turned, *old[6:])

    return dataclasses.replace(
        body,
        state_channels=channels(body.state_channels),
        action_channels=channels(body.action_channels),
    )


def test_poses_recorded_as_quaternions_come_back_with_their_sign():
    body = in_quaternions(body_named("franka"))
    convention = convention_for(f"{DISPLACED}:quaternion", body)
    assert len(convention.channels) == 8
    turned = from_matrix("quaternion", to_matrix("euler", np.array([3.0, 0.2, 0.5])))
    state = np.float32([0.4, 0, 0.3, *-turned, 1])
    targets = state[None].repeat(5, 0)
    targets[:, 1] += np.linspace(0, 0.1, 5, dtype=np.float32)
    np.testing.assert_allclose(
        convention.decode(convention.encode(targets, state), state), targets, atol=1e-6
    )
    flipped = targets.copy()
    flipped[2:, 3:7] *= -1
    np.testing.assert_allclose(without_jumps(body.action_channels, flipped), targets)


def test_a_state_whose_quaternion_is_missing_is_refused():
    convention = convention_for(DISPLACED, in_quaternions(body_named("franka")))
    with pytest.raises(ValueError, match="unit length"):
        convention.encode(np.zeros((2, 8), np.float32), np.zeros(8, np.float32))


def test_a_vehicle_sees_its_waypoints_from_where_it_stands():
    convention = convention_for("as_body", body_named("navigation"))
    state = np.float32([10, 5, np.pi / 2])  # looking along the map's y
    targets = np.float32([[10, 6, np.pi / 2], [9, 7, np.pi]])
    rows = convention.encode(targets, state)
    np.testing.assert_allclose(rows, [[1, 0, 0], [2, 1, np.pi / 2]], atol=1e-5)
    np.testing.assert_allclose(convention.decode(rows, state), targets, atol=1e-5)


def test_a_vehicle_may_turn_past_half_a_circle():
    convention = convention_for("as_body", body_named("navigation"))
    state = np.float32([0, 0, 3.1])
    rows = convention.encode(np.float32([[0, 0, -3.1], [0, 0, -3.0]]), state)
    np.testing.assert_allclose(rows[:, 2], [2 * np.pi - 6.2, 2 * np.pi - 6.1], atol=1e-5)
