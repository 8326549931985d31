"""Rigid transforms as 4x4 matrices, composed by `@`. `base_from_camera` takes camera to base."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

Transform: TypeAlias = Float64[np.ndarray, "4 4"]
"""Rotation and translation in metres; the last row is 0 0 0 1."""

Vector3: TypeAlias = Float64[np.ndarray, "3"]


def transform(rotation: Float64[np.ndarray, "3 3"], position: Vector3) -> Transform:
    """Put a rotation and a position in metres together."""
    made = np.eye(4)
    made[:3, :3], made[:3, 3] = rotation, position
    return made


def inverse(a_from_b: Transform) -> Transform:
    """Return b_from_a."""
    turned = a_from_b[:3, :3].T
    return transform(turned, -turned @ a_from_b[:3, 3])


def rotation_of(vector: Vector3) -> Float64[np.ndarray, "3 3"]:
    """Turn by the length of `vector` in radians about its direction (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.asarray(np.eye(3) + cross(vector))
    axis = cross(vector / angle)
    return np.asarray(np.eye(3) + math.sin(angle) * axis + (1 - math.cos(angle)) * axis @ axis)


def rotation_vector(rotation: Float64[np.ndarray, "3 3"]) -> Vector3:
    """Return the axis of a rotation times its angle in radians; the inverse of `rotation_of`."""
    w, x, y, z = quaternion(rotation)
    length = math.sqrt(x * x + y * y + z * z)
    if length < 1e-12:
        return np.zeros(3)
    return np.array([x, y, z]) * (2 * math.atan2(length, w) / length)


def quaternion(rotation: Float64[np.ndarray, "3 3"]) -> tuple[float, float, float, float]:
    """Return w, x, y, z with w >= 0.

    The eigenvector of the largest eigenvalue of Bar-Itzhack's matrix (Bar-Itzhack 2000, "New
    method for extracting the quaternion from a rotation matrix").
    """
    r = rotation
    matrix = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
            [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
            [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], 0],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], np.trace(r)],
        ]
    )
    x, y, z, w = np.linalg.eigh(matrix)[1][:, -1]  # eigh reads the lower triangle
    sign = 1.0 if w >= 0 else -1.0
    return float(sign * w), float(sign * x), float(sign * y), float(sign * z)


def rotation_from_quaternion(wxyz: Sequence[float]) -> Float64[np.ndarray, "3 3"]:
    """Return the rotation of a quaternion w, x, y, z, which is brought to length 1 first.

    Raises `ValueError` unless it has four numbers and a length near 1.
    """
    values = np.array(wxyz, np.float64)
    if values.shape != (4,) or not 0.99 < float(np.linalg.norm(values)) < 1.01:
        raise ValueError(f"A quaternion has four numbers and length 1, got {list(wxyz)}.")
    w, x, y, z = values / np.linalg.norm(values)
    half = math.atan2(math.sqrt(x * x + y * y + z * z), w)
    axis = np.array([x, y, z])
    length = float(np.linalg.norm(axis))
    return rotation_of(axis * (2 * half / length) if length > 1e-12 else np.zeros(3))


def angle_between(one: Transform, other: Transform) -> float:
    """Return the angle in radians by which two transforms differ in rotation."""
    return float(np.linalg.norm(rotation_vector(one[:3, :3].T @ other[:3, :3])))


def distance_between(one: Transform, other: Transform) -> float:
    """Return the distance of two transforms' positions in metres."""
    return float(np.linalg.norm(one[:3, 3] - other[:3, 3]))


def cross(vector: Vector3) -> Float64[np.ndarray, "3 3"]:
    """Return the matrix that takes v to the cross product of `vector` and v."""
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], np.float64)
