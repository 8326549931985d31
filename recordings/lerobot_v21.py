"""Where the parts of a LeRobotDataset v2.1 lie in its folder: a file per episode and camera."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from recordings import layout
from recordings.codec import DEPTH, H264
from recordings.disk import parse_object, read_lines
from recordings.features import film_feature, is_depth

VERSION = "v2.1"
READABLE = ("v2.0", "v2.1")
"""v2.0 differs in its statistics only, which are counted anew."""
DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"

EPISODES = Path("meta/episodes.jsonl")
EPISODE_STATISTICS = Path("meta/episodes_stats.jsonl")
TASKS = Path("meta/tasks.jsonl")

STATISTICS = ("min", "max", "mean", "std", "count")
"""Of an episode's feature; v3.0 added quantiles."""


def read_older_info(folder: Path) -> dict[str, Any]:
    """Read info.json. Raises `ValueError` when `folder` is no LeRobotDataset v2.0 or v2.1."""
    path = folder / layout.INFO
    try:
        info = parse_object(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"Not a dataset: there is no {layout.INFO} to read ({error.strerror}). Folder: {folder}"
        ) from error
    if info.get("codebase_version") not in READABLE:
        raise ValueError(
            f"Expected a LeRobotDataset of {READABLE}, got {info.get('codebase_version')!r}. "
            f"Folder: {folder}"
        )
    return info


def read_tasks(folder: Path) -> dict[int, str]:
    """Return the words of each task."""
    return {line["task_index"]: line["task"] for line in read_lines(folder / TASKS)}


def data_file(info: Mapping[str, Any], episode: int) -> Path:
    """Return the path of an episode's rows."""
    return Path(info["data_path"].format(**_place(info, episode)))


def video_file(info: Mapping[str, Any], key: str, episode: int) -> Path:
    """Return the path of an episode's film."""
    return Path(info["video_path"].format(video_key=key, **_place(info, episode)))


def _place(info: Mapping[str, Any], episode: int) -> dict[str, int]:
    chunk = episode // int(info.get("chunks_size", layout.CHUNKS_SIZE))
    return {"episode_chunk": chunk, "episode_index": episode}


def older_info(
    info: Mapping[str, Any], num_films: int, encoded_again: Collection[str] = ()
) -> dict[str, Any]:
    """Return info.json of v2.1 for a dataset of which `info` is that of v3.0.

    Films of the features `encoded_again` are described as we write them, even if others of the
    same feature are as they were: v2.1 says it once for all films of a camera.
    """
    episodes = int(info["total_episodes"])
    return {
        "codebase_version": VERSION,
        "robot_type": info.get("robot_type"),
        "total_episodes": episodes,
        "total_frames": info["total_frames"],
        "total_tasks": info["total_tasks"],
        "total_videos": num_films,
        "total_chunks": -(-episodes // layout.CHUNKS_SIZE),
        "chunks_size": layout.CHUNKS_SIZE,
        "fps": info["fps"],
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if num_films else None,
        "features": {
            name: _as_encoded(feature, info["fps"]) if name in encoded_again else feature
            for name, feature in info["features"].items()
        },
    }


def _as_encoded(feature: Mapping[str, Any], fps: int) -> dict[str, Any]:
    """Return the feature of a camera with what is true of the films that we encode."""
    height, width, _ = feature["shape"]
    codec = DEPTH if is_depth(feature) else H264
    return dict(feature) | {"info": film_feature(height, width, fps, codec)["info"]}
