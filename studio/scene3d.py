"""What the 3-D view holds, and its layout: links, cameras, paths, things, joint curves."""

from collections.abc import Sequence

import numpy as np
import rerun as rr
import rerun.blueprint as rrb

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import JointPositions
from hardware.kinematics import Kinematics
from hardware.simulation.solids import Solid
from policy.interface import ActionChunk

ARMS = ("left", "right")

NEAR, FAR = np.array([255.0, 209.0, 64.0]), np.array([240.0, 60.0, 140.0])
"""Colours of the plan, from now to its end."""

TIMELINE = "robot_time"

PLOTTED_SECS = 15


class Scene3D:
    """Logs one body. Used by one thread."""

    def __init__(self, body: Embodiment, kinematics: Kinematics) -> None:
        self._body = body
        self._kinematics = kinematics

    def log_static(self, recording: rr.RecordingStream) -> None:
        """Log what never changes: axes, surfaces of the links, lenses, names of curves."""
        recording.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        for link, meshes in self._kinematics.link_meshes.items():
            for number, mesh in enumerate(meshes):
                surface = rr.Mesh3D(
                    vertex_positions=mesh.vertices.astype(np.float32),
                    triangle_indices=mesh.faces.astype(np.uint32),
                    vertex_normals=_normals(mesh.vertices, mesh.faces),
                    albedo_factor=[*mesh.colour, 1.0],
                )
                recording.log(f"{_entity(link)}/surface_{number}", surface, static=True)
        for arm, names in self._joints().items():
            for kind in ("measured", "wanted"):
                recording.log(
                    f"joints/{arm}/{kind}",
                    rr.SeriesLines(names=[f"{name} {kind}" for name in names]),
                    static=True,
                )

    def log_tick(self, recording: rr.RecordingStream, tick: Tick) -> None:
        """Log where links and cameras are, and the joints beside what was wanted of them."""
        state = tick.observation.state
        for link, pose in self._kinematics.link_poses(state).items():
            w, x, y, z = pose.quaternion
            place = rr.Transform3D(
                translation=pose.position, quaternion=rr.Quaternion(xyzw=[x, y, z, w])
            )
            recording.log(_entity(link), place)
        placed = self._kinematics.camera_names
        for camera in (each for each in self._body.cameras if each.name in placed):
            seen_from = self._kinematics.camera_pose(camera.name, state)
            path = f"world/cameras/{camera.name}"
            recording.log(
                path,
                rr.Transform3D(translation=seen_from.position, mat3x3=seen_from.rotation),
                rr.Pinhole(
                    width=camera.width,
                    height=camera.height,
                    focal_length=seen_from.focal() * camera.height,
                    image_plane_distance=0.08,
                ),
            )
        width = len(state) // len(ARMS)
        for number, arm in enumerate(ARMS):
            own = slice(number * width, (number + 1) * width)
            recording.log(f"joints/{arm}/measured", rr.Scalars(state[own]))
            if tick.wanted is not None:
                recording.log(f"joints/{arm}/wanted", rr.Scalars(tick.wanted[own]))

    def log_paths(
        self, recording: rr.RecordingStream, chunk: ActionChunk | None, trail: list[JointPositions]
    ) -> None:
        """Log where the tips were, in white, and what is planned, near to far."""
        if trail:
            driven = self._kinematics.tips(np.array(trail, np.float32)).swapaxes(0, 1)
            line = rr.LineStrips3D(driven, colors=[255, 255, 255], radii=0.0015)
            recording.log("world/path/driven", line)
        if chunk is None or len(chunk.actions) < 2:
            recording.log("world/path/planned", rr.Clear(recursive=True))
            return
        tips = self._kinematics.tips(chunk.actions)
        pieces = np.stack([tips[:-1], tips[1:]], axis=2).swapaxes(0, 1)
        shares = np.linspace(0, 1, len(tips) - 1)[:, None]
        colours = (NEAR + (FAR - NEAR) * shares).astype(np.uint8)
        planned = rr.LineStrips3D(
            pieces.reshape(-1, 2, 3), colors=np.tile(colours, (len(ARMS), 1)), radii=0.003
        )
        recording.log("world/path/planned", planned)

    def log_things(self, recording: rr.RecordingStream, solids: Sequence[Solid]) -> None:
        """Log what is on the table, each part in its form and colour."""
        for form in ("box", "cylinder", "ball"):
            own = [solid for solid in solids if solid.form == form]
            drawn = _drawn(form, own) if own else rr.Clear(recursive=False)
            recording.log(f"world/things/{form}", drawn)

    def _joints(self) -> dict[str, list[str]]:
        names = [channel.name for channel in self._body.state_channels]
        width = len(names) // len(ARMS)
        return {arm: names[i * width : (i + 1) * width] for i, arm in enumerate(ARMS)}


def blueprint(body: Embodiment) -> rrb.Blueprint:
    """3-D on the left, the joints of each arm on the right, over the last seconds."""
    window = rrb.VisibleTimeRange(
        TIMELINE,
        start=rrb.TimeRangeBoundary.cursor_relative(seconds=-PLOTTED_SECS),
        end=rrb.TimeRangeBoundary.cursor_relative(),
    )
    return rrb.Blueprint(views_of_body(body, window), collapse_panels=True)


def views_of_body(body: Embodiment, window: rrb.VisibleTimeRange | None = None) -> rrb.Horizontal:
    """3-D on the left, the joints of each arm on the right: all there are, or within `window`."""
    curves = [
        rrb.TimeSeriesView(
            origin=f"joints/{arm}",
            name=f"{body.robot_tag}: {arm} arm, measured and wanted",
            plot_legend=rrb.PlotLegend(visible=False),
            time_ranges=window,
        )
        for arm in ARMS
    ]
    scene = rrb.Spatial3DView(origin="world", name="3-D", background=[238, 239, 241])
    return rrb.Horizontal(scene, rrb.Vertical(*curves), column_shares=[3, 2])


def _drawn(form: str, solids: Sequence[Solid]) -> rr.Boxes3D | rr.Cylinders3D | rr.Ellipsoids3D:
    """Solids of one form, for Rerun."""
    halves = np.array([solid.half_sizes for solid in solids], np.float32)
    where = {
        "centers": np.array([solid.position for solid in solids], np.float32),
        "quaternions": np.roll([solid.quaternion for solid in solids], -1, axis=1),  # w goes last
        "colors": np.array([solid.colour for solid in solids]),
        "fill_mode": "solid",
    }
    match form:
        case "cylinder":
            return rr.Cylinders3D(lengths=2 * halves[:, 2], radii=halves[:, 0], **where)
        case "ball":
            return rr.Ellipsoids3D(half_sizes=halves, **where)
        case _:
            return rr.Boxes3D(half_sizes=halves, **where)


def _entity(link: str) -> str:
    # Poses are in the world: a slash in a link's name must not make it another's child.
    return f"world/robot/{link.replace('/', '_')}"


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = vertices[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(summed, faces[:, corner], flat)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.asarray(summed / np.maximum(length, 1e-12), np.float32)
