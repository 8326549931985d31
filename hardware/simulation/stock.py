"""The bodies that scenes are laid out with, as parts of a MuJoCo model. Knows no scene."""

import math

import mujoco

from hardware.simulation.things import HALF_HEIGHTS

STOCK = {
    "cube": 4,
    "cylinder": 2,
    "ball": 2,
    "prism": 2,
    "brick": 2,
    "peg": 2,
    "rod": 2,
    "bowl": 2,
    "tray": 2,
    "socket": 2,
    "drawer": 1,
}
"""How many of each shape one scene can have."""

BOWL_RADIUS, BOWL_HEIGHT = 0.055, 0.03
TRAY_SIDE, TRAY_HEIGHT = 0.11, 0.018
"""Inner measures in metres; heights are those of the rims."""

SOCKET_HOLE, SOCKET_HEIGHT, SOCKET_SIDE = 0.042, 0.032, 0.08
"""Inner width, height and outer width in metres."""

DRAWER_TRAVEL = 0.10
"""Metres that the drawer slides out."""

DRAWER_SIZE = (0.062, 0.055, 0.024)
"""Half the outer width, depth and height of the drawer; the cabinet is little larger."""

KNOB = (0.0, -0.055, 0.043)
"""Of the knob's middle in the drawer's own frame, metres."""

THICK = 0.004
"""Half the thickness of walls in metres."""

Triple = tuple[int | float, int | float, int | float]

MEASURES: dict[str, tuple[mujoco.mjtGeom, Triple]] = {
    "cube": (mujoco.mjtGeom.mjGEOM_BOX, (0.02, 0.02, 0.02)),
    "cylinder": (mujoco.mjtGeom.mjGEOM_CYLINDER, (0.02, 0.025, 0)),
    "ball": (mujoco.mjtGeom.mjGEOM_SPHERE, (0.021, 0, 0)),
    "brick": (mujoco.mjtGeom.mjGEOM_BOX, (0.025, 0.016, 0.02)),
    "peg": (mujoco.mjtGeom.mjGEOM_CYLINDER, (0.014, 0.04, 0)),
    "rod": (mujoco.mjtGeom.mjGEOM_BOX, (0.012, 0.012, 0.04)),
}


def body_name(shape: str, number: int) -> str:
    """MuJoCo name of a body of the stock."""
    return f"{shape}_{number}"


def slide_name(number: int) -> str:
    """MuJoCo name of the joint in which a drawer slides."""
    return f"drawer_{number}_slide"


def add_stock(spec: mujoco.MjSpec) -> None:
    """Add every body of `STOCK` to `spec`."""
    _add_prism_mesh(spec)
    for shape, count in STOCK.items():
        for number in range(count):
            if shape in HALF_HEIGHTS:
                _add_movable(spec, shape, number)
            else:
                _add_fixture(spec, shape, number)
    for number in range(STOCK["drawer"]):  # the rails hold it, not contacts
        spec.add_exclude(bodyname1=body_name("drawer", number), bodyname2=f"drawer_{number}_box")


def _add_movable(spec: mujoco.MjSpec, shape: str, number: int) -> None:
    body = spec.worldbody.add_body(name=body_name(shape, number))
    body.explicitinertial = True
    # Without these two the inertial frame silently takes the body's own pose.
    body.ipos, body.iquat = [0, 0, 0], [1, 0, 0, 0]
    body.mass, body.inertia = 0.05, [1e-4] * 3
    body.add_freejoint(name=f"{body_name(shape, number)}_joint")
    rolling = 0.002 if shape == "ball" else 0.0001
    common = {
        "condim": 6 if shape == "ball" else 4,
        "solimp": (2, 1, 0.01, 0.5, 2),
        "solref": (0.01, 1),
        "friction": (1, 0.005, rolling),
    }
    if shape == "prism":
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="prism", **common)
    else:
        kind, size = MEASURES[shape]
        body.add_geom(type=kind, size=size, **common)


