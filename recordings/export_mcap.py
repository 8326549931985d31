"""`python -m recordings.export_mcap DATASET --to FOLDER`: an MCAP file per episode."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from recordings import layout
from recordings.choice import Where
from recordings.dataset import Dataset
from recordings.disk import RecordingError, flush
from recordings.features import Features, depth_films
from recordings.film_copy import copy_span
from recordings.film_packets import Packets, packets_of
from recordings.mcap_episode import McapEpisode, write_mcap
from recordings.new_dataset import appear, require_new
from recordings.selection import select
from recordings.source import Source
from recordings.unedited import unedited


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    episodes: int
    encoded_again: int
    """Films of episodes whose frames could not stand by themselves, as after a trim."""
    left_out: list[str]
    """Cameras of depth, which no stream of pictures holds."""


def export_mcap(
    folder: Path, target: Path, *, where: Sequence[str] = (), progress: bool = False
) -> Exported:
    """Write the episodes of which `where` holds as episode_000000.mcap and so on, by their index.

    Numbers are kept to the last bit. Frames are those of the films where they can stand by
    themselves, and encoded again as H.264 where not; those of depth are left out. The files
    appear all at once or none of them. Raises `ValueError` when `target` is there, or no episode
    is meant.
    """
    staging = require_new(target)
    try:
        with unedited(folder):
            source = Source(folder)
            indices = select(source, where)
            if not indices:
                raise ValueError("No episode is as asked for. Nothing was written.")
            again = _write(folder, indices, staging, progress=progress)
        appear(staging / "built", target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Exported(len(indices), again, _left_out(source.info["features"]))


def _write(folder: Path, indices: Sequence[int], staging: Path, *, progress: bool) -> int:
    """Write the files into `staging`/built; return how many films were encoded again."""
    again = 0
    (staging / "built").mkdir(parents=True)
    with Dataset(folder) as dataset:
        _require_films(dataset)
        for index in tqdm(indices, unit="episode", disable=not progress):
            films = dict(_films(dataset, index, staging))
            again += sum(encoded for _, encoded in films.values())
            path = staging / "built" / f"episode_{index:06d}.mcap"
            write_mcap(path, _episode(dataset, index, {c: f for c, (f, _) in films.items()}))
    flush(staging / "built")
    return again


def _require_films(dataset: Dataset) -> None:
    loose = [n for n, f in dataset.info["features"].items() if f["dtype"] == "image"]
    if loose:
        raise ValueError(
            f"The pictures of {loose} are stored one by one in the data files (dtype image). Only "
            f"films are exported: convert the dataset to films with LeRobot. Folder: "
            f"{dataset.folder}"
        )


def _left_out(features: Features) -> list[str]:
    return [name.removeprefix(layout.IMAGE_PREFIX) for name in depth_films(features)]


def _films(
    dataset: Dataset, index: int, staging: Path
) -> Iterator[tuple[str, tuple[Packets, bool]]]:
    """Yield each camera of colours with its frames, and whether they were encoded again."""
    length = dataset.episodes()[index].num_frames
    left_out = _left_out(dataset.info["features"])
    for camera in (name for name in dataset.cameras if name not in left_out):
        path = dataset.film_path(index, camera)
        span = dataset.first_frame(index, camera), length
        packets = packets_of(path, span)
        again = packets is None
        if packets is None:
            film = staging / "again.mp4"
            film.unlink(missing_ok=True)
            copy_span(path, span, film, dataset.fps, whole=False)
            packets = packets_of(film, (0, length))
        if packets is None:
            raise RecordingError(f"A film could not be encoded for MCAP. Film: {path}")
        yield camera, (packets, again)


def _episode(dataset: Dataset, index: int, films: dict[str, Packets]) -> McapEpisode:
    summary = dataset.episodes()[index]
    told = {
        "episode_index": str(index),
        "task": "; ".join(dataset.episode_tasks(index)),
        "robot_type": str(dataset.info.get("robot_type")),
        "fps": str(dataset.fps),
        "success": {True: "yes", False: "no", None: "unknown"}[summary.marks.success],
        "left_out": json.dumps(_left_out(dataset.info["features"])),
        "tags": json.dumps(list(summary.marks.tags)),
        "quality": json.dumps(summary.quality.to_json()) if summary.quality else "",
    }
    paths = (dataset.folder / layout.INFO, dataset.folder / layout.EMBODIMENT)
    return McapEpisode(
        features=dataset.info["features"],
        columns=dataset.rows(index),
        films=films,
        told=told,
        attached={path.name: path.read_bytes() for path in paths if path.exists()},
    )


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    /,
    *,
    to: Path,
    where: Where = (),
) -> int:
    """Write episodes as MCAP files, which Foxglove, Rerun and ROS 2 tools open.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
        to: The new folder.
        where: A condition such as 'success=yes'; several must all hold.
    """
    try:
        done = export_mcap(dataset, to, where=where, progress=sys.stderr.isatty())
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    films = f"{done.encoded_again} films encoded again"
    depth = f" Depth was left out: {', '.join(done.left_out)}." if done.left_out else ""
    sys.stdout.write(f"{done.episodes} episodes in {to}; {films}.{depth}\n")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.export_mcap"))
