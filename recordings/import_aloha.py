"""`python -m recordings.import_aloha FILES --to DATASET`: ALOHA's HDF5 episodes as a dataset."""

import re
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from hardware.aloha import ARMS, JOINTS
from recordings.aloha_hdf5 import AlohaFile, Colours
from recordings.disk import RecordingError, write_json
from recordings.features import Features, film_feature, numbers
from recordings.imported import Imported, ImportedEpisode
from recordings.layout import IMAGE_PREFIX
from recordings.new_dataset import make_dataset, require_new
from recordings.piece import pieces_of
from recordings.video import VideoWriter

ORIGIN = Path("meta/import.json")
"""Ours: what a dataset was imported from."""

CHANNELS = [f"{arm}_{joint}" for arm in ARMS for joint in (*JOINTS, "gripper")]


def import_aloha(
    paths: Sequence[Path],
    target: Path,
    *,
    task: str | None = None,
    fps: int = 50,
    colours: Colours = "rgb",
    progress: bool = False,
) -> int:
    """Make the dataset `target` of HDF5 episodes, in the order of their numbers.

    Numbers are kept to the last bit: as float32 if all of a column's fit in, as float64 if not.
    Pictures become films, which is not exact. `task` stands for the words that a file does not
    have. Returns the number of episodes. Raises `ValueError` naming the file that does not fit.
    """
    found = episode_files(paths)
    staging = require_new(target)
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(AlohaFile(path, colours)) for path in found]
            features = _features(files, fps)
            bar = tqdm(files, unit="episode", disable=not progress)
            episodes = [
                _episode(file, features, fps, task, staging / f"{i}") for i, file in enumerate(bar)
            ]
            source = Imported(staging / "rest", "aloha", fps, features, episodes)
            origin = {
                "format": "ALOHA HDF5",
                "files": [path.name for path in found],
                "sim": files[0].simulated,
            }
            (staging / "rest/meta").mkdir(parents=True)
            write_json(staging / "rest" / ORIGIN, origin)
            return make_dataset(source, pieces_of(source), staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def episode_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files meant: files as they are, and of a folder its *.hdf5, by number."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.hdf5"), key=_by_number) if path.is_dir() else [path]
        if not inside:
            raise ValueError(f"Expected episode_0.hdf5 and so on, found none. Folder: {path}")
        found += inside
    return found


def _by_number(path: Path) -> tuple[int, str]:
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else 0, path.name


def _features(files: Sequence[AlohaFile], fps: int) -> Features:
    """Return the features of all files. Raises `ValueError` naming a file that has others."""
    first, columns = files[0], [file.columns() for file in files]
    shapes = {name: values.shape[1:] for name, values in columns[0].items()}
    for file, theirs in zip(files, columns, strict=True):
        widths = {name: values.shape[1:] for name, values in theirs.items()}
        if widths != shapes or file.cameras != first.cameras:
            raise ValueError(
                f"Expected what {first.path.name} has, {shapes} and cameras {first.cameras}, got "
                f"{widths} and {file.cameras}. File: {file.path}"
            )
    features: Features = {}
    for name, (width,) in shapes.items():
        single = all(_fits_float32(theirs[name]) for theirs in columns)
        names = CHANNELS if width == len(CHANNELS) else [f"{name}_{i}" for i in range(width)]
        features[name] = numbers("float32" if single else "float64", names)
    for camera in first.cameras:
        features[IMAGE_PREFIX + camera] = film_feature(*first.size(camera), fps)
    return features


def _fits_float32(values: np.ndarray) -> bool:
    return bool(np.array_equal(values.astype(np.float32).astype(np.float64), values))


def _episode(
    file: AlohaFile, features: Features, fps: int, task: str | None, place: Path
) -> ImportedEpisode:
    words = file.task or task
    if not words:
        raise ValueError(
            f"This file does not say what was done: give --task 'in words'. File: {file.path}"
        )
    place.mkdir(parents=True)
    films = {}
    for camera in file.cameras:
        height, width, _ = features[IMAGE_PREFIX + camera]["shape"]
        films[IMAGE_PREFIX + camera] = place / f"{camera}.mp4"
        with ThreadPoolExecutor(1, thread_name_prefix="encode") as encoder:
            film = VideoWriter(place / f"{camera}.mp4", fps, (height, width, 3), encoder)
            for row, image in enumerate(file.pictures(camera)):
                film.add(row, image, wait=True)
            film.finish(file.length).result()
    return ImportedEpisode(words, file.length, lambda: _columns(file, features), films)


def _columns(file: AlohaFile, features: Features) -> dict[str, np.ndarray]:
    return {name: v.astype(features[name]["dtype"]) for name, v in file.columns().items()}


def main(
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    to: Path,
    task: str | None = None,
    fps: int = 50,
    colours: Colours = "rgb",
) -> int:
    """Make a dataset of ALOHA's HDF5 episodes.

    Args:
        files: Episodes, or folders of episode_0.hdf5 and so on.
        to: The new dataset's folder.
        task: What was done, in words, for files that do not say; theirs never do.
        fps: Steps a second; ALOHA's are 50.
        colours: Order of the three in the pictures, which the files do not say.
    """
    try:
        count = import_aloha(
            *(files, to),
            task=task,
            fps=fps,
            colours=colours,
            progress=sys.stderr.isatty(),
        )
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} episodes in {to}. Look: python -m recordings.check {to}\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.import_aloha"))
