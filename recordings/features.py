"""The columns of a dataset, said three ways: info.json, Arrow, and Hugging Face's metadata."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from hardware.embodiment import Embodiment
from recordings.codec import AV1, DEPTH, H264, Codec, FilmFormat
from recordings.layout import IMAGE_PREFIX

Features = dict[str, dict[str, Any]]

STATE = "observation.state"
ACTION = "action"
TIME = "time"
LATE = "late"
SENT = "sent"
WANTED = "wanted"
INTERVENTION = "intervention"
VELOCITY, EFFORT = "velocity", "effort"
MOTION = (VELOCITY, EFFORT)
"""Columns of datasets whose first episode was recorded from arms that measure them."""
CAPTURE_PREFIX = "capture_time."
DEPTH_SUFFIX = "_depth"
"""Of the films of depth, after the camera's name."""
ARROW = {
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
}
"""Types of the columns that are numbers."""

ADDED_LATER = (WANTED, INTERVENTION)
"""Columns that our older datasets lack, and are continued without."""

INDEX_COLUMNS = ("timestamp", "frame_index", "episode_index", "index", "task_index")


def numbers(dtype: str, names: list[str] | None = None) -> dict[str, Any]:
    """Return the feature of a vector with a number per name, or of a single number."""
    return {"dtype": dtype, "shape": [len(names) if names else 1], "names": names}


def film_feature(height: int, width: int, fps: int, codec: Codec = H264) -> dict[str, Any]:
    """Return the feature of a camera as `VideoWriter` writes its films; sizes in pixels.

    Raises `ValueError` for a size that H.264 has not.
    """
    depth = codec is DEPTH
    if height % 2 or width % 2:
        raise ValueError(
            f"H.264 needs pictures of even height and width, got {height}x{width}. "
            "Change the size of the pictures."
        )
    return {
        "dtype": "video",
        "shape": [height, width, 1 if depth else 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": height,
            "video.width": width,
            "video.codec": codec.stored_as,
            "video.pix_fmt": codec.pixels if depth else "yuv420p",
            "video.is_depth_map": depth,
            "video.fps": fps,
            "video.channels": 1 if depth else 3,
            "has_audio": False,
        },
    }


def features_of(embodiment: Embodiment, fps: int, films: FilmFormat | None = None) -> Features:
    """Return the features of a dataset of this body, as info.json has them.

    Beside LeRobot's own: `wanted` (what the driver asked for, of which `action` is what the
    safety gate let through; the same where nobody asked), `time` (seconds since the first row,
    measured, where `timestamp` is frame_index / fps), `late` (seconds after its deadline that the
    control tick began), `sent` (1 if `action` was sent at this tick, 0 if it repeats the last one
    sent), `intervention` (1 while a person drives who took over from a policy, else 0) and, per
    camera, `capture_time.NAME` (when the picture was taken, on the clock of `time`). `with_motion`
    adds what only some arms measure. Their names keep clear of `observation` and `action`, which
    LeRobot's policies would read as inputs.
    """
    features = {
        STATE: numbers("float32", [c.name for c in embodiment.state_channels]),
        ACTION: numbers("float32", [c.name for c in embodiment.action_channels]),
    }
    films = films or FilmFormat()
    for camera in embodiment.cameras:
        size = camera.height, camera.width
        features[IMAGE_PREFIX + camera.name] = film_feature(*size, fps, films.codec)
        if camera.name in films.depth:
            features[depth_key(camera.name)] = film_feature(*size, fps, DEPTH)
    taken = (CAPTURE_PREFIX + name for name in embodiment.camera_names)
    features[WANTED] = numbers("float32", [c.name for c in embodiment.action_channels])
    for name in (TIME, LATE, SENT, INTERVENTION, *taken):
        features[name] = numbers("float32")
    features["timestamp"] = numbers("float32")
    for name in INDEX_COLUMNS[1:]:
        features[name] = numbers("int64")
    return features


