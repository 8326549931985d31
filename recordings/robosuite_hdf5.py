"""Demonstrations as robosuite's collector stores them in HDF5: read. Knows no dataset.

Facts of robosuite 1.0 to 1.5: /data holds a group per demonstration, demo_1 and so on, each with
`states` (steps, 1 + nq + nv: time in seconds, qpos, qvel, all before the action), `actions`
(steps, width) and the model's XML as the attribute `model_file`, or the name of a file under
models/ beside this one. Its own collector keeps no pictures. Others add columns and streams.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recordings.model_joints import Joint, joints_of

STATES, ACTIONS, MODEL = "states", "actions", "model_file"
LONGEST_ATTRIBUTE = 4000
"""Characters; what is longer is the settings of some program, addresses and all."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One demonstration."""

    name: str
    columns: Mapping[str, np.ndarray]
    """By their names in the file: what has a row for each step, (steps,) or (steps, width)."""
    left_out: tuple[str, ...]
    """What has another number of rows, is no number, or is longer than a remark."""
    model: str
    """XML."""
    joints: tuple[Joint, ...]
    attributes: Mapping[str, Any]
    """As the file has them, JSON read."""

    @property
    def length(self) -> int:
        """Steps."""
        return len(self.columns[ACTIONS])

    @property
    def robot_joints(self) -> list[Joint]:
        """The joints of arms and grippers, but not those of things."""
        return [j for j in self.joints if j.single and j.name.startswith(("robot", "gripper"))]

    @property
    def success(self) -> bool | None:
        """Whether it succeeded, if that is said: robosuite's own collector keeps no failures."""
        told = self.attributes.get("metadata")
        found = told.get("completed") if isinstance(told, dict) else None
        return found if isinstance(found, bool) else None


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """A file of them."""

    path: Path
    attributes: Mapping[str, Any]
    """What it says of all of them, JSON read."""
    each: tuple[Demonstration, ...]

    @property
    def environment(self) -> str:
        """Name of the environment, such as Lift."""
        return str(self.attributes.get("env", self._options.get("env_name", "unknown")))

    @property
    def robots(self) -> list[str]:
        """Names of the robots, such as Panda."""
        found = self._options.get("robots", [])
        return [found] if isinstance(found, str) else [str(name) for name in found]

    @property
    def controller(self) -> str | None:
        """Type of the controller that takes the actions, such as OSC_POSE, if one is said."""
        found = self._options.get("controller_configs")
        return str(found["type"]) if isinstance(found, dict) and "type" in found else None

    @property
    def control_hz(self) -> float | None:
        """Steps a second, if that is said."""
        found = self._options.get("control_freq")
        return float(found) if isinstance(found, int | float) else None

    @property
    def _options(self) -> dict[str, Any]:
        """What the environment was made with; robomimic's files nest it."""
        told = self.attributes.get("env_info") or self.attributes.get("env_args") or {}
        if not isinstance(told, dict):
            return {}
        nested = told.get("env_kwargs", {})
        return told | nested if isinstance(nested, dict) else told


def read_demonstrations(path: Path) -> Demonstrations:
    """Read a file. Raises `ValueError` naming what is lacking or does not fit together."""
    try:
        with h5py.File(path, "r") as file:
            return _demonstrations(path, file)
    except OSError as error:
        raise ValueError(f"Cannot read an HDF5 file: {error}. File: {path}") from error
    except (ValueError, KeyError) as error:
        raise ValueError(f"No demonstrations of robosuite: {error} File: {path}") from error


def _demonstrations(path: Path, file: h5py.File) -> Demonstrations:
    if "data" not in file or not list(file["data"]):
        raise ValueError("/data with demo_1 and so on is lacking.")
    names = sorted(file["data"], key=_by_number)
    each = tuple(_demonstration(path, file["data"][name], name) for name in names)
    return Demonstrations(path, _attributes(file["data"]), each)


def _by_number(name: str) -> tuple[int, str]:
    digits = re.findall(r"\d+", name)
    return int(digits[-1]) if digits else 0, name


def _demonstration(path: Path, group: h5py.Group, name: str) -> Demonstration:
    lacking = [each for each in (STATES, ACTIONS) if each not in group]
    if lacking or MODEL not in group.attrs:
        raise ValueError(f"{name} lacks {lacking or [MODEL]}.")
    steps = len(group[ACTIONS])
    if not steps or len(group[STATES]) != steps:
        raise ValueError(
            f"expected as many states as actions, above 0, of {name}, got {len(group[STATES])} "
            f"and {steps}."
        )
    columns, left_out = {}, []
    for key, item in sorted(group.items()):
        if isinstance(item, h5py.Dataset) and _is_column(item, steps):
            columns[key] = item[()]
        else:
            left_out.append(key)
    model = _model(path, str(group.attrs[MODEL]))
    joints = tuple(joints_of(model))
    wide = 1 + sum(len(joint.qpos) + len(joint.qvel) for joint in joints)
    if columns[STATES].shape[1:] != (wide,):
        raise ValueError(
            f"its model has a state of {wide} numbers, time, qpos and qvel; {name} has "
            f"{columns[STATES].shape[1:]}."
        )
    left_out += [key for key, v in group.attrs.items() if key != MODEL and _too_long(v)]
    attributes = {key: v for key, v in _attributes(group).items() if key != MODEL}
    return Demonstration(name, columns, tuple(left_out), model, joints, attributes)


def _is_column(item: h5py.Dataset, steps: int) -> bool:
    return item.ndim in (1, 2) and item.shape[0] == steps and item.dtype.kind in "biuf"


def _model(path: Path, told: str) -> str:
    """Return the XML of a model that is told by itself or by the name of its file."""
    if told.lstrip().startswith("<"):
        return told
    beside = path.parent / "models" / Path(told).name
    if not beside.exists():
        raise ValueError(f"the model {told} is lacking beside it, under models/.")
    return beside.read_text()


def _attributes(group: h5py.Group) -> dict[str, Any]:
    kept = {key: value for key, value in sorted(group.attrs.items()) if not _too_long(value)}
    return {key: _plain(value) for key, value in kept.items()}


def _too_long(value: Any) -> bool:  # noqa: ANN401 - whatever the file has
    return isinstance(value, str | bytes) and len(value) > LONGEST_ATTRIBUTE


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever the file has
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:
            return value  # words that only begin like JSON
    return value
