"""Builds the ALOHA for MuJoCo: arms, table, light, cameras. No cubes, no physics, no pictures."""

import importlib.util
import math
from pathlib import Path

import mujoco
import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARMS, JOINTS
from hardware.interfaces import HardwareError
from hardware.light_meshes import draw_light_meshes

GRIPPER_OFFSET = 0.1347
"""From the last joint to the point between the finger pads, metres along the gripper's x."""

FINGER_CLOSED, FINGER_OPEN = 0.021, 0.057
"""Travel of the left finger joint in metres at gripper 0 and 1; the right one mirrors it."""

ARM_COLOUR = (0.16, 0.17, 0.19, 1.0)
FINGER_COLOUR = (0.93, 0.94, 0.95, 1.0)
TABLE_COLOUR = (0.80, 0.79, 0.76, 1.0)
MAT_COLOUR = (0.33, 0.37, 0.43, 1.0)
LEG_COLOUR = (0.45, 0.46, 0.48, 1.0)
FLOOR_COLOUR = (0.52, 0.57, 0.63, 1.0)
WALL_COLOUR = (0.80, 0.84, 0.89, 1.0)
WALLS = ("back_wall", "front_wall", "left_wall", "right_wall")

ROOM_LIGHT = 0.34
LIGHTS = (((0.5, 0.6, -1.0), 0.42), ((-0.7, 0.3, -0.6), 0.22))
"""Direction and strength of each lamp."""


def gripper_body(arm: str) -> str:
    """Name of the last link of `arm`, which carries fingers and wrist camera."""
    return f"vx300s_{arm}/gripper_link"


def joint_names(arm: str) -> list[str]:
    """MuJoCo names of the six joints of `arm`, in order."""
    return [f"vx300s_{arm}/{joint}" for joint in JOINTS]


def finger_names(arm: str) -> list[str]:
    """MuJoCo names of the two finger joints of `arm`: left, then right."""
    return [f"vx300s_{arm}/{side}_finger" for side in ("left", "right")]


def tip_site(arm: str) -> str:
    """Name of the site between the finger pads of `arm`."""
    return f"{arm}_tip"


def aloha_spec(*, surfaces: bool = True) -> mujoco.MjSpec:
    """Return two ViperX 300s arms at a table with four cameras, ready for more bodies.

    The meshes are those of the `gym-aloha` package. Raises `HardwareError` if it is missing.
    Without `surfaces` there are only joints and links: nothing to see or to touch.
    """
    spec = mujoco.MjSpec.from_file(str(_assets() / "bimanual_viperx_transfer_cube.xml"))
    _remove_stage(spec)
    _set_options(spec)
    _add_stage(spec)
    for arm in ARMS:
        _dress_arm(spec, arm)
        _add_wrist_camera(spec, arm)
    if surfaces:
        draw_light_meshes(spec, _assets())
    else:
        for thing in (*spec.geoms, *spec.meshes):
            spec.delete(thing)
    _add_cameras(spec)
    return spec


def _assets() -> Path:
    # Found without importing it, which would load all of dm_control for the sake of a path.
    package = importlib.util.find_spec("gym_aloha")
    if package is None or not package.submodule_search_locations:
        raise HardwareError(
            "The simulated ALOHA needs the meshes of the package gym-aloha, which is not "
            "installed. Run: pip install --no-deps gym-aloha==0.1.5"
        )
    return Path(package.submodule_search_locations[0]) / "assets"


def _remove_stage(spec: mujoco.MjSpec) -> None:
    for thing in (*spec.keys, *spec.cameras, *spec.lights):
        spec.delete(thing)
    for name in ("table", "midair", "box"):
        spec.delete(spec.body(name))
    spec.delete(spec.mesh("tabletop"))


def _set_options(spec: mujoco.MjSpec) -> None:
    spec.option.timestep = 0.002
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # Shadows and multisampling cost ten times the picture itself on a software renderer.
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = 0
    spec.stat.extent, spec.stat.center = 1.0, [0, 0.5, 0]
    spec.visual.map.znear, spec.visual.map.zfar = 0.01, 12.0  # times extent: metres
    spec.visual.headlight.ambient = [ROOM_LIGHT, ROOM_LIGHT, 1.06 * ROOM_LIGHT]
    spec.visual.headlight.diffuse = [0.22, 0.22, 0.22]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    visual = getattr(spec.visual, "global")
    visual.offwidth, visual.offheight = 1280, 960


