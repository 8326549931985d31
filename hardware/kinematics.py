"""Where the links, gripper tips and cameras of a body are at given joints. Draws nothing."""

import functools
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from hardware.aloha import ARM_WIDTH, ARMS
from hardware.aloha_model import (
    FINGER_CLOSED,
    FINGER_OPEN,
    aloha_spec,
    finger_names,
    joint_names,
    tip_site,
)
from hardware.embodiment import Embodiment
from hardware.light_meshes import DRAWN_GROUP


@dataclass(frozen=True, slots=True)
class Mesh:
    """A rigid surface, in the frame of its link."""

    vertices: Float64[np.ndarray, "vertices 3"]
    """Metres."""
    faces: Int64[np.ndarray, "faces 3"]
    """Numbers of each triangle's corners in `vertices`."""
    colour: tuple[float, float, float]
    """Red, green, blue in 0..1."""


@dataclass(frozen=True, slots=True)
class Pose:
    """A rigid placement in the world."""

    position: Float64[np.ndarray, "3"]
    """Metres."""
    quaternion: Float64[np.ndarray, "4"]
    """World from local, as w, x, y, z."""


@dataclass(frozen=True, slots=True)
class CameraPose:
    """A pinhole camera in the world, looking along its own +z with +y down (as OpenCV does)."""

    position: Float64[np.ndarray, "3"]
    """Metres."""
    rotation: Float64[np.ndarray, "3 3"]
    """World from camera."""
    fovy: float
    """Vertical angle of view in radians."""

    def focal(self) -> float:
        """Focal length in picture heights; the principal point is the picture's middle."""
        return 0.5 / math.tan(self.fovy / 2)


class Kinematics:
    """Forward kinematics of the ALOHA with numpy in and out. Safe to use from any thread."""

    def __init__(self) -> None:
        self._model = aloha_spec().compile()
        self._data = mujoco.MjData(self._model)
        self._lock = threading.Lock()
        names = [(*joint_names(arm), *finger_names(arm)) for arm in ARMS]
        self._qpos = np.array(
            [[int(self._model.joint(name).qposadr[0]) for name in arm] for arm in names]
        )
        self._tips = [self._model.site(tip_site(arm)).id for arm in ARMS]

    def tips(self, states: Float[np.ndarray, "n joints"]) -> Float64[np.ndarray, "n arms 3"]:
        """Point between the finger pads of each arm for each of `states` (n, 14), metres."""
        found = np.empty((len(states), len(ARMS), 3))
        with self._lock:
            for row, state in enumerate(states):
                self._place(state)
                found[row] = self._data.site_xpos[self._tips]
        return found

    def link_poses(self, state: Float[np.ndarray, "joints"]) -> dict[str, Pose]:
        """Placement of every link that has a mesh, by name, at `state` (14,)."""
        names = self.link_meshes
        with self._lock:
            self._place(state)
            return {
                name: Pose(
                    np.array(self._data.body(name).xpos), np.array(self._data.body(name).xquat)
                )
                for name in names
            }

    @functools.cached_property
    def link_meshes(self) -> dict[str, tuple[Mesh, ...]]:
        """The surfaces of every link that has any, by the link's name."""
        found: dict[str, list[Mesh]] = {}
        model = self._model
        for geom in range(model.ngeom):
            if model.geom_group[geom] == DRAWN_GROUP:
                link = model.body(model.geom_bodyid[geom]).name
                found.setdefault(link, []).append(self._mesh(geom))
        return {link: tuple(meshes) for link, meshes in found.items()}

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Cameras whose place is known."""
        return tuple(self._model.camera(number).name for number in range(self._model.ncam))

    def camera_pose(self, camera: str, state: Float[np.ndarray, "joints"]) -> CameraPose:
        """Where `camera` is and looks at `state` (14,); wrist cameras move with their arm."""
        number = self._camera_number(camera)
        with self._lock:
            self._place(state)
            position = np.array(self._data.cam_xpos[number])
            rotation = np.array(self._data.cam_xmat[number]).reshape(3, 3)
        # MuJoCo's cameras look along -z with +y up.
        flipped = rotation * np.array([1.0, -1.0, -1.0])
        return CameraPose(position, flipped, math.radians(float(self._model.cam_fovy[number])))

    def project(
        self,
        camera: str,
        state: Float[np.ndarray, "joints"],
        points: Float[np.ndarray, "n 3"],
        *,
        aspect: float = 4 / 3,
    ) -> tuple[Float64[np.ndarray, "n 2"], Bool[np.ndarray, "n"]]:
        """Where `points` (n, 3) in metres appear in the picture of `camera` at `state` (14,).

        Returns pixels (n, 2) as shares of width and height, (0, 0) being the upper left corner,
        and which points lie in front of the camera (the others have no meaningful pixel). A
        point in front may still lie outside 0..1. `aspect` is the picture's width over height.
        """
        pose = self.camera_pose(camera, state)
        local = (points - pose.position) @ pose.rotation
        depth = local[:, 2]
        in_front = depth > 1e-3
        shares = pose.focal() * local[:, :2] / np.where(in_front, depth, 1.0)[:, None]
        return shares / np.array([aspect, 1.0]) + 0.5, in_front

    def _place(self, state: Float[np.ndarray, "joints"]) -> None:
        if state.shape != (ARM_WIDTH * len(ARMS),):
            raise ValueError(
                f"The ALOHA's state has shape ({ARM_WIDTH * len(ARMS)},), got {state.shape}."
            )
        for addresses, values in zip(self._qpos, np.split(state, len(ARMS)), strict=True):
            travel = FINGER_CLOSED + float(values[-1]) * (FINGER_OPEN - FINGER_CLOSED)
            self._data.qpos[addresses] = *values[:-1], travel, -travel
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    def _mesh(self, geom: int) -> Mesh:
        model = self._model
        mesh = model.geom_dataid[geom]
        start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        first, faces = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, model.geom_quat[geom])
        vertices = model.mesh_vert[start : start + count].astype(np.float64)
        red, green, blue = (float(value) for value in model.geom_rgba[geom][:3])
        return Mesh(
            vertices @ turn.reshape(3, 3).T + model.geom_pos[geom],
            model.mesh_face[first : first + faces].astype(np.int64),
            (red, green, blue),
        )

    def _camera_number(self, camera: str) -> int:
        number = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        if number < 0:
            raise ValueError(f"The model has cameras {list(self.camera_names)}, got {camera!r}.")
        return int(number)


KINEMATICS: dict[str, Callable[[], Kinematics]] = {"aloha": Kinematics}
"""How to build the kinematic model that an embodiment names."""


def kinematics_for(embodiment: Embodiment) -> Kinematics | None:
    """Return the kinematic model of `embodiment`, or None if it names none.

    Raises `ValueError` for a name that nobody knows.
    """
    if embodiment.kinematics is None:
        return None
    if embodiment.kinematics not in KINEMATICS:
        raise ValueError(
            f"{embodiment.name!r} asks for the kinematic model {embodiment.kinematics!r}; "
            f"known are {sorted(KINEMATICS)}."
        )
    return KINEMATICS[embodiment.kinematics]()
