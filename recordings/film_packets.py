"""Encoded frames taken out of a film, each by itself and as a player of streams wants them."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.bitstream import BitStreamFilterContext

ANNEX_B = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
"""Codecs whose frames a film file keeps otherwise than a stream does, and what turns them."""
FORMATS = {"h264": "h264", "hevc": "h265", "av1": "av1", "libdav1d": "av1", "vp9": "vp9"}
"""Names of codecs, as FFmpeg has them, in Foxglove's words."""


@dataclass(frozen=True, slots=True)
class Packets:
    """Frames in the order in which they are shown, the first of them a key frame."""

    codec: str
    """In Foxglove's words: h264, h265, av1 or vp9."""
    frames: list[bytes]


def packets_of(film: Path, span: tuple[int, int]) -> Packets | None:
    """Return `span`, first frame and number of frames, of `film`, as they are encoded.

    None when they cannot stand by themselves: the first is no key frame, some are shown in
    another order than they are decoded, or the codec is none of streams. Raises `ValueError` when
    the film is torn or has no such frames.
    """
    try:
        with av.open(str(film)) as container:
            return _packets(container, span, film)
    except (OSError, IndexError, av.error.FFmpegError) as error:
        raise ValueError(f"Cannot read a film: {error}. File: {film}") from error


def _packets(container: Any, span: tuple[int, int], film: Path) -> Packets | None:  # noqa: ANN401
    stream = container.streams.video[0]
    codec = str(stream.codec_context.name)
    first, count = span
    if codec not in FORMATS:
        return None
    found = _demuxed(container, stream, first, first + count)
    if not found or not found[0].is_keyframe:
        return None
    if [_number(p, stream) for p in found] != list(range(first, first + count)):
        if len(found) != count:
            raise ValueError(
                f"Expected frames {first} to {first + count - 1}, got {len(found)} of them. "
                f"File: {film}"
            )
        return None
    if codec in ANNEX_B:
        turn = BitStreamFilterContext(ANNEX_B[codec], stream)
        found = [turned for packet in [*found, None] for turned in turn.filter(packet)]
    return Packets(FORMATS[codec], [bytes(packet) for packet in found])


def _demuxed(container: Any, stream: Any, first: int, stop: int) -> list[Any]:  # noqa: ANN401
    """Return the packets of frames `first` to `stop`, in the order in which they are decoded."""
    rate = Fraction(stream.average_rate)
    container.seek(round(first / rate / stream.time_base), stream=stream, backward=True)
    found = []
    for packet in container.demux(stream):
        if packet.pts is None:
            continue
        number = _number(packet, stream)
        if first <= number < stop:
            found.append(packet)
        if number >= stop and packet.is_keyframe:
            break
    return found


def _number(packet: Any, stream: Any) -> int:  # noqa: ANN401
    number: int = round(packet.pts * packet.time_base * Fraction(stream.average_rate))
    return number
