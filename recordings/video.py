"""Films written: one camera of one episode, encoded while it is recorded."""

import logging
from collections import deque
from concurrent.futures import Executor, Future
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from hardware.interfaces import Image
from recordings.disk import RecordingError, flush
from recordings.statistics import PictureStatistics, Statistics

logger = logging.getLogger(__name__)

CODEC = "libx264"
PIXELS = "yuv420p"
OPTIONS = {"preset": "ultrafast", "crf": "20", "g": "2", "bf": "0", "threads": "1"}
"""A key frame every other frame: what training reads is a random frame, not a film."""

WAITING_BYTES = 96 * 2**20
"""Pictures of one camera that may wait for its encoder."""
SAMPLES_PER_SEC = 10
"""Pictures a second that are counted in the statistics."""


class VideoWriter:
    """Encodes one camera of one episode in an executor of one worker.

    `add` never waits, unless asked to: a picture that finds too many before it is counted in
    `dropped` and the one before it stands in its place, so that frame i of the film stays row i.
    """

    def __init__(
        self, path: Path, fps: int, shape: tuple[int, int, int], encoder: Executor
    ) -> None:
        self.path = path
        self.dropped = 0
        self.failure: RecordingError | None = None
        """What the encoder died of, if it did."""
        self._fps = fps
        self._shape = shape
        self._encoder = encoder
        self._pending: deque[Future[None]] = deque()
        self._limit = max(4, WAITING_BYTES // int(np.prod(shape)))
        self._abandoned = False
        self._next = 0
        self._picture: Any = None
        self._statistics = PictureStatistics()
        self._container: Any = None
        self._stream: Any = None

    def add(self, row: int, image: Image, *, wait: bool = False) -> bool:
        """Give the picture of row `row`; rows may be left out, the last picture fills them.

        Returns False if the picture was dropped. With `wait` it never is: the caller waits.
        Raises `RecordingError` if the encoder has failed.
        """
        if image.shape != self._shape:
            raise RecordingError(
                f"Expected pictures of {self._shape} (height, width, colours), got {image.shape}. "
                f"Film: {self.path.stem}"
            )
        self._look_for_failure()
        while wait and len(self._pending) >= self._limit:
            self._pending.popleft().result()
        if len(self._pending) >= self._limit:
            self.dropped += 1
            return False
        self._pending.append(self._encoder.submit(self._encode, row, image))
        return True

    def finish(self, rows: int) -> Future[Statistics]:
        """Complete the film at `rows` frames; the future holds its statistics."""
        return self._encoder.submit(self._close, rows)

    def abandon(self) -> Future[None]:
        """Stop encoding and remove the file; the future is done when nothing holds it."""
        self._abandoned = True
        return self._encoder.submit(self._remove)

    def _look_for_failure(self) -> None:
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()

    def _encode(self, row: int, image: Image) -> None:
        if self._abandoned:
            return
        try:
            if self._container is None:
                self._open()
            self._fill(row)
            self._picture = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format=PIXELS
            )
            self._write_picture()
        except (OSError, ValueError, av.error.FFmpegError) as error:
            self.failure = RecordingError(f"Encoding failed: {error}.")
            raise self.failure from error
        if row % max(1, self._fps // SAMPLES_PER_SEC) == 0:
            self._statistics.add(image)

    def _open(self) -> None:
        height, width, _ = self._shape
        self._container = av.open(str(self.path), "w", format="mp4")
        self._stream = self._container.add_stream(CODEC, rate=self._fps, options=dict(OPTIONS))
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = PIXELS

    def _fill(self, row: int) -> None:
        while self._next < row:
            self._write_picture()

    def _write_picture(self) -> None:
        self._picture.pts = self._next
        self._picture.time_base = Fraction(1, self._fps)
        self._next += 1
        self._container.mux(self._stream.encode(self._picture))

    def _close(self, rows: int) -> Statistics:
        while self._pending:
            self._pending.popleft().result()
        try:
            self._fill(rows)
            self._container.mux(self._stream.encode())
            self._container.close()
            flush(self.path)
            self._verify(rows)
        except (OSError, av.error.FFmpegError) as error:
            raise RecordingError(f"A film was not completed: {error}. Film: {self.path}") from error
        return self._statistics.result()

    def _verify(self, rows: int) -> None:
        with av.open(str(self.path)) as film:
            frames = film.streams.video[0].frames
        if frames != rows:
            raise RecordingError(f"Wrote {rows} frames, found {frames}. Film: {self.path}")

    def _remove(self) -> None:
        try:
            if self._container is not None:
                self._container.close()
        except (OSError, av.error.FFmpegError):
            logger.info("A film that is thrown away could not be closed.", exc_info=True)
        finally:
            self.path.unlink(missing_ok=True)
