"""How much disk a recording takes, said before it is made."""

from dataclasses import dataclass

from hardware.embodiment import Embodiment
from recordings.codec import DEPTH, FilmFormat
from recordings.features import features_of, stored_in_table

KNOWN_PIXELS = 480 * 640
"""Of the pictures that `Codec.kb_per_frame` was measured with."""


@dataclass(frozen=True, slots=True)
class ExpectedSize:
    """What recording costs."""

    bytes_per_sec: float
    """About: films of a still scene take half, of noise three times as much."""

    def secs_in(self, free_bytes: int, floor_bytes: int) -> float:
        """Return how long can be recorded until only the floor is free."""
        return max(0.0, (free_bytes - floor_bytes) / self.bytes_per_sec)


def expected_size(embodiment: Embodiment, fps: int, films: FilmFormat) -> ExpectedSize:
    """Return what recording this body costs, from what films of a table with arms took."""
    per_row = 0.0
    for camera in embodiment.cameras:
        share = camera.height * camera.width / KNOWN_PIXELS
        per_row += films.codec.kb_per_frame * 1024 * share
        if camera.name in films.depth:
            per_row += DEPTH.kb_per_frame * 1024 * share
    columns = stored_in_table(features_of(embodiment, fps, films)).values()
    per_row += sum(4 * feature["shape"][0] for feature in columns)
    return ExpectedSize(per_row * fps)
