"""What a robot body is: its joints, its cameras, how fast it is driven, and how to say so."""

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, slots=True)
class Channel:
    """One number of a state or action vector."""

    name: str
    unit: str
    """`rad`, `m`, `normalized` (grippers and fingers: 0 closed, 1 open), or `unit` (parts of a unit
    quaternion, coefficients)."""
    low: float
    high: float
    max_rate: float
    """Fastest commanded change, in `unit` per second."""

    def check(self) -> None:
        """Raise `ValueError` unless it is a finite range that can be moved through."""
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(
                f"Channel {self.name!r} needs low < high, both finite; got {self.low}, {self.high}."
            )
        if not 0 < self.max_rate < math.inf:
            raise ValueError(
                f"Channel {self.name!r} needs a finite max_rate above 0, got {self.max_rate}."
            )


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera of the body, by the name it has in datasets and prompts."""

    name: str
    height: int
    width: int

    def __post_init__(self) -> None:
        sizes = isinstance(self.height, int) and isinstance(self.width, int)
        if not isinstance(self.name, str) or not sizes or not 0 < self.height * self.width < 2**31:
            raise ValueError(
                f"A camera needs a name and a size in pixels, got {self.name!r:.80}, "
                f"{self.height!s:.20}x{self.width!s:.20}."
            )


@dataclass(frozen=True, slots=True)
class Embodiment:
    """A robot body, described once and used by every package.

    State and action vectors follow `state_channels` and `action_channels`. The description is
    saved beside every dataset and checkpoint, so that a policy can refuse a body it was not
    trained on. The prompt fields are those of the Qwen-VLA embodiment prompt (arXiv 2605.30280
    section 2.3).
    """

    name: str
    robot_tag: str
    arms: int
    """1 or 2; said in the prompt as "single arm" or "dual arms". 0 for a vehicle."""
    waist: bool
    mobile_base: bool
    state_channels: tuple[Channel, ...]
    action_channels: tuple[Channel, ...]
    action_convention: str
    """How a network predicts the action channels, which themselves are always absolute targets:
    `absolute_joints`, `absolute_end_effector`, `chunk_relative_end_effector` or `waypoints`
    (`policy.model.conventions`)."""
    cameras: tuple[CameraView, ...]
    control_hz: float
    kinematics: str | None = None
    """Name of the kinematic model in `hardware.kinematics`, if one is known."""

    def __post_init__(self) -> None:
        if self.arms not in (1, 2) and not (self.arms == 0 and self.mobile_base):
            raise ValueError(
                f"Embodiment {self.name!r} needs 1 or 2 arms, or none and a mobile base; got "
                f"{self.arms}."
            )
        if not 0 < self.control_hz < math.inf:
            raise ValueError(
                f"Embodiment {self.name!r} needs a control rate above 0 Hz, got {self.control_hz}."
            )
        for channels in (self.state_channels, self.action_channels):
            names = [channel.name for channel in channels]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"Embodiment {self.name!r} has channels of one name: {twice}.")
            for channel in channels:
                channel.check()

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Camera names, in order."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def action_low(self) -> Float32[np.ndarray, "joints"]:
        """Lowest value of each action channel."""
        return np.array([c.low for c in self.action_channels], np.float32)

    @property
    def action_high(self) -> Float32[np.ndarray, "joints"]:
        """Highest value of each action channel."""
        return np.array([c.high for c in self.action_channels], np.float32)

    @property
    def max_step(self) -> Float32[np.ndarray, "joints"]:
        """Largest change of each action channel in one control tick."""
        return np.array([c.max_rate / self.control_hz for c in self.action_channels], np.float32)

    def with_cameras(self, names: tuple[str, ...]) -> "Embodiment":
        """Return the same body with these of its cameras, in this order.

        Raises `ValueError` naming the cameras it does not have.
        """
        views = {camera.name: camera for camera in self.cameras}
        lacking = [name for name in names if name not in views]
        if lacking:
            raise ValueError(f"{self.name!r} has cameras {list(views)}; it lacks {lacking}.")
        return replace(self, cameras=tuple(views[name] for name in names))

    def differences(self, other: "Embodiment") -> list[str]:
        """Say, one sentence each, what makes `other` a body this one's policy cannot drive.

        Cameras are compared by name only (pictures are resized), and `other` may have more of
        them. An empty list means that the bodies fit.
        """
        found = []
        if self.robot_tag != other.robot_tag:
            found.append(f"robot: {self.robot_tag!r} expected, {other.robot_tag!r} here")
        if self.arms != other.arms:
            found.append(f"number of arms: {self.arms} expected, {other.arms} here")
        for kind in ("state", "action"):
            ours = [f"{c.name} ({c.unit})" for c in getattr(self, f"{kind}_channels")]
            theirs = [f"{c.name} ({c.unit})" for c in getattr(other, f"{kind}_channels")]
            if ours != theirs:
                lacking = [name for name in ours if name not in theirs]
                extra = [name for name in theirs if name not in ours]
                found.append(
                    f"{kind} channels differ: {len(ours)} expected, {len(theirs)} here"
                    + (f", lacking {lacking}" if lacking else "")
                    + (f", unexpected {extra}" if extra else "")
                    + ("" if lacking or extra else ", in another order")
                )
        if self.action_convention != other.action_convention:
            found.append(
                f"actions are {self.action_convention!r} expected, {other.action_convention!r} here"
            )
        lacking = [name for name in self.camera_names if name not in other.camera_names]
        if lacking:
            found.append(f"cameras lacking: {lacking} (here: {list(other.camera_names)})")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Embodiment":
        """Rebuild from `to_json`. Raises `ValueError` naming what is missing or unknown."""
        try:
            fields = dict(fields)
            for kind, part in (
                ("state_channels", Channel),
                ("action_channels", Channel),
                ("cameras", CameraView),
            ):
                fields[kind] = tuple(part(**entry) for entry in fields[kind])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"Not an embodiment description: {error}.") from error

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Embodiment":
        """Read JSON written by `save`. Raises `ValueError` naming the file and what is wrong."""
        try:
            return cls.from_json(json.loads(path.read_text()))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"Cannot read an embodiment: {error} File: {path}") from error
