"""Actions as displacements of gripper poses from where they were when the chunk began.

Stated by the paper: positions relative to the first frame of each chunk, rotation as Euler angles
or quaternion. Inferred: the first frame is the observed pose, not the first target. Ours: the axes.
`base` (default) measures move and turn along those of the arm's base, as BridgeData, RT-1 and DROID
record theirs; `tool` along those of the gripper at the first frame, as wrists of people are given.
"""

import itertools
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Channel, Embodiment
from hardware.end_effectors import EndEffectors, Poses
from policy.model.rotations import NAMES, Rotation, from_matrix, to_matrix

STILL = 1e-6
"""Radians below which a turn has no axis."""

Frame = Literal["base", "tool"]
FRAMES: tuple[Frame, ...] = get_args(Frame)


@dataclass(frozen=True, slots=True)
class Span:
    """The channels that say where one gripper is."""

    arm: str
    """What their names begin with: `left_`, or nothing for a body of one arm."""
    start: int
    stop: int
    rotation: Rotation | None
    """How they say it; None for joints."""


def pose_spans(channels: tuple[Channel, ...]) -> tuple[Span, ...]:
    """Find recorded poses: x, y, z and a rotation (`policy.model.rotations.NAMES`) in a row.

    Names may begin with the name of the arm, as in `left_x`.
    """
    names = [channel.name for channel in channels]
    found = []
    for start, name in enumerate(names):
        arm = name[:-1]
        for kind, turned in NAMES.items():
            wanted = [arm + part for part in ("x", "y", "z", *turned)]
            if names[start : start + len(wanted)] == wanted:
                found.append(Span(arm, start, start + len(wanted), kind))
    return tuple(found)


@runtime_checkable
class Arms(Protocol):
    """Where the gripper poses of a body are in its vectors."""

    spans: tuple[Span, ...]
    """In target vectors; the columns between them (grippers, hands) are taken as they are."""

    def at(self, state: Float32[np.ndarray, "state"]) -> Poses:
        """Poses (arms,) at an observed state."""

    def of(self, targets: Float32[np.ndarray, "h channels"]) -> Poses:
        """Poses (h, arms) that targets mean."""

    def fill(
        self,
        poses: Poses,
        targets: Float32[np.ndarray, "h channels"],
        state: Float32[np.ndarray, "state"],
    ) -> None:
        """Write `poses` (h, arms) into the spans of `targets`, going on from `state`."""


class RecordedPoses:
    """Poses are recorded as such, in state and targets."""

    def __init__(self, body: Embodiment) -> None:
        self.spans = pose_spans(body.action_channels)
        felt = {span.arm: span for span in pose_spans(body.state_channels)}
        lacking = [span.arm or "its arm" for span in self.spans if span.arm not in felt]
        if lacking:
            raise ValueError(
                f"Displacements start from the observed pose, but the state of {body.name!r} has "
                f"no x, y, z and rotation of {lacking}. Add them, or use absolute_end_effector."
            )
        self._felt = [felt[span.arm] for span in self.spans]

    def at(self, state: Float32[np.ndarray, "state"]) -> Poses:
        """Poses (arms,) at an observed state."""
        return _read(state, self._felt)

    def of(self, targets: Float32[np.ndarray, "h channels"]) -> Poses:
        """Poses (h, arms) that targets mean."""
        return _read(targets, list(self.spans))

    def fill(
        self,
        poses: Poses,
        targets: Float32[np.ndarray, "h channels"],
        state: Float32[np.ndarray, "state"],
    ) -> None:
        """Write poses; angles go on from those of `state` without a jump at half a turn."""
        before = self.at(state)
        for arm, span in enumerate(self.spans):
            kind = span.rotation or "euler"
            turns = np.concatenate([before.rotation[None, arm], poses.rotation[:, arm]])
            numbers = continuous(kind, from_matrix(kind, turns))
            felt = self._felt[arm]
            if felt.rotation == kind:  # the state may be beyond half a turn itself
                observed = state[felt.start + 3 : felt.stop]
                numbers = continuous(kind, np.concatenate([observed[None], numbers]))[1:]
            targets[:, span.start : span.start + 3] = poses.position[:, arm]
            targets[:, span.start + 3 : span.stop] = numbers[1:]


class JointArms:
    """Joints are recorded; a kinematic model says where the grippers are."""

    def __init__(self, body: Embodiment, kinematics: EndEffectors) -> None:
        self._kinematics = kinematics
        names = [channel.name for channel in body.action_channels]
        if names != [channel.name for channel in body.state_channels]:
            raise ValueError(
                f"Kinematics need the same channels in state and actions of {body.name!r}."
            )
        self.spans = tuple(
            Span(_common(names[first:last]), first, last, None)
            for first, last in kinematics.columns
        )

    def at(self, state: Float32[np.ndarray, "state"]) -> Poses:
        """Poses (arms,) at an observed state."""
        found = self._kinematics.poses(state[None])
        return Poses(found.position[0], found.rotation[0])

    def of(self, targets: Float32[np.ndarray, "h channels"]) -> Poses:
        """Poses (h, arms) that targets mean."""
        return self._kinematics.poses(targets)

    def fill(
        self,
        poses: Poses,
        targets: Float32[np.ndarray, "h channels"],
        state: Float32[np.ndarray, "state"],
    ) -> None:
        """Write the joints that reach `poses`, each row near the one before it."""
        joints = self._kinematics.joints(poses, state)
        for span in self.spans:
            targets[:, span.start : span.stop] = joints[:, span.start : span.stop]


