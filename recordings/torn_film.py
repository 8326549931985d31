"""What is left of a film whose program was killed: its whole frames, as an ordinary film."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from recordings.disk import flush

Film = Path | io.BytesIO


def whole_frames(film: Film, fps: int) -> int:
    """Return how many frames from the first on can be read; 0 when there is no film in it.

    Raises `OSError` when there is a file and it cannot be opened: that says nothing of the film.
    """
    if isinstance(film, Path):
        if not film.exists():
            return 0
        with film.open("rb"):
            pass
    return sum(1 for _ in _packets(film, fps))


def remux(film: Film, target: Path, fps: int, *, count: int, first: int = 0) -> None:
    """Write frames `first` to `first + count` of `film` to `target`, as they are encoded.

    `first` counts in the film's own time and must be a key frame: what was before it may be gone.
    Raises `ValueError` when some of them are not there.
    """
    with av.open(_name(film)) as source, av.open(str(target), "w", format="mp4") as whole:
        taken, stream = source.streams.video[0], None
        numbers = set[int]()
        for number, packet in _numbered(source, fps):
            if not first <= number < first + count:
                continue
            if stream is None:
                stream = whole.add_stream_from_template(taken, opaque=True)
            offset = round(first / (fps * packet.time_base))
            packet.pts -= offset
            packet.dts -= offset
            packet.stream = stream
            whole.mux(packet)
            numbers.add(number - first)
        if numbers != set(range(count)):
            raise ValueError(f"Expected {count} frames from {first} on, got {len(numbers)}.")
    flush(target)


def _packets(film: Film, fps: int) -> Iterator[int]:
    try:
        with av.open(_name(film)) as source:
            for expected, (number, _) in enumerate(_numbered(source, fps)):
                if number != expected:
                    return
                yield number
    except (OSError, IndexError, av.error.FFmpegError):
        return


def _numbered(source: Any, fps: int) -> Iterator[tuple[int, Any]]:  # noqa: ANN401 - PyAV has no types
    """Yield every whole packet with the number of its frame; ends where the file is torn."""
    decoder = source.streams.video[0]
    try:
        for packet in source.demux(decoder):
            if packet.pts is None or packet.is_corrupt:
                return
            yield round(packet.pts * packet.time_base * Fraction(fps)), packet
    except (OSError, av.error.FFmpegError):
        return


def _name(film: Film) -> Any:  # noqa: ANN401
    return str(film) if isinstance(film, Path) else film
