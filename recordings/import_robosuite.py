"""`python -m recordings.import_robosuite FILES --to DATASET`: robosuite's HDF5 as a dataset."""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from recordings.disk import RecordingError, write_json
from recordings.features import ACTION, INTERVENTION, STATE, Features, numbers
from recordings.import_aloha import ORIGIN
from recordings.imported import COUNTING, Imported, ImportedEpisode
from recordings.marks import Marks
from recordings.new_dataset import make_dataset, require_new
from recordings.piece import pieces_of
from recordings.robosuite_hdf5 import (
    ACTIONS,
    STATES,
    Demonstration,
    Demonstrations,
    read_demonstrations,
)

MODELS = Path("meta/models")
"""Ours: the XML of the model of each demonstration, which a simulator needs to show it."""
WHOLE_STATE = "simulation_state"
RENAMED = {"interventions": INTERVENTION, "joint_torques": "effort", "action": "action_column"}
POSE = ("x", "y", "z", "turn_x", "turn_y", "turn_z", "gripper")
"""What the numbers of an OSC_POSE action are, of one arm; without gripper the first six."""
TOLERANCE_SECS = 1e-4
"""LeRobot's, for the time of a row."""

Taken = tuple[Demonstrations, Demonstration]


def import_robosuite(
    paths: Sequence[Path], target: Path, *, task: str | None = None, fps: int | None = None
) -> int:
    """Make the dataset `target` of all demonstrations in the files, in their order.

    `observation.state` and `velocity` are those of the joints of arms and grippers, radians and
    metres; `simulation_state` is all that the simulator was; `action` is as it was given to the
    controller. Numbers are kept to the last bit: as float32 if all of a column's fit in, as
    float64 if not. There are no pictures, because the files have none. `task` says what was done;
    else the environment's name does. Returns the number of episodes. Raises `ValueError` naming
    the file that does not fit.
    """
    files = [read_demonstrations(path) for path in paths]
    staging = require_new(target)
    try:
        taken: list[Taken] = [(file, each) for file in files for each in file.each]
        rate = _rate(taken, fps)
        columns = [_columns(each) for _, each in taken]
        features = _features(taken, columns)
        episodes = [
            ImportedEpisode(
                task or _words(file.environment),
                each.length,
                lambda values=values: _cast(values, features),  # type: ignore[misc]
                {},
            )
            for (file, each), values in zip(taken, columns, strict=True)
        ]
        robot = "_".join(files[0].robots).lower() or "unknown"
        source = Imported(staging / "rest", f"robosuite_{robot}", rate, features, episodes)
        source.marks = {
            i: Marks(each.success) for i, (_, each) in enumerate(taken) if each.success is not None
        }
        _write_rest(staging / "rest", files, taken)
        return make_dataset(source, pieces_of(source), staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _rate(taken: Sequence[Taken], fps: int | None) -> int:
    """Return the steps a second. Raises `ValueError` when a file's own times say another."""
    found = fps
    if found is None:
        file, first = taken[0]
        times = first.columns[STATES][:, 0]
        step = float(np.median(np.diff(times))) if len(times) > 1 else 0.05
        found = round(file.control_hz or 1 / step)
    for file, each in taken:
        times = each.columns[STATES][:, 0].astype(np.float64)
        apart = np.abs(times - times[0] - np.arange(len(times)) / found).max()
        if apart > TOLERANCE_SECS:
            raise ValueError(
                f"Expected steps at {found} a second, {each.name} is up to {apart:.3g} s off. Give "
                f"--fps as it was recorded. File: {file.path}"
            )
    return found


def _columns(each: Demonstration) -> dict[str, np.ndarray]:
    """Return the columns by our names."""
    states, joints = each.columns[STATES], each.robot_joints
    if not joints:
        raise ValueError(f"The model of {each.name} has no joint of a robot or gripper.")
    num_qpos = sum(len(joint.qpos) for joint in each.joints)
    columns = {
        STATE: states[:, [1 + joint.qpos[0] for joint in joints]],
        ACTION: each.columns[ACTIONS],
        "velocity": states[:, [1 + num_qpos + joint.qvel[0] for joint in joints]],
    }
    for name, values in each.columns.items():
        if name not in (STATES, ACTIONS):
            ours = RENAMED.get(name, name.replace("/", "_"))
            while ours in (*columns, *COUNTING, WHOLE_STATE):
                ours += "_column"
            columns[ours] = values
    return columns | {WHOLE_STATE: states}


def _features(taken: Sequence[Taken], columns: Sequence[Mapping[str, np.ndarray]]) -> Features:
    """Return the features of all. Raises `ValueError` naming a file that has others."""
    shapes = {name: values.shape[1:] for name, values in columns[0].items()}
    names = _names(*taken[0])
    for (file, each), theirs in zip(taken, columns, strict=True):
        found = {name: values.shape[1:] for name, values in theirs.items()}
        if found != shapes or _names(file, each) != names:
            raise ValueError(
                f"Expected what the first demonstration has, {shapes}, and the same joints, got "
                f"{found} in {each.name}. Import it into a dataset of its own. File: {file.path}"
            )
    features: Features = {}
    for name, shape in shapes.items():
        width = shape[0] if shape else 1
        plain = None if width == 1 else [f"{name}_{i}" for i in range(width)]
        dtype = _dtype(name, [theirs[name] for theirs in columns])
        features[name] = numbers(dtype, names.get(name, plain))
    return features


def _names(file: Demonstrations, each: Demonstration) -> dict[str, list[str]]:
    """Return the names of what the numbers of some columns are."""
    joints = [joint.name for joint in each.robot_joints]
    qpos = [name for joint in each.joints for name in joint.names(joint.qpos)]
    qvel = [name for joint in each.joints for name in joint.names(joint.qvel)]
    names = {STATE: joints, "velocity": joints}
    names[WHOLE_STATE] = ["time", *(f"qpos.{n}" for n in qpos), *(f"qvel.{n}" for n in qvel)]
    robots, width = max(1, len(file.robots)), each.columns[ACTIONS].shape[1]
    if file.controller == "OSC_POSE" and width in (6 * robots, 7 * robots):
        kinds = POSE[: width // robots]
        names[ACTION] = [f"robot{i}_{kind}" for i in range(robots) for kind in kinds]
    torques = each.columns.get("joint_torques")
    if torques is not None and torques.shape[1:] == (len(joints),):
        names["effort"] = joints
    return names


def _dtype(name: str, columns: Sequence[np.ndarray]) -> str:
    """Return the type that holds all of `columns` without loss; 0 and 1 as our recorder does."""
    kinds = {values.dtype.kind for values in columns}
    if kinds == {"b"}:
        return "float32" if name == INTERVENTION else "bool"
    if kinds <= {"i", "u", "b"}:
        return "int64"
    single = all(np.array_equal(v.astype(np.float32).astype(v.dtype), v) for v in columns)
    return "float32" if single else "float64"


def _cast(columns: Mapping[str, np.ndarray], features: Features) -> dict[str, np.ndarray]:
    return {name: v.astype(features[name]["dtype"]) for name, v in columns.items()}


def _words(environment: str) -> str:
    """Return the name of an environment as words: TwoArmHandover is "two arm handover"."""
    return " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", environment)).lower()


