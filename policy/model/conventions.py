"""What the numbers a network predicts mean: from a body's recorded targets to rows, and back.

A dataset holds one absolute target for each moment (joints, or poses of grippers); only so can it
be stored, interpolated and kept within limits. A network may be shown them otherwise: relative to
where the body is when the chunk begins. A convention turns one into the other, chunk by chunk.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Channel, Embodiment
from hardware.end_effectors import end_effectors_for
from policy.model.end_effector_actions import (
    FRAMES,
    ChunkRelativeEndEffector,
    Frame,
    JointArms,
    RecordedPoses,
    pose_spans,
)
from policy.model.rotations import NAMES, Rotation

AS_BODY = "as_body"
CONVENTIONS = (
    "absolute_joints",
    "absolute_end_effector",
    "chunk_relative_end_effector",
    "waypoints",
)
"""What an `Embodiment` or a network may name. The third may be followed by a form of rotation
(`:euler`, the default, `:quaternion` or `:axis_angle`) and a frame (`:base`, the default, or
`:tool`)."""


@runtime_checkable
class Convention(Protocol):
    """Turns a body's targets into what a network predicts, and its predictions into targets."""

    name: str
    """One of `CONVENTIONS`, with its options; what the prompt says."""
    channels: tuple[str, ...]
    """Names of the columns that the network predicts: c of them are active."""

    def encode(
        self, targets: Float32[np.ndarray, "h channels"], state: Float32[np.ndarray, "state"]
    ) -> Float32[np.ndarray, "h c"]:
        """Rows to predict, from `targets` (h, channels) in the body's units, seen from `state`."""

    def decode(
        self, rows: Float32[np.ndarray, "h c"], state: Float32[np.ndarray, "state"]
    ) -> Float32[np.ndarray, "h channels"]:
        """Targets in the body's units, from `rows` (h, c) predicted at `state`."""


class Absolute:
    """Targets are predicted as they were recorded."""

    def __init__(self, name: str, body: Embodiment) -> None:
        self.name = name
        self.channels = tuple(channel.name for channel in body.action_channels)

    def encode(
        self,
        targets: Float32[np.ndarray, "h channels"],
        state: Float32[np.ndarray, "state"],  # noqa: ARG002
    ) -> Float32[np.ndarray, "h c"]:
        """The targets themselves."""
        return targets

    def decode(
        self,
        rows: Float32[np.ndarray, "h c"],
        state: Float32[np.ndarray, "state"],  # noqa: ARG002
    ) -> Float32[np.ndarray, "h channels"]:
        """The rows themselves."""
        return rows


class Waypoints:
    """A vehicle's planar way: (dx, dy, dyaw) of each waypoint as seen from the observed pose.

    The three numbers are stated by the paper, the frame is inferred: x ahead, y to the left, both
    in the vehicle's own frame at the first moment of the chunk. Targets and state are x, y, yaw in
    any frame that stays put for a chunk, such as odometry.
    """

    def __init__(self, body: Embodiment) -> None:
        self.name = "waypoints"
        self.channels: tuple[str, ...] = ("dx", "dy", "dyaw")
        self._width = len(body.action_channels)
        self._targets = _planar(body.action_channels, body, "action")
        self._state = _planar(body.state_channels, body, "state")
        if self._width != len(self.channels):
            raise ValueError(
                f"Waypoints are x, y and yaw alone; {body.name!r} has {self._width} action "
                "channels."
            )

    def encode(
        self, targets: Float32[np.ndarray, "h channels"], state: Float32[np.ndarray, "state"]
    ) -> Float32[np.ndarray, "h c"]:
        """Rows (h, 3) from targets (h, 3): metres, metres, radians."""
        x, y, yaw = state[self._state].astype(np.float64)
        away = targets[:, self._targets].astype(np.float64) - (x, y, yaw)
        turned = np.unwrap(away[:, 2] - 2 * np.pi * np.round(away[0, 2] / (2 * np.pi)))
        rows = [
            np.cos(yaw) * away[:, 0] + np.sin(yaw) * away[:, 1],
            -np.sin(yaw) * away[:, 0] + np.cos(yaw) * away[:, 1],
            turned,
        ]
        return np.stack(rows, axis=1).astype(np.float32)

    def decode(
        self, rows: Float32[np.ndarray, "h c"], state: Float32[np.ndarray, "state"]
    ) -> Float32[np.ndarray, "h channels"]:
        """Targets (h, 3); the yaw goes on from that of `state` without a jump at half a turn."""
        x, y, yaw = state[self._state].astype(np.float64)
        ahead, left, turned = rows.astype(np.float64).T
        targets = np.empty((len(rows), self._width), np.float32)
        targets[:, self._targets[0]] = x + np.cos(yaw) * ahead - np.sin(yaw) * left
        targets[:, self._targets[1]] = y + np.sin(yaw) * ahead + np.cos(yaw) * left
        targets[:, self._targets[2]] = yaw + turned
        return targets


def _planar(channels: tuple[Channel, ...], body: Embodiment, kind: str) -> list[int]:
    names = [channel.name for channel in channels]
    lacking = [name for name in ("x", "y", "yaw") if name not in names]
    if lacking:
        raise ValueError(
            f"Waypoints need the {kind} channels x, y and yaw; {body.name!r} lacks {lacking}."
        )
    return [names.index(name) for name in ("x", "y", "yaw")]


def convention_name(wish: str, body: Embodiment) -> str:
    """The convention that a network's config means by `wish` for `body`."""
    return body.action_convention if wish == AS_BODY else wish


def convention_for(wish: str, body: Embodiment) -> Convention:
    """The convention a network's config names for `body`; `as_body` takes the body's own.

    Raises `ValueError` for a convention nobody knows, or one that this body cannot be driven in:
    end-effector actions need recorded poses or a kinematic model.
    """
    name = convention_name(wish, body)
    kind, *options = name.split(":")
    if kind not in CONVENTIONS or (options and kind != "chunk_relative_end_effector"):
        raise ValueError(
            f"Unknown action convention {name!r} of {body.name!r}. Known: {AS_BODY}, "
            f"{', '.join(CONVENTIONS)}."
        )
    if kind == "waypoints":
        return Waypoints(body)
    if kind == "chunk_relative_end_effector":
        return _end_effector(name, options, body)
    recorded = "absolute_end_effector" if pose_spans(body.action_channels) else "absolute_joints"
    if kind != recorded:
        raise ValueError(
            f"The targets that {body.name!r} records are {recorded}; its network cannot predict "
            f"{kind}."
        )
    return Absolute(name, body)


def _end_effector(name: str, options: list[str], body: Embodiment) -> ChunkRelativeEndEffector:
    rotations: list[Rotation] = [kind for kind in NAMES if kind in options]
    frames: list[Frame] = [frame for frame in FRAMES if frame in options]
    if len(rotations) > 1 or len(frames) > 1 or len(rotations) + len(frames) < len(options):
        raise ValueError(
            f"Of the options {options} of {name!r}, one may be a rotation of {list(NAMES)} and "
            f"one a frame of {list(FRAMES)}."
        )
    arms = (
        RecordedPoses(body) if pose_spans(body.action_channels) else
        JointArms(body, end_effectors_for(body))
    )  # fmt: skip
    return ChunkRelativeEndEffector(
        name,
        arms,
        tuple(channel.name for channel in body.action_channels),
        rotation=rotations[0] if rotations else "euler",
        frame=frames[0] if frames else "base",
    )
