"""Where the gripper tips were and are about to be, as lines on every camera picture."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import CameraView
from hardware.interfaces import JointPositions
from hardware.kinematics import Kinematics
from policy.interface import ActionChunk

MAX_POINTS = 24
"""Of one line."""

HIDDEN = -9999
"""Coordinate of a point behind the camera."""

SCALE = 1000
"""Pictures are this wide and high in path coordinates."""

Line: TypeAlias = list[int]
"""x0, y0, x1, y1, ... in thousandths of the picture's width and height."""

Paths: TypeAlias = dict[str, dict[str, list[Line]]]
"""Per camera and kind (`plan`, `ghost`, `done`): one line an arm."""


class PathProjector:
    """Projects the plan, the plan before it, and the executed path onto the cameras.

    A body without a kinematic model has no paths, nor has a camera whose place is not known.
    """

    def __init__(self, kinematics: Kinematics | None, cameras: Sequence[CameraView]) -> None:
        self._kinematics = kinematics
        self._cameras = cameras
        self._chunk: ActionChunk | None = None
        self._tips = np.zeros((0, 2, 3), np.float32)
        self._ghost = self._tips

    def project(
        self,
        chunk: ActionChunk | None,
        trail: list[JointPositions],
        state: JointPositions,
        now: float,
    ) -> Paths:
        """Return the lines to draw at `now`, seconds on the robot's clock.

        `trail` holds measured states, oldest first; `state` is where the cameras are now.
        """
        if self._kinematics is None:
            return {}
        self._take(chunk, self._kinematics)
        lines = {
            "plan": self._tips[self._due(now) :],
            "ghost": self._ghost,
            "done": _tips(self._kinematics, np.array(trail, np.float32))
            if trail
            else self._tips[:0],
        }
        placed = self._kinematics.camera_names
        return {
            camera.name: _on_camera(self._kinematics, camera, state, lines)
            for camera in self._cameras
            if camera.name in placed
        }

    def _take(self, chunk: ActionChunk | None, kinematics: Kinematics) -> None:
        if chunk is self._chunk:
            return
        follows = chunk is not None and self._chunk is not None
        self._ghost = self._tips if follows else self._tips[:0]
        self._tips = self._tips[:0] if chunk is None else _tips(kinematics, chunk.actions)
        self._chunk = chunk

    def _due(self, now: float) -> int:
        chunk = self._chunk
        if chunk is None or len(self._tips) == 0:
            return 0
        row = (now - chunk.observed_at) * chunk.hz
        return int(np.clip(row / len(chunk.actions) * len(self._tips), 0, len(self._tips)))


def _tips(
    kinematics: Kinematics, states: Float32[np.ndarray, "rows joints"]
) -> Float32[np.ndarray, "points arms 3"]:
    every = max(1, -(-len(states) // MAX_POINTS))
    return np.asarray(kinematics.tips(states[::every]), np.float32)


def _on_camera(
    kinematics: Kinematics,
    camera: CameraView,
    state: JointPositions,
    lines: dict[str, Float32[np.ndarray, "points arms 3"]],
) -> dict[str, list[Line]]:
    points = np.concatenate([tips.reshape(-1, 3) for tips in lines.values()])
    pixels, in_front = kinematics.project(
        camera.name, state, points, aspect=camera.width / camera.height
    )
    scaled = np.where(in_front[:, None], np.clip(pixels, -9, 9) * SCALE, HIDDEN).astype(int)
    found, start = {}, 0
    for kind, tips in lines.items():
        end = start + tips.shape[0] * tips.shape[1]
        arms = scaled[start:end].reshape(*tips.shape[:2], 2).swapaxes(0, 1)
        found[kind] = [arm.ravel().tolist() for arm in arms] if len(tips) else []
        start = end
    return found
