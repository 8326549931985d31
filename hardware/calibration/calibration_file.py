"""Lenses and places of a workcell's cameras, kept in its TOML file among everything else."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from hardware.calibration.intrinsics import Intrinsics
from hardware.calibration.transform import (
    Transform,
    quaternion,
    rotation_from_quaternion,
    transform,
)
from hardware.durable_file import change_text

TABLE = "calibration"
"""The workcell's table of cameras: `[calibration.cam_high.lens]` and `[... .place]`."""


@dataclass(frozen=True, slots=True)
class CameraPlace:
    """Where a camera is fixed."""

    parent: str
    """The frame it is fixed in, such as `left_gripper` or `left_base`."""
    position: tuple[float, float, float]
    """Of the camera in that frame, metres."""
    quaternion: tuple[float, float, float, float]
    """parent_from_camera as w, x, y, z; the camera looks along +z with +y down."""

    @classmethod
    def of(cls, parent: str, parent_from_camera: Transform) -> "CameraPlace":
        """Take it from a transform."""
        x, y, z = parent_from_camera[:3, 3].tolist()
        return cls(parent, (x, y, z), quaternion(parent_from_camera[:3, :3]))

    @property
    def parent_from_camera(self) -> Transform:
        """The place as a transform."""
        return transform(rotation_from_quaternion(self.quaternion), np.array(self.position))


@dataclass(frozen=True, slots=True)
class CameraCalibration:
    """What is known of one camera."""

    lens: Intrinsics | None = None
    place: CameraPlace | None = None


def save_calibration(path: Path, camera: str, calibration: CameraCalibration) -> None:
    """Write one camera's calibration into the workcell file, which is made if it is not there.

    What is None stays as the file has it, as does everything else, comments included. The file is
    replaced in one step. Raises `ValueError` if it is not TOML.
    """

    def change(text: str) -> str:
        try:
            document = tomlkit.parse(text)
        except ValueError as error:
            raise ValueError(f"Not a TOML file: {error}. File: {path}") from error
        cameras = document.setdefault(TABLE, tomlkit.table(is_super_table=True))
        entry = cameras.setdefault(camera, tomlkit.table(is_super_table=True))
        for part in ("lens", "place"):
            value = getattr(calibration, part)
            if value is not None:
                entry[part] = tomlkit.item({key: _plain(one) for key, one in asdict(value).items()})
        return tomlkit.dumps(document)

    change_text(path, change)


def load_calibrations(path: Path) -> dict[str, CameraCalibration]:
    """Read every camera's calibration from a workcell file, by camera name.

    Raises `ValueError` naming the file, the table and what is wrong with it.
    """
    try:
        tables = tomllib.loads(path.read_text()).get(TABLE, {})
        return {
            str(camera): CameraCalibration(
                _read(Intrinsics, tables[camera], f"{camera}.lens"),
                _read(CameraPlace, tables[camera], f"{camera}.place"),
            )
            for camera in tables
        }
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"Cannot read a calibration: {error} File: {path}") from error


def _read(kind: type, entry: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - one of two kinds
    """Build `kind` from the table `name`, or return None if there is none."""
    table = entry.get(name.rsplit(".", 1)[1])
    if table is None:
        return None
    wanted = {field.name for field in fields(kind)}
    if set(table) != wanted:
        raise ValueError(
            f"[{TABLE}.{name}] needs {sorted(wanted)}, got {sorted(table)}. Calibrate it anew."
        )
    made = kind(**{key: _tupled(value) for key, value in table.items()})
    if isinstance(made, CameraPlace):
        rotation_from_quaternion(made.quaternion)  # raises here if it is none
    return made


def _plain(value: object) -> object:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _tupled(value: object) -> object:
    return tuple(float(one) for one in value) if isinstance(value, list) else value
