"""The simulated scene: the ALOHA with four cubes, as a MuJoCo model and where its numbers lie."""

import functools
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Int64

from hardware.aloha import ARMS
from hardware.aloha_model import aloha_spec, finger_names, joint_names

CUBES = ("red", "green", "blue", "yellow")
"""Names of the cubes; in segmentation pictures cube `i` has the value `i + 1`."""

CUBE_SIZE = 0.04
"""Edge of a cube in metres."""

CUBE_COLOURS = {
    "red": (0.86, 0.07, 0.09, 1.0),
    "green": (0.05, 0.62, 0.18, 1.0),
    "blue": (0.06, 0.22, 0.86, 1.0),
    "yellow": (1.0, 0.80, 0.02, 1.0),
}


@dataclass(frozen=True)
class Scene:
    """A compiled model and the addresses of its parts in MuJoCo's arrays."""

    model: mujoco.MjModel
    joint_qpos: Int64[np.ndarray, "arms joints"]
    """Positions of the six joints of each arm in `qpos`."""
    finger_qpos: Int64[np.ndarray, "arms 2"]
    arm_ctrl: Int64[np.ndarray, "arms 8"]
    """Positions of each arm's actuators in `ctrl`: six joints, left finger, right finger."""
    cube_qpos: Int64[np.ndarray, "cubes"]
    """Where the seven pose numbers of each cube start in `qpos`."""
    cube_dof: Int64[np.ndarray, "cubes"]
    """Where the six speeds of each cube start in `qvel`."""
    geom_labels: Int64[np.ndarray, "geoms"]
    """What each geom is in a segmentation picture: 0, or 1 + the number of the cube."""


@functools.cache
def aloha_scene() -> Scene:
    """Build the scene once per process; worlds share it, for nothing in it changes."""
    spec = aloha_spec()
    for cube in CUBES:
        _add_cube(spec, cube)
    model = spec.compile()

    def qpos(names: list[str]) -> list[int]:
        return [int(model.joint(name).qposadr[0]) for name in names]

    labels = np.zeros(model.ngeom, np.int64)
    for number, cube in enumerate(CUBES):
        labels[model.geom(cube_geom(cube)).id] = number + 1
    return Scene(
        model=model,
        joint_qpos=np.array([qpos(joint_names(arm)) for arm in ARMS]),
        finger_qpos=np.array([qpos(finger_names(arm)) for arm in ARMS]),
        arm_ctrl=np.array([_actuators(model, arm) for arm in ARMS]),
        cube_qpos=np.array(qpos([f"{cube}_joint" for cube in CUBES])),
        cube_dof=np.array([int(model.joint(f"{cube}_joint").dofadr[0]) for cube in CUBES]),
        geom_labels=labels,
    )


def cube_geom(cube: str) -> str:
    """MuJoCo name of the geom of `cube`."""
    return f"{cube}_cube"


def _actuators(model: mujoco.MjModel, arm: str) -> list[int]:
    of_joint = {int(model.actuator_trnid[i, 0]): i for i in range(model.nu)}
    return [of_joint[model.joint(name).id] for name in (*joint_names(arm), *finger_names(arm))]


def _add_cube(spec: mujoco.MjSpec, cube: str) -> None:
    body = spec.worldbody.add_body(name=cube, pos=(0, 0.5, CUBE_SIZE / 2))
    body.explicitinertial = True
    # Without these two the inertial frame silently takes the body's own pose.
    body.ipos, body.iquat = [0, 0, 0], [1, 0, 0, 0]
    body.mass, body.inertia = 0.05, [1e-4] * 3
    body.add_freejoint(name=f"{cube}_joint")
    body.add_geom(
        name=cube_geom(cube),
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=(CUBE_SIZE / 2,) * 3,
        rgba=CUBE_COLOURS[cube],
        condim=4,
        solimp=(2, 1, 0.01, 0.5, 2),
        solref=(0.01, 1),
        friction=(1, 0.005, 0.0001),
    )
