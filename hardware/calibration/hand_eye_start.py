"""The camera's place in closed form, from motions of gripper and camera: a start for the fit."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from hardware.calibration.transform import Transform, inverse, rotation_vector, transform
from hardware.interfaces import HardwareError

MIN_TURN = np.radians(5)
"""Motions with less rotation than this say nothing about the camera's orientation."""


def solve_ax_xb(moving: Sequence[Transform], seen: Sequence[Transform]) -> Transform:
    """Return X with moving_i @ X @ seen_i the same for all i, as nearly as can be.

    Rotation and translation by least squares over all pairs of views (Park and Martin 1994,
    "Robot sensor calibration: solving AX = XB on the Euclidean group"; the rotation by Kabsch's
    method from the pairs' rotation vectors, which X turns into each other).
    """
    pairs = [
        (inverse(moving[j]) @ moving[i], seen[j] @ inverse(seen[i]))
        for i, j in combinations(range(len(moving)), 2)
    ]
    turns = [(rotation_vector(a[:3, :3]), rotation_vector(b[:3, :3])) for a, b in pairs]
    used = [n for n, (a, _) in enumerate(turns) if MIN_TURN < np.linalg.norm(a) < 0.95 * np.pi]
    of_gripper = np.array([turns[n][0] for n in used]).reshape(-1, 3)
    of_camera = np.array([turns[n][1] for n in used]).reshape(-1, 3)
    if len(used) < 3 or np.linalg.svd(of_gripper)[1][1] < MIN_TURN:
        raise HardwareError(
            "The gripper has to turn about two axes at least between the pictures, by 20 degrees "
            "or more; it was only shifted or turned about one axis."
        )
    left, _, right = np.linalg.svd(of_gripper.T @ of_camera)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ flip @ right
    rows = np.concatenate([pairs[n][0][:3, :3] - np.eye(3) for n in used])
    values = np.concatenate([rotation @ pairs[n][1][:3, 3] - pairs[n][0][:3, 3] for n in used])
    position = np.linalg.lstsq(rows, values, rcond=None)[0]
    return transform(rotation, position)