def with_motion(features: Features, measured: Collection[str]) -> Features:
    """Return `features` with those columns of `MOTION` that are in `measured`, and no others.

    One number for each joint of the state, as `hardware.interfaces.JointMotion` has them.
    """
    others = {name: feature for name, feature in features.items() if name not in MOTION}
    joints = features[STATE]["names"]
    return others | {name: numbers("float32", joints) for name in MOTION if name in measured}


def depth_key(camera: str) -> str:
    """Return the name of the feature that holds what a camera measured of distances."""
    return f"{IMAGE_PREFIX}{camera}{DEPTH_SUFFIX}"


def is_depth(feature: Mapping[str, Any]) -> bool:
    """Whether a feature is a film of depth: 16 bits a pixel, millimetres."""
    info = feature.get("info") or {}
    return bool(info.get("video.is_depth_map") or info.get("is_depth_map"))


def depth_films(features: Features) -> list[str]:
    """Return the names of the features that are films of depth, in order."""
    return [name for name in film_keys(features) if is_depth(features[name])]


def films_of(features: Features) -> FilmFormat:
    """Return how the films of a dataset with these features were made, and shall be continued."""
    stored = {f["info"].get("video.codec") for f in features.values() if _is_colour_film(f)}
    codec = next((c for c in (H264, AV1) if c.stored_as in stored), H264)
    depth = tuple(
        name.removeprefix(IMAGE_PREFIX).removesuffix(DEPTH_SUFFIX) for name in depth_films(features)
    )
    return FilmFormat(codec, depth)


def _is_colour_film(feature: Mapping[str, Any]) -> bool:
    return feature["dtype"] == "video" and not is_depth(feature) and bool(feature.get("info"))


def stored_in_table(features: Features) -> Features:
    """Return the features that are columns; pictures lie in films."""
    return {name: f for name, f in features.items() if f["dtype"] not in ("video", "image")}


def film_keys(features: Features) -> list[str]:
    """Return the names of the features that are films."""
    return [name for name, feature in features.items() if feature["dtype"] == "video"]


def counted_features(features: Features) -> list[str]:
    """Return the features that have statistics: all but words."""
    return [name for name, feature in features.items() if feature["dtype"] != "string"]


def arrow_schema(features: Features) -> pa.Schema:
    """Return the schema of the data files, with the metadata that `datasets` looks for."""
    fields, described = [], {}
    for name, feature in stored_in_table(features).items():
        length = feature["shape"][0]
        value = {"dtype": feature["dtype"], "_type": "Value"}
        number = ARROW[feature["dtype"]]
        fields.append((name, number if length == 1 else pa.list_(number, length)))
        described[name] = (
            value if length == 1 else {"feature": value, "length": length, "_type": "List"}
        )
    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    return pa.schema(fields, metadata=metadata)


def as_table(columns: Mapping[str, np.ndarray], schema: pa.Schema) -> pa.Table:
    """Return `columns` (rows,) or (rows, length) as a table of `schema`."""
    arrays = []
    for field in schema:
        values = columns[field.name]
        if pa.types.is_fixed_size_list(field.type):
            flat = pa.array(values.reshape(-1), field.type.value_type)
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, type=field.type))
        else:
            arrays.append(pa.array(values.reshape(-1), field.type))
    return pa.table(arrays, schema=schema)


def as_arrays(table: pa.Table) -> dict[str, np.ndarray]:
    """Return the columns of `table` as arrays, (rows,) or (rows, length)."""
    columns = {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        if pa.types.is_fixed_size_list(column.type):
            flat = column.flatten().to_numpy(zero_copy_only=False)
            columns[name] = flat.reshape(len(column), column.type.list_size)
        elif pa.types.is_list(column.type) and len(set(column.value_lengths().to_pylist())) == 1:
            flat = column.flatten().to_numpy(zero_copy_only=False)  # as LeRobot's converter writes
            columns[name] = flat.reshape(len(column), -1)
        else:
            columns[name] = column.to_numpy(zero_copy_only=False)
    return columns
