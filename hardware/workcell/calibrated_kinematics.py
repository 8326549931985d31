"""The ALOHA's kinematics with cameras where a calibration found them. Draws nothing."""

import math
import threading
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Float64

from hardware.calibration.calibration_file import CameraCalibration, CameraPlace
from hardware.calibration.intrinsics import Intrinsics
from hardware.kinematics import CameraPose, Kinematics
from hardware.workcell.arm_frames import ArmFrames

BEYOND = 1.5
"""Points further out than this many picture sizes are projected without the lens's bend, which is
known inside the picture only and may fold far points back into it."""


class CalibratedKinematics(Kinematics):
    """Knows the cameras that have both a lens and a place. Safe to use from any thread."""

    def __init__(self, calibrations: Mapping[str, CameraCalibration]) -> None:
        super().__init__()
        self._frames = ArmFrames()
        self._frames_lock = threading.Lock()
        self._placed: dict[str, tuple[Intrinsics, CameraPlace]] = {}
        self.know(calibrations)

    def know(self, calibrations: Mapping[str, CameraCalibration]) -> None:
        """Take these calibrations from now on, by camera name."""
        self._placed = {
            name: (each.lens, each.place)
            for name, each in calibrations.items()
            if each.lens is not None and each.place is not None
        }

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Cameras whose place is known."""
        return tuple(self._placed)

    def camera_pose(self, camera: str, state: Float[np.ndarray, "joints"]) -> CameraPose:
        """Where `camera` is and looks at `state` (14,)."""
        lens, place = self._calibration(camera)
        with self._frames_lock:
            world_from_parent = self._frames.world_from(place.parent, state.astype(np.float32))
        pose = world_from_parent @ place.parent_from_camera
        fovy = 2 * math.atan(lens.height / 2 / lens.fy)
        return CameraPose(pose[:3, 3], pose[:3, :3], fovy)

    def project(
        self,
        camera: str,
        state: Float[np.ndarray, "joints"],
        points: Float[np.ndarray, "n 3"],
        *,
        aspect: float = 4 / 3,  # noqa: ARG002 - the lens knows
    ) -> tuple[Float64[np.ndarray, "n 2"], Bool[np.ndarray, "n"]]:
        """Where `points` appear in the picture of `camera`, as `Kinematics.project` tells it."""
        lens, _ = self._calibration(camera)
        pose = self.camera_pose(camera, state)
        local = np.asarray((points - pose.position) @ pose.rotation, np.float64)
        in_front = local[:, 2] > 1e-3
        ahead = np.where(in_front[:, None], local, [0.0, 0.0, 1.0])
        straight = ahead[:, :2] / ahead[:, 2:] * [lens.fx, lens.fy] + [lens.cx, lens.cy]
        size = np.array([lens.width, lens.height], np.float64)
        near = np.abs(straight / size - 0.5).max(axis=1) < BEYOND / 2
        bent = lens.project(ahead) if len(ahead) else straight
        return np.where(near[:, None], bent, straight) / size, in_front

    def _calibration(self, camera: str) -> tuple[Intrinsics, CameraPlace]:
        if camera not in self._placed:
            raise ValueError(f"Calibrated are {list(self._placed)}, got {camera!r}.")
        return self._placed[camera]
