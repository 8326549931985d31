"""Lighter copies of the arms' meshes, for pictures only: what is drawn, not what collides.

The makers' meshes spend most of their triangles on fillets of a fraction of a millimetre. On a
software renderer every triangle costs, whatever the size of the picture.
"""

from pathlib import Path

import mujoco
import numpy as np
from jaxtyping import Float64, Int64

from hardware.interfaces import HardwareError

FINE_CELL = 0.002
"""Details below this size are merged on what a wrist camera sees from near, metres."""

COARSE_CELL = 0.004
"""The same on the rest of an arm."""

FINE_PARTS = ("gripper", "finger", "wrist")

DRAWN_GROUP = 1
"""Geom group of what is drawn; MuJoCo draws groups 0 to 2."""

COLLIDING_GROUP = 3
"""Geom group of what only collides."""


def draw_light_meshes(spec: mujoco.MjSpec, folder: Path) -> None:
    """Give every arm geom of `spec` a light twin that is drawn; the original only collides.

    `folder` holds the STL files that the meshes of `spec` come from.
    """
    light = {mesh.name: _add_light_mesh(spec, mesh, folder) for mesh in spec.meshes}
    for geom in list(spec.geoms):
        if geom.meshname not in light:
            continue
        twin = geom.parent.add_geom(
            name=f"{geom.name}/drawn",
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=light[geom.meshname],
            pos=geom.pos,
            quat=geom.quat,
            rgba=geom.rgba,
            group=DRAWN_GROUP,
            contype=0,
            conaffinity=0,
            mass=0.0,
        )
        # Some of the makers' orientations are Euler angles; they come into force on compiling.
        twin.alt.type, twin.alt.euler = geom.alt.type, geom.alt.euler
        geom.group = COLLIDING_GROUP


def _add_light_mesh(spec: mujoco.MjSpec, mesh: mujoco.MjsMesh, folder: Path) -> str:
    fine = any(part in mesh.name for part in FINE_PARTS)
    corners = read_stl(folder / mesh.file) * np.asarray(mesh.scale)
    vertices, faces = merge_near(corners, FINE_CELL if fine else COARSE_CELL)
    name = f"{mesh.name}/light"
    spec.add_mesh(
        name=name,
        uservert=vertices.flatten(),
        userface=faces.flatten(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )
    return name


def read_stl(path: Path) -> Float64[np.ndarray, "faces 3 3"]:
    """Return the corners of each triangle of a binary STL file, in the file's unit."""
    content = path.read_bytes()
    count = int(np.frombuffer(content, "<u4", 1, offset=80)[0]) if len(content) >= 84 else -1
    triangle = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    if len(content) != 84 + count * triangle.itemsize:
        raise HardwareError(
            f"Expected a binary STL file with {count} triangles, got {len(content)} bytes. "
            f"Install gym-aloha again. File: {path}"
        )
    return np.frombuffer(content, triangle, count, offset=84)["corners"].astype(np.float64)


def merge_near(
    corners: Float64[np.ndarray, "faces 3 3"], cell: float
) -> tuple[Float64[np.ndarray, "vertices 3"], Int64[np.ndarray, "merged 3"]]:
    """Merge all corners within each cube of edge `cell` into one; drop triangles that vanish.

    Returns vertices and, for each triangle left, the numbers of its three.
    """
    points = corners.reshape(-1, 3)
    _, owner = np.unique(np.round(points / cell).astype(np.int64), axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    vertices = (
        np.stack([np.bincount(owner, weights=points[:, axis]) for axis in range(3)], axis=1)
        / np.bincount(owner)[:, None]
    )
    faces = owner.reshape(-1, 3).astype(np.int64)
    first, second, third = faces.T
    faces = faces[(first != second) & (second != third) & (first != third)]
    _, kept = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return vertices, faces[np.sort(kept)]