def _add_prism_mesh(spec: mujoco.MjSpec) -> None:
    half, radius = HALF_HEIGHTS["prism"], 0.024
    corners = [
        coordinate
        for z in (-half, half)
        for turn in range(6)
        for coordinate in (
            radius * math.cos(turn * math.pi / 3),
            radius * math.sin(turn * math.pi / 3),
            z,
        )
    ]
    spec.add_mesh(name="prism", uservert=corners)


def _add_fixture(spec: mujoco.MjSpec, shape: str, number: int) -> None:
    body = spec.worldbody.add_body(name=body_name(shape, number))
    match shape:
        case "bowl":
            _add_bowl(body)
        case "tray":
            _add_walls(body, TRAY_SIDE / 2, TRAY_SIDE / 2, TRAY_HEIGHT)
            _add_box(body, (0, 0, 0.001), (TRAY_SIDE / 2, TRAY_SIDE / 2, 0.001))
        case "socket":
            _add_socket(body)
        case "drawer":
            _add_drawer(body, number)


def _add_box(body: mujoco.MjsBody, pos: Triple, size: Triple, turn: float = 0.0) -> None:
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=pos,
        size=size,
        quat=(math.cos(turn / 2), 0, 0, math.sin(turn / 2)),
    )


def _add_walls(body: mujoco.MjsBody, half_x: float, half_y: float, height: float) -> None:
    for sign in (-1, 1):
        _add_box(body, (sign * half_x, 0, height / 2), (THICK, half_y + THICK, height / 2))
        _add_box(body, (0, sign * half_y, height / 2), (half_x + THICK, THICK, height / 2))


def _add_bowl(body: mujoco.MjsBody) -> None:
    sides = 12
    half = BOWL_RADIUS * math.tan(math.pi / sides) + THICK / 2
    for number in range(sides):
        turn = 2 * math.pi * number / sides
        spot = (BOWL_RADIUS * math.cos(turn), BOWL_RADIUS * math.sin(turn), BOWL_HEIGHT / 2)
        _add_box(body, spot, (THICK, half, BOWL_HEIGHT / 2), turn)
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CYLINDER, pos=(0, 0, 0.001), size=(BOWL_RADIUS, 0.001, 0)
    )


def _add_socket(body: mujoco.MjsBody) -> None:
    hole, outer, half = SOCKET_HOLE / 2, SOCKET_SIDE / 2, SOCKET_HEIGHT / 2
    middle, thick = (hole + outer) / 2, (outer - hole) / 2
    for sign in (-1, 1):
        _add_box(body, (sign * middle, 0, half), (thick, outer, half))
        _add_box(body, (0, sign * middle, half), (hole, thick, half))


def _add_drawer(cabinet: mujoco.MjsBody, number: int) -> None:
    width, depth, height = DRAWER_SIZE
    shell = height + 0.004
    for sign in (-1, 1):
        _add_box(cabinet, (sign * (width + 0.008), 0, shell), (THICK, depth, shell))
    _add_box(cabinet, (0, depth + 0.004, shell), (width + 0.012, THICK, shell))
    _add_box(cabinet, (0, 0.003, 2 * shell), (width + 0.012, depth + 0.003, 0.003))
    drawer = cabinet.add_body(name=f"drawer_{number}_box", pos=(0, 0, height + 0.002))
    drawer.explicitinertial = True
    drawer.ipos, drawer.iquat = [0, 0, 0], [1, 0, 0, 0]
    drawer.mass, drawer.inertia = 0.2, [1e-3] * 3
    drawer.gravcomp = 1.0  # it slides on rails
    drawer.add_joint(
        name=slide_name(number),
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=(0, -1, 0),
        range=(0, DRAWER_TRAVEL),
        damping=8,
        frictionloss=0.4,
        armature=0.05,
    )
    _add_box(drawer, (0, 0, -height + 0.002), (width, depth, 0.002))
    for sign in (-1, 1):
        _add_box(drawer, (sign * (width - THICK), 0, 0), (THICK, depth, height))
        _add_box(drawer, (0, sign * (depth - THICK), 0), (width, THICK, height))
    _add_box(drawer, KNOB, (0.016, 0.012, 0.017))