def _write_rest(rest: Path, files: Sequence[Demonstrations], taken: Sequence[Taken]) -> None:
    """Write what is known of the demonstrations and is no column."""
    (rest / MODELS).mkdir(parents=True)
    told = []
    for index, (file, each) in enumerate(taken):
        model = MODELS / f"{index:06d}_{each.name}.xml"
        (rest / model).write_text(each.model)
        told.append(
            {
                "file": file.path.name,
                "name": each.name,
                "model": str(model),
                "left_out": list(each.left_out),
                "attributes": dict(each.attributes),
            }
        )
    origin: dict[str, Any] = {
        "format": "robosuite HDF5",
        "sim": True,
        "files": [{"file": file.path.name, "attributes": dict(file.attributes)} for file in files],
        "episodes": told,
    }
    write_json(rest / ORIGIN, origin)


def main(
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    to: Path,
    task: str | None = None,
    fps: int | None = None,
) -> int:
    """Make a dataset of robosuite's demonstrations.

    Args:
        files: HDF5 files as robosuite's collector writes them.
        to: The new dataset's folder.
        task: What was done, in words; the environment's name if left out.
        fps: Steps a second, if the files do not say it right.
    """
    try:
        count = import_robosuite(files, to, task=task, fps=fps)
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} episodes in {to}. Look: python -m recordings.check {to}\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.import_robosuite"))
