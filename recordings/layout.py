"""Where the parts of a LeRobotDataset v3.0 lie in its folder. Names, and info.json, no more."""

from pathlib import Path
from typing import Any

from recordings.disk import parse_object
from recordings.info_rules import problems_of_info

CODEBASE_VERSION = "v3.0"
CHUNKS_SIZE = 1000
"""Files per chunk folder."""
DATA_FILES_MB = 100
VIDEO_FILES_MB = 200
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

INFO = Path("meta/info.json")
STATS = Path("meta/stats.json")
TASKS = Path("meta/tasks.parquet")
EMBODIMENT = Path("meta/embodiment.json")
QUALITY = Path("meta/quality.jsonl")
"""Ours: one line per saved episode; of two for the same episode the last counts."""
GENERATION = Path("meta/generation.json")
"""Ours: the recipe of a generated dataset, so that a later run continues the same one."""
OPEN = Path(".open")
"""Ours: pictures of the episode being recorded; nothing that outlives it."""
LOCK = Path(".lock")

REQUIRED = ("total_episodes", "total_frames", "fps", "features", "data_path")
"""Of info.json: what nothing can be read without."""

IMAGE_PREFIX = "observation.images."


def place(number: int) -> dict[str, int]:
    """Return the chunk and file index of the `number`-th file of a kind."""
    return {"chunk_index": number // CHUNKS_SIZE, "file_index": number % CHUNKS_SIZE}


def number_of(chunk_index: int, file_index: int) -> int:
    """Return the running number of a file; the other way of `place`."""
    return chunk_index * CHUNKS_SIZE + file_index


def data_file(number: int) -> Path:
    """Return the path of the `number`-th data file."""
    return Path(DATA_PATH.format(**place(number)))


def episodes_file(number: int) -> Path:
    """Return the path of the `number`-th episode table."""
    return Path(EPISODES_PATH.format(**place(number)))


def video_file(video_key: str, number: int) -> Path:
    """Return the path of the `number`-th film of a camera."""
    return Path(VIDEO_PATH.format(video_key=video_key, **place(number)))


def new_info(robot_type: str, fps: int, features: dict[str, Any]) -> dict[str, Any]:
    """Return info.json of a dataset with no episodes, in LeRobot's order."""
    return {
        "codebase_version": CODEBASE_VERSION,
        "robot_type": robot_type,
        "total_episodes": 0,
        "total_frames": 0,
        "total_tasks": 0,
        "chunks_size": CHUNKS_SIZE,
        "data_files_size_in_mb": DATA_FILES_MB,
        "video_files_size_in_mb": VIDEO_FILES_MB,
        "fps": fps,
        "splits": {"train": "0:0"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": features,
    }


def read_info(folder: Path) -> dict[str, Any]:
    """Read info.json. Raises `ValueError` when `folder` is not a LeRobotDataset v3.0."""
    path = folder / INFO
    try:
        info = parse_object(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"Not a dataset: there is no {INFO} to read ({error.strerror}). Folder: {folder}"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{INFO} is not JSON ({error}). Run: python -m recordings.repair {folder}"
        ) from error
    if info.get("codebase_version") != CODEBASE_VERSION:
        raise ValueError(
            f"Expected a LeRobotDataset {CODEBASE_VERSION}, got "
            f"{info.get('codebase_version')!r}. Convert it with LeRobot first. Folder: {folder}"
        )
    lacking = [name for name in REQUIRED if name not in info]
    if lacking:
        raise ValueError(f"{INFO} lacks {lacking}. Run: python -m recordings.repair {folder}")
    wrong = list(problems_of_info(info))
    if wrong:
        raise ValueError(
            f"{INFO} cannot be used: {'; '.join(wrong[:3])}. "
            f"Run: python -m recordings.repair {folder}"
        )
    return info
