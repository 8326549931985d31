"""How a camera's lens maps directions to pixels, from many pictures of the board."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64

from hardware.calibration.board import Sighting
from hardware.calibration.transform import Transform, rotation_of, transform
from hardware.interfaces import HardwareError

MIN_VIEWS = 5
OUTLIER = 3.0
"""A view whose error is so many times the median is left out."""


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera with the Brown-Conrady lens of OpenCV, for one size of picture."""

    height: int
    width: int
    fx: float
    fy: float
    """Focal lengths in pixels."""
    cx: float
    cy: float
    """Where the optical axis meets the picture, pixels."""
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2, k3."""

    @property
    def matrix(self) -> Float64[np.ndarray, "3 3"]:
        """The camera matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    def project(self, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 2"]:
        """Return the pixels of points in the camera's frame (+z ahead, +y down), metres."""
        pixels, _ = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), self.matrix, np.array(self.distortion)
        )
        return np.asarray(pixels, np.float64).reshape(-1, 2)

    def board_pose(self, sighting: Sighting) -> Transform:
        """Return camera_from_board, the pose with the least reprojection error.

        Raises `HardwareError` if the picture has another size or shows no pose.
        """
        if (sighting.height, sighting.width) != (self.height, self.width):
            raise HardwareError(
                f"The lens is known for pictures of {self.width}x{self.height}, this one is "
                f"{sighting.width}x{sighting.height}. Calibrate at the size that is used."
            )
        arguments = sighting.points, sighting.pixels, self.matrix, np.array(self.distortion)
        fine, turns, shifts, errors = cv2.solvePnPGeneric(*arguments, flags=cv2.SOLVEPNP_IPPE)
        if not fine:
            raise HardwareError("The board's pose cannot be found in this picture.")
        best = int(np.argmin(np.ravel(errors)))
        turn, shift = cv2.solvePnPRefineLM(*arguments, turns[best], shifts[best])
        return transform(
            rotation_of(np.asarray(turn, np.float64).ravel()), np.asarray(shift, np.float64).ravel()
        )


@dataclass(frozen=True, slots=True)
class LensReport:
    """What a lens calibration found and how far to trust it."""

    intrinsics: Intrinsics
    error_px: float
    """Root mean square distance of corners seen and corners computed."""
    view_errors_px: tuple[float, ...]
    """The same for each picture that was used."""
    left_out: tuple[int, ...]
    """Numbers of the pictures that fit too badly."""
    focal_sigma: float
    """Standard deviation of the focal length, as a share of it."""
    advice: tuple[str, ...]
    """What to do better, in sentences; empty if all is well."""


def calibrate_lens(sightings: Sequence[Sighting]) -> LensReport:
    """Find a camera's intrinsics by bundle adjustment (Zhang 2000, as in OpenCV).

    Raises `HardwareError` for too few pictures or pictures of different sizes.
    """
    sizes = {(sighting.height, sighting.width) for sighting in sightings}
    if len(sightings) < MIN_VIEWS or len(sizes) != 1:
        raise HardwareError(
            f"A lens needs {MIN_VIEWS} or more pictures of one size that show the board, got "
            f"{len(sightings)} of sizes {sorted(sizes)}."
        )
    _, errors, _ = _fit(sightings)
    kept = errors <= OUTLIER * max(float(np.median(errors)), 0.05)
    used = [sighting for sighting, keep in zip(sightings, kept, strict=True) if keep]
    if len(used) < MIN_VIEWS:
        used, kept = list(sightings), np.ones(len(sightings), bool)
    intrinsics, errors, sigma = _fit(used)
    error = float(np.sqrt(np.average(errors**2, weights=[len(s.pixels) for s in used])))
    return LensReport(
        intrinsics,
        error,
        tuple(errors.tolist()),
        tuple(np.flatnonzero(~kept).tolist()),
        sigma,
        tuple(_advice(used, intrinsics, error, sigma)),
    )


def _fit(
    sightings: Sequence[Sighting],
) -> tuple[Intrinsics, Float64[np.ndarray, "views"], float]:
    height, width = sightings[0].height, sightings[0].width
    found = cv2.calibrateCameraExtended(
        [sighting.points.astype(np.float32) for sighting in sightings],
        [sighting.pixels for sighting in sightings],
        (width, height),
        None,
        None,
        flags=cv2.CALIB_FIX_K3,  # for wide lenses; ours would only fit noise with it
    )
    matrix, distortion, sigmas, errors = found[1], found[2], found[5], found[7]
    fx, fy, cx, cy = (float(matrix[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    bend = tuple(np.ravel(distortion)[:5].tolist())
    intrinsics = Intrinsics(height, width, fx, fy, cx, cy, bend)
    return intrinsics, np.asarray(errors, np.float64).ravel(), float(np.ravel(sigmas)[0]) / fx


def coverage(sightings: Sequence[Sighting], cells: int = 4) -> float:
    """Return the share of a grid of `cells` x `cells` over the picture that saw a corner."""
    seen: set[tuple[int, ...]] = set()
    for sighting in sightings:
        shares = sighting.pixels / np.array([sighting.width, sighting.height])
        seen.update(map(tuple, np.clip((shares * cells).astype(int), 0, cells - 1).tolist()))
    return len(seen) / cells**2


def _advice(
    sightings: Sequence[Sighting], intrinsics: Intrinsics, error: float, sigma: float
) -> list[str]:
    tilts = [tilt_degrees(intrinsics.board_pose(sighting)) for sighting in sightings]
    found = []
    if len(sightings) < 10:
        found.append(f"Take more pictures: {len(sightings)} are used, 15 to 20 are good.")
    if (covered := coverage(sightings)) < 0.8:
        found.append(
            f"Show the board in every part of the picture, the corners too: {covered:.0%} of it "
            "was used."
        )
    if sum(tilt > 20 for tilt in tilts) < 4:
        found.append("Tilt the board by 20 to 45 degrees, to all sides, in at least 4 pictures.")
    if error > 0.7:
        found.append(
            f"The corners are {error:.2f} pixels off: is the board flat and still, the picture "
            "sharp and well lit?"
        )
    if sigma > 0.005:
        found.append(f"The focal length is uncertain by {sigma:.1%}: add tilted close-ups.")
    return found


def tilt_degrees(camera_from_board: Transform) -> float:
    """Return the angle between the board's normal and the line of sight to its corner."""
    sight = camera_from_board[:3, 3] / np.linalg.norm(camera_from_board[:3, 3])
    return float(np.degrees(np.arccos(np.clip(abs(camera_from_board[:3, 2] @ sight), 0.0, 1.0))))
