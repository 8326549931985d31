"""`python -m recordings.export_aloha DATASET --to FOLDER`: episodes as ALOHA's HDF5 files."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import numpy as np
import tyro
from tqdm import tqdm

from hardware.interfaces import Image
from recordings import layout
from recordings.aloha_hdf5 import VECTORS, write_aloha_file
from recordings.choice import Where
from recordings.dataset import Dataset
from recordings.disk import RecordingError, flush
from recordings.features import STATE, depth_films
from recordings.import_aloha import ORIGIN
from recordings.new_dataset import appear
from recordings.selection import select
from recordings.source import Source
from recordings.unedited import unedited


def export_aloha(
    folder: Path,
    target: Path,
    *,
    where: Sequence[str] = (),
    jpeg_quality: int | None = None,
    progress: bool = False,
) -> int:
    """Write the episodes of a dataset of which `where` holds as episode_0.hdf5 and so on.

    Numbers are kept to the last bit, pictures as the films show them; depth is left out, and the
    attribute `left_out` names its cameras. ALOHA's programs want joint
    velocities: where none were recorded, they are differences of positions, and the attribute
    `qvel_computed` says so. They appear all at once, or none of them. Returns the number of
    episodes. Raises `ValueError` when `target` has files, no episode is meant, or the dataset has
    no state and action.
    """
    staging = _require_room(target)
    try:
        with unedited(folder):
            indices = select(Source(folder), where)
            if not indices:
                raise ValueError("No episode is as asked for. Nothing was written.")
            _write(folder, indices, staging, jpeg_quality, progress=progress)
        appear(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(indices)


def _write(
    folder: Path, indices: Sequence[int], staging: Path, jpeg_quality: int | None, *, progress: bool
) -> None:
    staging.mkdir(parents=True)
    with Dataset(folder) as dataset:
        for number, index in enumerate(tqdm(indices, unit="episode", disable=not progress)):
            columns, attributes = _columns(dataset, index)
            left_out = depth_cameras(dataset)
            cameras = [camera for camera in dataset.cameras if camera not in left_out]
            pictures = {camera: _pictures(dataset, index, camera) for camera in cameras}
            write_aloha_file(
                *(staging / f"episode_{number}.hdf5", columns, pictures, attributes),
                jpeg_quality=jpeg_quality,
            )
    flush(staging)


def _require_room(target: Path) -> Path:
    """Return the folder to prepare `target` in. Raises `ValueError` when `target` has files."""
    if target.exists() and any(target.iterdir()):
        raise ValueError(
            f"Expected a new or empty folder to export to, got one with files: {target}"
        )
    return target.absolute().with_name(f".{target.name}.{uuid4().hex}.part")


def _columns(dataset: Dataset, index: int) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    rows = dataset.rows(index)
    lacking = [name for name in list(VECTORS)[:2] if name not in rows]
    if lacking:
        raise ValueError(f"This dataset lacks {lacking}. Folder: {dataset.folder}")
    columns = {name: rows[name].reshape(len(rows[name]), -1) for name in VECTORS if name in rows}
    attributes: dict[str, object] = {
        "sim": _simulated(dataset),
        "task": "; ".join(dataset.episode_tasks(index)),
        "fps": dataset.fps,
    }
    if depth_cameras(dataset):
        attributes["left_out"] = ", ".join(depth_cameras(dataset))
    if "velocity" not in columns:
        columns["velocity"] = _differences(columns[STATE], dataset.fps)
        attributes["qvel_computed"] = True
    return columns, attributes


def depth_cameras(dataset: Dataset) -> list[str]:
    """Return the cameras of depth, for which these files have no place."""
    names = depth_films(dataset.info["features"])
    return [name.removeprefix(layout.IMAGE_PREFIX) for name in names]


def _differences(positions: np.ndarray, fps: int) -> np.ndarray:
    """Return velocities, per second, of `positions` (rows, channels)."""
    if len(positions) < 2:
        return np.zeros_like(positions)
    velocities: np.ndarray = np.gradient(positions, axis=0) * fps
    return velocities.astype(positions.dtype)


def _simulated(dataset: Dataset) -> bool:
    path = dataset.folder / ORIGIN
    if path.exists():
        return bool(json.loads(path.read_text()).get("sim", False))
    return str(dataset.info.get("robot_type")).endswith("_sim")


def _pictures(dataset: Dataset, index: int, camera: str) -> Iterator[Image]:
    for number in range(len(dataset.rows(index)["index"])):
        yield dataset.frame(index, camera, number)


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    /,
    *,
    to: Path,
    where: Where = (),
    jpeg: int | None = None,
) -> int:
    """Write episodes as ALOHA's HDF5 files, episode_0.hdf5 and so on.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
        to: A new or empty folder.
        where: A condition such as 'success=yes'; several must all hold.
        jpeg: Quality, 1 to 100, of pictures stored as Interbotix does; stored whole if left out.
    """
    try:
        count = export_aloha(
            *(dataset, to), where=where, jpeg_quality=jpeg, progress=sys.stderr.isatty()
        )
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with Dataset(dataset) as read:
        left_out = depth_cameras(read)
    depth = f". Depth was left out: {', '.join(left_out)}" if left_out else ""
    sys.stdout.write(f"{count} episodes in {to}{depth}\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.export_aloha"))
