"""Training samples from a LeRobotDataset v3.0 folder, whoever wrote it. Reads, never writes to it.

Pictures are decoded once, at the size the network looks at, into a cache beside the job.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Float32
from tqdm import tqdm

from hardware.embodiment import Embodiment
from policy.model.action_space import NormStats, Quantiles
from policy.model.processor import resize

SENT = "sent"
"""Our recorder's column: 1 where the action was sent, 0 where nobody drove."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One demonstration: rows `start` to `stop` of the samples."""

    index: int
    task: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Samples:
    """Every row of a dataset, in memory or mapped from the cache."""

    embodiment: Embodiment
    fps: float
    episodes: tuple[Episode, ...]
    episode_of: np.ndarray
    """(rows,) int64: number of the row's episode in `episodes`."""
    state: Float32[np.ndarray, "rows channels"]
    action: Float32[np.ndarray, "rows channels"]
    pictures: dict[str, np.ndarray]
    """Camera to (rows, height, width, 3) uint8."""
    driven: np.ndarray
    """(driven rows,) int64: rows at which somebody drove; only these are learnt from."""

    def __len__(self) -> int:
        return len(self.state)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every instruction, the most frequent first."""
        words = [episode.task for episode in self.episodes]
        return tuple(sorted(set(words), key=lambda task: (-words.count(task), task)))

    def norm_stats(self) -> NormStats:
        """Quantiles of states and actions."""
        return NormStats(Quantiles.of(self.state), Quantiles.of(self.action))

    def chunk(self, row: int, horizon: int, hz: float) -> Float32[np.ndarray, "h channels"]:
        """The actions sent at `row` and every 1 / `hz` s after it, up to its episode's end.

        Between rows they are interpolated; at most `horizon` of them, at least one.
        """
        last = self.episodes[self.episode_of[row]].stop - 1
        positions = row + np.arange(horizon) * self.fps / hz
        positions = positions[positions <= last + 1e-6]
        before = np.floor(positions + 1e-6).astype(int)
        after = np.minimum(before + 1, last)
        share = (positions - before).astype(np.float32)[:, None]
        mixed = (1 - share) * self.action[before] + share * self.action[after]
        return np.asarray(mixed, np.float32)


def _read_json(path: Path, dataset: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"Not a LeRobot v3.0 dataset: {dataset}. {error}") from error
    return dict(fields)


def _read_tables(dataset: Path, folder: str, columns: list[str] | None) -> dict[str, list[Any]]:
    files = sorted((dataset / folder).glob("chunk-*/file-*.parquet"))
    if not files:
        raise ValueError(f"The dataset has no {folder}/chunk-*/file-*.parquet: {dataset}")
    joined: dict[str, list[Any]] = {}
    for file in files:
        try:
            table = pq.read_table(file, columns=columns)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{file.name} is torn ({error}). Run: python -m recordings.repair {dataset}"
            ) from error
        for name in table.column_names:
            joined.setdefault(name, []).extend(table[name].to_pylist())
    return joined


def _vectors(rows: list[Any], name: str, dataset: Path, episode_index: list[int]) -> np.ndarray:
    values = np.array(rows, np.float32)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{name} of episode {episode_index[bad[0]]} is not finite in {len(bad)} rows of "
            f"{dataset}. Leave those episodes out or record them again."
        )
    return values


def load_samples(
    dataset: Path, image_sizes: dict[str, tuple[int, int]], cache: Path, task_limit: int = 10**9
) -> Samples:
    """Read `dataset` and decode its pictures at `image_sizes` into `cache`.

    Raises `ValueError` naming the dataset, episode and camera when something is missing, torn,
    empty or not finite. At most `task_limit` episodes are read.
    """
    info = _read_json(dataset / "meta/info.json", dataset)
    if info.get("codebase_version") != "v3.0":
        raise ValueError(f"Expected LeRobot v3.0, got {info.get('codebase_version')!r}: {dataset}")
    embodiment = Embodiment.load(dataset / "meta/embodiment.json")
    missing = [c for c in image_sizes if f"observation.images.{c}" not in info["features"]]
    if missing:
        raise ValueError(
            f"The policy looks at cameras {list(image_sizes)}; {dataset} lacks {missing}."
        )
    table = _read_tables(dataset, "meta/episodes", None)
    # info.json is written last: what it does not count yet may still be half written.
    total = min(int(info["total_episodes"]), len(table["episode_index"]), task_limit)
    if not total:
        raise ValueError(f"The dataset has no episodes yet: {dataset}")
    columns = ["observation.state", "action", "episode_index", "frame_index"]
    columns += [SENT] if SENT in info["features"] else []
    rows = _read_tables(dataset, "data", columns)
    order = np.lexsort((rows["frame_index"], rows["episode_index"]))
    order = order[np.array(rows["episode_index"])[order] < total]
    index = [rows["episode_index"][i] for i in order]
    lengths = np.bincount(index, minlength=total)
    episodes, start = [], 0
    for number in range(total):
        length = int(table["length"][number])
        if length != lengths[number] or not length:
            raise ValueError(
                f"Episode {number} of {dataset} has {lengths[number]} rows, its table says "
                f"{length}. Run: python -m recordings.repair {dataset}"
            )
        task = str(table["tasks"][number][0])
        episodes.append(Episode(number, task, start, start + length))
        start += length
    fps = float(info["fps"])
    pictures = {
        name: _decode(dataset, name, size, table, episodes, cache)
        for name, size in image_sizes.items()
    }
    return Samples(
        embodiment,
        fps,
        tuple(episodes),
        np.repeat(np.arange(total), [e.stop - e.start for e in episodes]),
        _vectors([rows["observation.state"][i] for i in order], "State", dataset, index),
        _vectors([rows["action"][i] for i in order], "Action", dataset, index),
        pictures,
        np.flatnonzero([bool(rows[SENT][i]) for i in order])
        if SENT in rows
        else np.arange(len(order)),
    )


def _decode(
    dataset: Path,
    camera: str,
    size: tuple[int, int],
    table: dict[str, list[Any]],
    episodes: list[Episode],
    cache: Path,
) -> np.ndarray:
    """Decode one camera, resized, into a file mapped to memory; done once per job."""
    key = f"observation.images.{camera}"
    shape = (episodes[-1].stop, *size, 3)
    path = cache / f"{camera}-{shape[0]}x{size[0]}x{size[1]}.u8"
    if path.exists():
        return np.memmap(path, np.uint8, "r", shape=shape)
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:  # a full disk is an error here, and a crash later
        os.posix_fallocate(file.fileno(), 0, int(np.prod(shape)))
    pictures = np.memmap(partial, np.uint8, "r+", shape=shape)
    by_file: dict[tuple[int, int], list[Episode]] = {}
    for episode in episodes:
        place = tuple(
            int(table[f"videos/{key}/{part}_index"][episode.index]) for part in ("chunk", "file")
        )
        by_file.setdefault((place[0], place[1]), []).append(episode)
    for (chunk, number), inside in tqdm(by_file.items(), desc=camera, unit="file"):
        video = dataset / f"videos/{key}/chunk-{chunk:03d}/file-{number:03d}.mp4"
        starts = [float(table[f"videos/{key}/from_timestamp"][e.index]) for e in inside]
        _decode_file(video, inside, starts, pictures)
    pictures.flush()
    partial.rename(path)
    return np.memmap(path, np.uint8, "r", shape=shape)


def _decode_file(
    video: Path, episodes: list[Episode], starts: list[float], pictures: np.ndarray
) -> None:
    size = pictures.shape[1:3]
    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 0)
            firsts = [round(start * rate) for start in starts]
            wanted = {
                first + i: episode.start + i
                for episode, first in zip(episodes, firsts, strict=True)
                for i in range(episode.stop - episode.start)
            }
            for number, frame in enumerate(container.decode(stream)):
                row = wanted.pop(number, None)
                if row is not None:
                    pictures[row] = resize(frame.to_ndarray(format="rgb24"), (size[0], size[1]))
    except (OSError, av.FFmpegError, IndexError) as error:
        raise ValueError(f"The video cannot be read ({error}): {video}") from error
    if wanted:
        short = min(wanted.values())
        episode = next(e for e in episodes if e.start <= short < e.stop)
        raise ValueError(
            f"Episode {episode.index} has {episode.stop - episode.start} rows and its video ends "
            f"{len(wanted)} frames early: {video}"
        )
