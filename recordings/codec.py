"""Which encoders films can be made with, and whether this machine has them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np


@dataclass(frozen=True, slots=True)
class Codec:
    """One way of encoding a film."""

    name: str
    """By which people choose it."""
    encoder: str
    """FFmpeg's name of the encoder."""
    stored_as: str
    """What the film is then, whichever encoder made it; info.json says it."""
    pixels: str
    """Layout of the encoded pixels."""
    options: Mapping[str, str]
    """A key frame every other frame: what training reads is a random frame, not a film."""
    device: str
    """What must be in the machine; empty when any processor will do."""
    kb_per_frame: float
    """Of a 480x640 picture of a table with arms, to say how long a disk lasts."""


H264 = Codec(
    "h264",
    "libx264",
    "h264",
    "yuv420p",
    {"preset": "ultrafast", "crf": "20", "g": "2", "bf": "0", "threads": "1"},
    "",
    16.0,
)
AV1 = Codec(
    "av1",
    "libsvtav1",
    "av1",
    "yuv420p",
    {"preset": "10", "crf": "30", "g": "2", "svtav1-params": "lp=1"},
    "",
    11.0,
)
DEPTH = Codec(
    "ffv1",
    "ffv1",
    "ffv1",
    "gray16le",
    {"level": "3", "g": "1", "slices": "4", "threads": "1"},
    "",
    150.0,
)
"""16 bits a pixel, to the last bit (docs/decisions/0024)."""


@dataclass(frozen=True, slots=True)
class FilmFormat:
    """How the films of a dataset are made."""

    codec: Codec = H264
    depth: tuple[str, ...] = ()
    """Cameras whose depth is recorded too."""


NVENC = {"preset": "p4", "rc": "constqp", "qp": "22", "g": "2", "bf": "0"}

CODECS = {
    codec.name: codec
    for codec in (
        H264,
        AV1,
        Codec("h264_nvenc", "h264_nvenc", "h264", "yuv420p", NVENC, "an NVIDIA GPU", 16.0),
        Codec("av1_nvenc", "av1_nvenc", "av1", "yuv420p", NVENC, "an NVIDIA GPU of Ada", 11.0),
        Codec(
            "h264_qsv",
            "h264_qsv",
            "h264",
            "nv12",
            {"preset": "veryfast", "global_quality": "22", "g": "2", "bf": "0"},
            "an Intel GPU",
            16.0,
        ),
        Codec(
            "h264_v4l2m2m",
            "h264_v4l2m2m",
            "h264",
            "yuv420p",
            {"b": "8M", "g": "2"},
            "the encoder of a board such as the Raspberry Pi 4",
            16.0,
        ),
        Codec(
            "h264_videotoolbox",
            "h264_videotoolbox",
            "h264",
            "yuv420p",
            {"q": "65", "g": "2", "bf": "0"},
            "a Mac",
            16.0,
        ),
    )
}
"""Those for colour, by name. Depth has one of its own."""


def codec_named(name: str) -> Codec:
    """Return a codec of `CODECS`. Raises `ValueError` naming them."""
    if name not in CODECS:
        raise ValueError(f"Expected one of the codecs {sorted(CODECS)}, got {name!r}.")
    return CODECS[name]


def add_stream(container: Any, codec: Codec, fps: int, size: tuple[int, int]) -> Any:  # noqa: ANN401
    """Add a film of `size`, height and width, to an output of PyAV."""
    os.environ.setdefault("SVT_LOG", "1")  # errors only; it greets on every film otherwise
    stream = container.add_stream(codec.encoder, rate=fps, options=dict(codec.options))
    stream.height, stream.width = size
    stream.pix_fmt = codec.pixels
    return stream


def require_usable(codec: Codec, size: tuple[int, int]) -> None:
    """Encode one picture of `size`, height and width.

    Raises `ValueError` when the encoder is not in this build, or what it needs is not in this
    machine: at the start, not in the first episode.
    """
    reason = why_unusable(codec, size)
    if reason:
        needed = f" It needs {codec.device}." if codec.device else ""
        raise ValueError(
            f"This machine cannot encode films as {codec.name!r}: {reason}.{needed} "
            f"Choose one of {usable(size)}."
        )


def usable(size: tuple[int, int]) -> list[str]:
    """Return the names of the codecs that this machine can use, for pictures of `size`."""
    return [name for name, codec in CODECS.items() if not why_unusable(codec, size)]


def why_unusable(codec: Codec, size: tuple[int, int]) -> str:
    """Return why one picture of `size`, height and width, cannot be encoded; empty if it can."""
    if codec.encoder not in av.codecs_available:
        return "this build of FFmpeg has no such encoder"
    os.environ.setdefault("SVT_LOG", "1")
    encoder = av.CodecContext.create(codec.encoder, "w")
    encoder.height, encoder.width = size
    encoder.pix_fmt = codec.pixels
    encoder.framerate, encoder.time_base = Fraction(30), Fraction(1, 30)
    encoder.options = dict(codec.options)
    blank = av.VideoFrame.from_ndarray(np.zeros((*size, 3), np.uint8), format="rgb24")
    picture = blank.reformat(format=codec.pixels)
    picture.pts, picture.time_base = 0, Fraction(1, 30)
    try:
        packets = [*encoder.encode(picture), *encoder.encode()]
    except (ValueError, OSError, av.error.FFmpegError) as error:
        return str(getattr(error, "strerror", None) or error)
    return "" if packets else "it gave nothing"