def _add_stage(spec: mujoco.MjSpec) -> None:
    world = spec.worldbody
    for direction, strength in LIGHTS:
        light = world.add_light(dir=direction, pos=(0.0, 0.0, 3.0), castshadow=False)
        light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        light.diffuse, light.specular = [strength] * 3, [0.12] * 3
    box = mujoco.mjtGeom.mjGEOM_BOX
    world.add_geom(
        name="table",
        type=box,
        pos=(0.0, 0.56, -0.02),
        size=(0.72, 0.40, 0.02),
        rgba=TABLE_COLOUR,
    )
    _add_picture_only(world, "mat", (0.0, 0.5, -0.0095), (0.21, 0.21, 0.01), MAT_COLOUR)
    for x in (-0.66, 0.66):
        for y in (0.22, 0.90):
            _add_picture_only(world, f"leg_{x}_{y}", (x, y, -0.4), (0.025, 0.025, 0.37), LEG_COLOUR)
    _add_room(world)


def _add_room(world: mujoco.MjsBody) -> None:
    # A closed room, so that no camera ever sees the black that MuJoCo draws where nothing is.
    _add_picture_only(world, "floor", (0.0, 0.5, -0.78), (3.2, 3.2, 0.01), FLOOR_COLOUR)
    _add_picture_only(world, "ceiling", (0.0, 0.5, 2.6), (3.2, 3.2, 0.01), WALL_COLOUR)
    for name, (pos, size) in zip(
        WALLS,
        (
            ((0.0, 3.2, 0.9), (3.2, 0.01, 1.7)),
            ((0.0, -2.2, 0.9), (3.2, 0.01, 1.7)),
            ((-3.2, 0.5, 0.9), (0.01, 2.7, 1.7)),
            ((3.2, 0.5, 0.9), (0.01, 2.7, 1.7)),
        ),
        strict=True,
    ):
        _add_picture_only(world, name, pos, size, WALL_COLOUR)


def _add_picture_only(
    body: mujoco.MjsBody,
    name: str,
    pos: tuple[float, float, float],
    size: tuple[float, float, float],
    rgba: tuple[float, float, float, float],
) -> None:
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=pos,
        size=size,
        rgba=rgba,
        contype=0,
        conaffinity=0,
    )


def _dress_arm(spec: mujoco.MjSpec, arm: str) -> None:
    for geom in spec.geoms:
        if geom.name.startswith(f"vx300s_{arm}/"):
            geom.rgba = FINGER_COLOUR if "finger" in geom.name else ARM_COLOUR
    for body in spec.bodies:
        if body.name.startswith(f"vx300s_{arm}"):
            body.gravcomp = 1.0  # the real arm's controller holds its own weight
    spec.body(gripper_body(arm)).add_site(name=tip_site(arm), pos=(GRIPPER_OFFSET, 0, 0), group=5)


def _add_wrist_camera(spec: mujoco.MjSpec, arm: str) -> None:
    # In front of the gripper's bar, which would hide the fingers, as on the real ALOHA.
    eye = (0.035, 0.0, 0.105)
    spec.body(gripper_body(arm)).add_camera(
        name=f"cam_{arm}_wrist",
        pos=eye,
        quat=_looking(eye, (0.165, 0.0, 0.0), (0.0, 0.0, 1.0)),
        fovy=72,
    )


def _add_cameras(spec: mujoco.MjSpec) -> None:
    for name, pos, target, fovy in (
        ("cam_high", (0.0, 0.10, 0.86), (0.0, 0.495, 0.0), 27.0),
        ("cam_low", (0.0, -0.42, 0.48), (0.0, 0.5, 0.10), 48.0),
    ):
        spec.worldbody.add_camera(
            name=name, pos=pos, quat=_looking(pos, target, (0.0, 0.0, 1.0)), fovy=fovy
        )


def _looking(
    eye: tuple[float, float, float],
    target: tuple[float, float, float],
    up: tuple[float, float, float],
) -> Float64[np.ndarray, "4"]:
    """Orientation (w, x, y, z) of a camera at `eye` that sees `target` in its middle."""
    backward = np.subtract(eye, target) / math.dist(eye, target)
    right = np.cross(up, backward)
    right /= np.linalg.norm(right)
    matrix = np.stack([right, np.cross(backward, right), backward], axis=1)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, matrix.flatten())
    return quat
