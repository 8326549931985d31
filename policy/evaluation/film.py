"""A film of one attempt, for people: frames are kept until it is known whether they are wanted."""

from fractions import Fraction
from pathlib import Path

import av

from hardware.interfaces import Image

CODEC = "libx264"
PIXELS = "yuv420p"


class Film:
    """Frames at a steady rate of the attempt's own time.

    The environment asks `due` after every control tick and `add`s a picture when one is; it
    chooses the camera. Drawing for a film must not change the attempt.
    """

    def __init__(self, *, fps: int = 10, height: int = 240, width: int = 320) -> None:
        self.fps, self.height, self.width = fps, height, width
        self._frames: list[Image] = []

    def __len__(self) -> int:
        return len(self._frames)

    def due(self, secs: float) -> bool:
        """Whether a picture of `secs` after the beginning is wanted."""
        return secs * self.fps + 1e-6 >= len(self._frames)

    def add(self, image: Image) -> None:
        """Keep the next picture, shape (height, width, 3). Raises `ValueError` for another."""
        if image.shape != (self.height, self.width, 3):
            raise ValueError(
                f"The film takes pictures of {self.height}x{self.width}, got {image.shape}."
            )
        self._frames.append(image)

    def save(self, path: Path) -> None:
        """Write an mp4 that any browser plays. Raises `ValueError` if nothing was filmed."""
        if not self._frames:
            raise ValueError(f"Nothing was filmed. Film: {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")  # a film with its own name is whole
        with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream(CODEC, rate=self.fps, options={"crf": "23"})
            stream.height, stream.width, stream.pix_fmt = self.height, self.width, PIXELS
            stream.codec_context.thread_count = 1
            for number, image in enumerate(self._frames):
                picture = av.VideoFrame.from_ndarray(image, format="rgb24")
                picture.pts, picture.time_base = number, Fraction(1, self.fps)
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
        part.replace(path)
