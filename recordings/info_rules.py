"""What info.json may say: types, sizes, and paths that stay inside the dataset. Reads no file."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

FASTEST = 1000
"""Rows a second."""
LARGEST = 2**53
WIDEST = 2**16
"""Numbers in one direction of a feature."""
INDEX = r"\{(chunk_index|file_index)(:0?[1-9]d)?\}"
DATA_PATH = re.compile(rf"([^{{}}]|{INDEX})+")
VIDEO_PATH = re.compile(rf"([^{{}}]|{INDEX}|\{{video_key\}})+")


def problems_of_info(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield what no reader of the format can work with: expected, and got."""
    fps = info["fps"]
    if not _is_number(fps) or not 0 < fps <= FASTEST:
        yield f"expected fps above 0 and up to {FASTEST}, got {fps!s:.80}"
    for name in ("total_episodes", "total_frames"):
        if not _is_count(info[name]):
            yield f"expected {name} as a whole number from 0 on, got {info[name]!s:.80}"
    features = info["features"]
    if not isinstance(features, dict):
        yield f"expected features as an object, got {features!s:.80}"
        return
    for name, feature in features.items():
        yield from _feature_problems(name, feature)
    yield from _path_problems("data_path", info["data_path"], DATA_PATH)
    if any(isinstance(f, dict) and f.get("dtype") == "video" for f in features.values()):
        yield from _path_problems("video_path", info.get("video_path"), VIDEO_PATH)


def _feature_problems(name: str, feature: object) -> Iterator[str]:
    if not name or set(name) & set("/\\\0{}") or name in (".", ".."):
        yield f"expected the name of a feature without / \\ {{ }}, got {name!r:.80}"
    shape = feature.get("shape") if isinstance(feature, dict) else None
    if (
        not isinstance(feature, dict)
        or not isinstance(feature.get("dtype"), str)
        or not isinstance(shape, list)
        or not all(_is_count(n) and n <= WIDEST for n in shape)
    ):
        yield (
            f"expected {name:.80} with a dtype in words and a shape of whole numbers up to "
            f"{WIDEST}, got {feature!s:.80}"
        )
    elif feature["dtype"] != "string" and not shape:
        yield f"expected a shape of {name:.80}, got none"
    elif not _tells_of_films(feature.get("info")):
        yield f"expected the info of {name:.80} as an object with video.codec in words, got another"


def _tells_of_films(info: object) -> bool:
    """Ours looks for the codec; newer LeRobots tell more, some of it nested."""
    return info is None or (isinstance(info, dict) and isinstance(info.get("video.codec", ""), str))


def _path_problems(key: str, pattern: object, allowed: re.Pattern[str]) -> Iterator[str]:
    inside = (
        isinstance(pattern, str)
        and allowed.fullmatch(pattern)
        and not PurePosixPath(pattern).is_absolute()
        and not set(PurePosixPath(pattern).parts) & {"..", "."}
        and "\0" not in pattern
    )
    if not inside:
        yield (
            f"expected {key} as a path inside the dataset with {{chunk_index:03d}} and "
            f"{{file_index:03d}}, got {pattern!r:.80}"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
