"""Arrays as openpi's websocket protocol packs them: msgpack with byte keys."""

from typing import Any

import msgpack
import numpy as np

MALFORMED = (
    *(ValueError, TypeError, KeyError, AttributeError, OverflowError, SyntaxError),
    msgpack.UnpackException,
)
"""What msgpack and numpy raise for bytes, dtypes and shapes that make no sense."""


def _encode(value: Any) -> Any:  # noqa: ANN401 - whatever msgpack cannot pack itself
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "VOc":
            raise ValueError(f"Arrays of dtype {value.dtype} cannot be sent.")
        return {
            b"__ndarray__": True,
            b"data": np.ascontiguousarray(value).tobytes(),
            b"dtype": value.dtype.str,
            b"shape": value.shape,
        }
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise ValueError(f"{type(value).__name__} cannot be sent.")


def _decode(fields: dict[Any, Any]) -> Any:  # noqa: ANN401 - whatever was packed
    if b"__ndarray__" in fields:
        dtype = np.dtype(fields[b"dtype"])
        if dtype.kind in "VOc":
            raise ValueError(f"Arrays of dtype {dtype} are refused.")
        return np.frombuffer(fields[b"data"], dtype).reshape(fields[b"shape"])
    if b"__npgeneric__" in fields:
        return np.dtype(fields[b"dtype"]).type(fields[b"data"])
    return fields


def pack(message: dict[str, Any]) -> bytes:
    """One binary frame. Raises `ValueError` for what the protocol cannot carry."""
    return bytes(msgpack.packb(message, default=_encode))


def unpack(frame: bytes) -> dict[str, Any]:
    """The message in a binary frame. Raises `ValueError` when it is not one."""
    try:
        message = msgpack.unpackb(frame, object_hook=_decode, strict_map_key=False)
    except MALFORMED as error:
        raise ValueError(f"Not a message of the policy protocol: {error}.") from error
    if isinstance(message, dict):
        return message
    raise ValueError(f"Expected a dictionary, got {type(message).__name__}.")