class ChunkRelativeEndEffector:
    """Rows are, for each arm, metres moved and the turn made since the state was observed.

    Columns beside the arms' own (gripper openings, fingers) keep their place and stay absolute.
    """

    def __init__(
        self,
        name: str,
        arms: Arms,
        recorded: tuple[str, ...],
        *,
        rotation: Rotation = "euler",
        frame: Frame = "base",
    ) -> None:
        self.name = name
        self._arms, self._rotation, self._frame = arms, rotation, frame
        self._num_targets = len(recorded)
        self._rows: list[slice] = []
        """Of each arm: its columns in the network's rows."""
        self._kept: list[tuple[int, int]] = []
        """Columns taken as they are: in targets, and in rows."""
        channels: list[str] = []
        starts = {span.start: span for span in arms.spans}
        column = 0
        while column < len(recorded):
            span = starts.get(column)
            if span is None:
                self._kept.append((column, len(channels)))
                channels.append(recorded[column])
                column += 1
                continue
            parts = ("dx", "dy", "dz", *(f"d{part}" for part in NAMES[rotation]))
            self._rows.append(slice(len(channels), len(channels) + len(parts)))
            channels += [span.arm + part for part in parts]
            column = span.stop
        self.channels = tuple(channels)

    def encode(
        self, targets: Float32[np.ndarray, "h channels"], state: Float32[np.ndarray, "state"]
    ) -> Float32[np.ndarray, "h c"]:
        """Displacements (h, c) of `targets` (h, channels) from the poses at `state`."""
        start, there = self._arms.at(state), self._arms.of(targets)
        moved = there.position - start.position
        back = np.swapaxes(start.rotation, -1, -2)
        if self._frame == "tool":
            moved = (back @ moved[..., None])[..., 0]
            turned = back @ there.rotation
        else:
            turned = there.rotation @ back
        rows = np.empty((len(targets), len(self.channels)), np.float32)
        for arm, columns in enumerate(self._rows):
            numbers = from_matrix(self._rotation, turned[:, arm])
            rows[:, columns] = np.concatenate([moved[:, arm], numbers], axis=1)
        for column, place in self._kept:
            rows[:, place] = targets[:, column]
        return rows

    def decode(
        self, rows: Float32[np.ndarray, "h c"], state: Float32[np.ndarray, "state"]
    ) -> Float32[np.ndarray, "h channels"]:
        """Targets (h, channels) whose displacements from `state` are `rows` (h, c)."""
        start = self._arms.at(state)
        blocks = np.stack([rows[:, columns] for columns in self._rows], axis=1).astype(np.float64)
        moved, turned = blocks[..., :3], to_matrix(self._rotation, blocks[..., 3:])
        if self._frame == "tool":
            moved = (start.rotation @ moved[..., None])[..., 0]
            rotation = start.rotation @ turned
        else:
            rotation = turned @ start.rotation
        targets = np.empty((len(rows), self._num_targets), np.float32)
        for column, place in self._kept:
            targets[:, column] = rows[:, place]
        self._arms.fill(Poses(start.position + moved, rotation), targets, state)
        return targets


def without_jumps(
    channels: tuple[Channel, ...], rows: Float32[np.ndarray, "n channels"]
) -> Float32[np.ndarray, "n channels"]:
    """The same targets of one episode, with rotations that may be interpolated from row to row.

    Recorded Euler angles leap from pi to -pi and quaternions change sign, though nothing leaps.
    """
    smooth = rows.copy()
    for span in pose_spans(channels):
        turned = slice(span.start + 3, span.stop)
        smooth[:, turned] = continuous(span.rotation or "euler", rows[:, turned])
    for column, channel in enumerate(channels):
        if channel.name == "yaw" and not pose_spans(channels):
            smooth[:, column] = np.unwrap(rows[:, column])
    return smooth


def going_on(
    channels: tuple[Channel, ...],
    rows: Float32[np.ndarray, "n channels"],
    last: Float32[np.ndarray, "channels"],
) -> Float32[np.ndarray, "n channels"]:
    """The same targets, saying their rotations as goes on from the command `last` without a jump.

    Numbers a whole turn apart, mixed or approached, would turn the gripper around.
    """
    return without_jumps(channels, np.concatenate([last[None], rows]))[1:]


def _read(vectors: np.ndarray, spans: list[Span]) -> Poses:
    return Poses(
        np.stack([vectors[..., s.start : s.start + 3] for s in spans], -2).astype(np.float64),
        np.stack(
            [to_matrix(s.rotation or "euler", vectors[..., s.start + 3 : s.stop]) for s in spans],
            axis=-3,
        ),
    )


def continuous(kind: Rotation, numbers: np.ndarray) -> np.ndarray:
    """The same rotations (n, numbers), said without jumps from row to row."""
    if kind == "euler":
        return np.unwrap(numbers, axis=0)
    if kind == "axis_angle":
        return _nearest_turns(numbers)
    flips = np.sign((numbers[1:] * numbers[:-1]).sum(axis=1))
    signs = np.cumprod(np.concatenate([[1.0], np.where(flips < 0, -1.0, 1.0)]))
    return np.asarray(numbers * signs[:, None])


def _nearest_turns(vectors: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (n, 3), each the equivalent one nearest to the row before.

    Equivalents are whole turns more or less about the same axis; of no turn, about any.
    """
    rows = np.asarray(vectors, np.float64).copy()
    for before, row in itertools.pairwise(rows):
        angle = np.linalg.norm(row)
        axis = row / angle if angle > STILL else before / max(np.linalg.norm(before), STILL)
        turns = np.round((before @ axis - angle) / (2 * np.pi))
        row += turns * 2 * np.pi * axis
    return rows


def _common(names: list[str]) -> str:
    """What all names begin with, up to an underscore."""
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[: first[:length].rfind("_") + 1]
