"""The likeliest place of a camera, when both the arm's poses and the corners seen are noisy."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float64

from hardware.calibration.board import Sighting
from hardware.calibration.intrinsics import Intrinsics
from hardware.calibration.least_squares import minimise
from hardware.calibration.transform import (
    Transform,
    cross,
    inverse,
    rotation_of,
    transform,
)

Mount: TypeAlias = Literal["gripper", "base"]
"""What the camera is fixed to."""

Change: TypeAlias = Float64[np.ndarray, "12"]
"""Of the camera's pose and then of the board's: a rotation vector and a shift each."""

Twist: TypeAlias = Float64[np.ndarray, "6"]
"""A small rigid motion: rotation vector in radians, shift in metres."""

CORNER_SIGMA_PX = 0.2
"""How exactly a corner is found."""

FIRST_ARM_SIGMA = (np.radians(0.2), 1e-3)
"""What arms of this kind err by, radians and metres; estimated anew from what is left over."""

LEAST_ARM_SIGMA = (np.radians(0.005), 2e-5)
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class View:
    """One picture of the board and where the gripper was."""

    base_from_gripper: Transform
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class Fit:
    """The likeliest poses."""

    mount_from_camera: Transform
    board: Transform
    """base_from_board, or gripper_from_board where the gripper holds it."""
    sigma: Float64[np.ndarray, "6"]
    """Standard deviations of the camera's rotation vector and position."""
    arm_rotation: float
    arm_position: float
    """What the arm's poses are off by, root mean square over one axis, radians and metres."""


class HandEyeFit:
    """Maximum likelihood over camera and board pose.

    What a view leaves over is a small motion of the gripper: the one that would make arm and
    picture agree. Its covariance is the arm's plus that of the pose seen, moved to the gripper by
    the adjoint (Barfoot 2017, "State Estimation for Robotics", section 7.3). The arm's part is
    estimated from what is left over, and the fit repeated.
    """

    def __init__(
        self, views: Sequence[View], intrinsics: Intrinsics, mount: Mount, start: Transform
    ) -> None:
        self._mount = mount
        self._intrinsics = intrinsics
        self._gripper_from_base = np.stack([inverse(view.base_from_gripper) for view in views])
        self._seen = np.stack([intrinsics.board_pose(view.sighting) for view in views])
        self._board_from_seen = np.stack([inverse(pose) for pose in self._seen])
        self._start = start
        to_board = views[0].base_from_gripper if mount == "gripper" else self._gripper_from_base[0]
        self._start_board = to_board @ start @ self._seen[0]
        self._seen_covariances = np.stack(
            [
                _moved_covariance(
                    self._gripper_from_camera(n), self._seen_covariance(n, view.sighting)
                )
                for n, view in enumerate(views)
            ]
        )

    def solve(self) -> Fit:
        """Return the likeliest poses."""
        groups = np.repeat(np.arange(len(self._seen)), 6)
        point, sigma = np.zeros(12), np.array(FIRST_ARM_SIGMA)
        for _ in range(ROUNDS):
            totals = self._seen_covariances + np.diag(np.repeat(sigma**2, 3))
            whiten = np.linalg.inv(np.linalg.cholesky(totals))
            solution = minimise(functools.partial(self._whitened, whiten), point, groups)
            point = solution.point
            sigma = _arm_sigma(self.leftovers(point))
        camera, board = self.poses(point)
        deviations = np.sqrt(np.diag(solution.covariance))[:6]
        return Fit(camera, board, deviations, float(sigma[0]), float(sigma[1]))

    def _whitened(
        self, whiten: Float64[np.ndarray, "views 6 6"], change: Change
    ) -> Float64[np.ndarray, "residuals"]:
        return np.asarray(whiten @ self.leftovers(change)[..., None]).ravel()

    def poses(self, change: Change) -> tuple[Transform, Transform]:
        """Return mount_from_camera and the board's pose."""
        return _changed(self._start, change[:6]), _changed(self._start_board, change[6:])

    def leftovers(self, change: Change) -> Float64[np.ndarray, "views 6"]:
        """Return for each view the motion of the gripper that would make all agree."""
        camera, board = self.poses(change)
        # The same chain from the gripper to the gripper, past arm, board and camera.
        if self._mount == "gripper":
            off = self._gripper_from_base @ board @ self._board_from_seen @ inverse(camera)
        else:
            off = self._gripper_from_base @ camera @ self._seen @ inverse(board)
        return np.concatenate([_small_rotations(off[:, :3, :3]), off[:, :3, 3]], axis=1)

    def _gripper_from_camera(self, number: int) -> Transform:
        if self._mount == "gripper":
            return self._start
        return np.asarray(self._gripper_from_base[number] @ self._start)

    def _seen_covariance(self, number: int, sighting: Sighting) -> Float64[np.ndarray, "6 6"]:
        """Return the covariance of a pose seen, as a small motion in the camera's frame."""
        pose, step = self._seen[number], 1e-6
        points = sighting.points @ pose[:3, :3].T + pose[:3, 3]
        before = self._intrinsics.project(points)
        columns = []
        for twist in np.eye(6) * step:
            moved = points + np.cross(twist[:3], points) + twist[3:]
            columns.append((self._intrinsics.project(moved) - before).ravel() / step)
        jacobian = np.stack(columns, axis=1) / CORNER_SIGMA_PX
        return np.asarray(np.linalg.inv(jacobian.T @ jacobian))


def _small_rotations(rotations: Float64[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "n 3"]:
    """Return rotation vectors of rotations by less than half a turn, all at once."""
    odd = (rotations - rotations.transpose(0, 2, 1)) / 2
    axes = np.stack([odd[:, 2, 1], odd[:, 0, 2], odd[:, 1, 0]], axis=1)
    sines = np.linalg.norm(axes, axis=1)
    angles = np.arctan2(sines, (np.trace(rotations, axis1=1, axis2=2) - 1) / 2)
    return np.asarray(axes * np.where(sines > 1e-9, angles / np.maximum(sines, 1e-9), 1.0)[:, None])


def _arm_sigma(leftovers: Float64[np.ndarray, "views 6"]) -> Float64[np.ndarray, "2"]:
    """Return the robust standard deviation of rotation and position, twelve unknowns fitted."""
    freedom = np.sqrt(leftovers.size / max(leftovers.size - 12, 6))
    sizes = [1.4826 * np.median(np.abs(part)) for part in (leftovers[:, :3], leftovers[:, 3:])]
    return np.asarray(np.maximum(np.array(sizes) * freedom, LEAST_ARM_SIGMA))


def _changed(pose: Transform, change: Twist) -> Transform:
    return transform(pose[:3, :3] @ rotation_of(change[:3]), pose[:3, 3] + change[3:])


def _moved_covariance(
    a_from_b: Transform, covariance: Float64[np.ndarray, "6 6"]
) -> Float64[np.ndarray, "6 6"]:
    """Return the covariance of a small motion in frame b as one in frame a."""
    turn = a_from_b[:3, :3]
    adjoint = np.zeros((6, 6))
    adjoint[:3, :3] = adjoint[3:, 3:] = turn
    adjoint[3:, :3] = cross(a_from_b[:3, 3]) @ turn
    return np.asarray(adjoint @ covariance @ adjoint.T)
