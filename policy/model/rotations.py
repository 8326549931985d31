"""Rotations as the numbers a dataset or a network holds, to matrices and back. Plain numpy.

`euler` is roll, pitch, yaw in radians about the fixed x, y, z axes, in this order (the matrix is
Rz(yaw) Ry(pitch) Rx(roll)), as the RPY of URDF; `quaternion` is w, x, y, z of unit length;
`axis_angle` is the axis times the angle in radians. The paper names Euler angles and quaternions
for robots, axis-angle for human wrists, and no order: the orders are ours.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float, Float64

Rotation = Literal["euler", "quaternion", "axis_angle"]

WIDTH: dict[Rotation, int] = {"euler": 3, "quaternion": 4, "axis_angle": 3}
"""How many numbers each takes."""

NAMES: dict[Rotation, tuple[str, ...]] = {
    "euler": ("roll", "pitch", "yaw"),
    "quaternion": ("qw", "qx", "qy", "qz"),
    "axis_angle": ("rx", "ry", "rz"),
}
"""What their channels are called, after the name of the arm."""

SHORTEST = 1e-3
"""Length below which a quaternion says nothing."""


def to_matrix(
    kind: Rotation, values: Float[np.ndarray, "*rows numbers"]
) -> Float64[np.ndarray, "*rows 3 3"]:
    """Rotation matrices (..., 3, 3) of `values` (..., `WIDTH[kind]`).

    Raises `ValueError` for a quaternion of no length.
    """
    values = np.asarray(values, np.float64)
    if kind == "euler":
        half = values / 2
        zero = np.zeros_like(half[..., 0])
        turns = [
            np.stack([np.cos(half[..., i]), *(np.sin(half[..., i]) if i == k else zero
                      for k in range(3))], axis=-1)
            for i in range(3)
        ]  # fmt: skip
        return _from_quaternion(_product(turns[2], _product(turns[1], turns[0])))
    if kind == "axis_angle":
        angle = np.linalg.norm(values, axis=-1, keepdims=True)
        share = 0.5 * np.sinc(angle / (2 * np.pi))  # sin(angle / 2) / angle
        return _from_quaternion(np.concatenate([np.cos(angle / 2), share * values], axis=-1))
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    if not (length > SHORTEST).all():
        raise ValueError(
            "A quaternion (w, x, y, z) needs unit length, got one of length "
            f"{float(np.nanmin(length)):.2g}. Is the channel order right, and is the pose recorded?"
        )
    return _from_quaternion(values / length)


def from_matrix(
    kind: Rotation, matrices: Float64[np.ndarray, "*rows 3 3"]
) -> Float64[np.ndarray, "*rows numbers"]:
    """The inverse of `to_matrix`: angles in (-pi, pi], pitch in [-pi/2, pi/2], quaternions w >= 0.

    With the pitch straight up or down, where roll and yaw are one turn, all of it is yaw.
    """
    if kind == "euler":
        return _euler(matrices)
    quaternion = _quaternion(matrices)
    if kind == "quaternion":
        return quaternion
    length = np.linalg.norm(quaternion[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, quaternion[..., :1])
    stretch = np.where(length > 1e-9, angle / np.maximum(length, 1e-9), 2.0)
    return np.asarray(stretch * quaternion[..., 1:], np.float64)


def _euler(matrices: np.ndarray) -> np.ndarray:
    level = np.hypot(matrices[..., 0, 0], matrices[..., 1, 0])
    free = level > 1e-7
    roll = np.where(free, np.arctan2(matrices[..., 2, 1], matrices[..., 2, 2]), 0.0)
    pitch = np.arctan2(-matrices[..., 2, 0], level)
    yaw = np.where(
        free,
        np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0]),
        np.arctan2(-matrices[..., 0, 1], matrices[..., 1, 1]),
    )
    return np.stack([roll, pitch, yaw], axis=-1)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    w, v = left[..., :1], left[..., 1:]
    other_w, other_v = right[..., :1], right[..., 1:]
    real = w * other_w - (v * other_v).sum(axis=-1, keepdims=True)
    return np.concatenate([real, w * other_v + other_w * v + np.cross(v, other_v)], axis=-1)


def _from_quaternion(quaternion: np.ndarray) -> np.ndarray:
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    flat = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(flat, axis=-1).reshape(*quaternion.shape[:-1], 3, 3)


def _quaternion(matrices: np.ndarray) -> np.ndarray:
    """Row k of the four candidates is the quaternion times four times its own k-th number."""
    m = matrices
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = (m[..., (i + 2) % 3, (i + 1) % 3] - m[..., (i + 1) % 3, (i + 2) % 3]
                  for i in range(3))  # fmt: skip
    xy, xz, yz = (m[..., i, k] + m[..., k, i] for i, k in ((0, 1), (0, 2), (1, 2)))
    rows = [
        [1 + xx + yy + zz, wx, wy, wz],
        [wx, 1 + xx - yy - zz, xy, xz],
        [wy, xy, 1 - xx + yy - zz, yz],
        [wz, xz, yz, 1 - xx - yy + zz],
    ]
    candidates = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(candidates, axis1=-2, axis2=-1), axis=-1)
    chosen = np.take_along_axis(candidates, best[..., None, None], axis=-2)[..., 0, :]
    unit = chosen / np.linalg.norm(chosen, axis=-1, keepdims=True)
    return np.asarray(np.where(unit[..., :1] < 0, -unit, unit), np.float64)
