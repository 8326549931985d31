"""Where a camera sits: on a gripper (the board lies still) or in the room (a gripper holds it)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float64

from hardware.calibration.board import Sighting
from hardware.calibration.hand_eye_fit import Fit, HandEyeFit, Mount, View
from hardware.calibration.hand_eye_start import solve_ax_xb
from hardware.calibration.intrinsics import Intrinsics
from hardware.calibration.transform import Transform, angle_between, inverse
from hardware.interfaces import HardwareError

MIN_VIEWS = 5


@dataclass(frozen=True, slots=True)
class HandEyeReport:
    """Where a camera sits and how far to trust it."""

    mount: Mount
    mount_from_camera: Transform
    """The camera (+z ahead, +y down) in the frame of the gripper or of the arm's base."""
    board_pose: Transform
    """The board in the other frame: base_from_board, or gripper_from_board in its hand."""
    error_px: float
    """Root mean square distance of corners seen and corners computed from the arm's poses."""
    view_errors_px: tuple[float, ...]
    arm_position: float
    arm_rotation: float
    """What the arm's own poses are off by, per axis: metres and radians."""
    position_sigma: float
    rotation_sigma: float
    """Standard deviations of the camera's place: metres and radians."""
    advice: tuple[str, ...]
    """What to do better, in sentences; empty if all is well."""


def calibrate_hand_eye(
    views: Sequence[View], intrinsics: Intrinsics, mount: Mount
) -> HandEyeReport:
    """Find where the camera is fixed to its `mount`.

    Raises `HardwareError` for too few pictures or gripper poses that do not turn enough.
    """
    if len(views) < MIN_VIEWS:
        raise HardwareError(
            f"A camera's place needs {MIN_VIEWS} or more pictures of the board, got {len(views)}."
        )
    # With the camera in the room everything is the same, seen from the gripper.
    moving = [
        view.base_from_gripper if mount == "gripper" else inverse(view.base_from_gripper)
        for view in views
    ]
    start = solve_ax_xb(moving, [intrinsics.board_pose(view.sighting) for view in views])
    fit = HandEyeFit(views, intrinsics, mount, start).solve()
    distances = [
        _corner_errors(fit, view.sighting, pose, intrinsics)
        for view, pose in zip(views, moving, strict=True)
    ]
    errors = [float(np.sqrt(np.mean(one**2))) for one in distances]
    return HandEyeReport(
        mount,
        fit.mount_from_camera,
        fit.board,
        float(np.sqrt(np.mean(np.concatenate(distances) ** 2))),
        tuple(errors),
        fit.arm_position,
        fit.arm_rotation,
        float(np.linalg.norm(fit.sigma[3:])),
        float(np.linalg.norm(fit.sigma[:3])),
        tuple(_advice(moving, fit, errors)),
    )


def _corner_errors(
    fit: Fit, sighting: Sighting, moving: Transform, intrinsics: Intrinsics
) -> Float64[np.ndarray, "corners"]:
    camera_from_board = inverse(moving @ fit.mount_from_camera) @ fit.board
    points = sighting.points @ camera_from_board[:3, :3].T + camera_from_board[:3, 3]
    return np.asarray(np.linalg.norm(intrinsics.project(points) - sighting.pixels, axis=1))


def _advice(moving: Sequence[Transform], fit: Fit, errors: Sequence[float]) -> list[str]:
    widest = np.degrees(max(angle_between(one, other) for one, other in combinations(moving, 2)))
    found = []
    if len(moving) < 10:
        found.append(f"Take more pictures: {len(moving)} are used, 15 are good.")
    if widest < 40:
        found.append(f"Turn the gripper more between pictures: {widest:.0f} degrees is the most.")
    if fit.arm_position > 3e-3 or fit.arm_rotation > np.radians(1):
        found.append(
            f"The arm's poses are off by {1e3 * fit.arm_position:.1f} mm and "
            f"{np.degrees(fit.arm_rotation):.1f} degrees. Measure a square of the board, let the "
            "arm come to rest before each picture, and check its homing."
        )
    middle = float(np.median(errors))
    odd = [number for number, one in enumerate(errors) if one > max(4 * middle, 2.0)]
    if odd:
        found.append(f"Take these pictures again, they do not fit the others: {odd}.")
    return found
