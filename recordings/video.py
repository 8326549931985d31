"""Films written: one camera of one episode, encoded while it is recorded."""

import logging
from collections import deque
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import av
import numpy as np
from jaxtyping import UInt16

from hardware.interfaces import Depth
from recordings.codec import H264, Codec
from recordings.disk import RecordingError
from recordings.film_file import DiskSink, FilmFile, Sink
from recordings.statistics import DEPTH_LEVELS, PictureStatistics, Statistics

logger = logging.getLogger(__name__)

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
        self,
        path: Path,
        fps: int,
        shape: tuple[int, int, int],
        encoder: Executor,
        codec: Codec = H264,
    ) -> None:
        self.path = path
        self.dropped = 0
        self.failure: RecordingError | None = None
        """What the encoder died of, if it did."""
        self._fps = fps
        self._shape = shape if shape[2] == 3 else shape[:2]
        self._encoder = encoder
        self._codec = codec
        self._pending: deque[Future[None]] = deque()
        picture_bytes = int(np.prod(shape)) if shape[2] == 3 else 2 * int(np.prod(shape))
        self._limit = max(4, WAITING_BYTES // picture_bytes)
        self._abandoned = False
        self._picture: Any = None
        self._statistics = self.statistics(256 if shape[2] == 3 else DEPTH_LEVELS)
        self._file: FilmFile | None = None

    def add(self, row: int, image: np.ndarray, *, wait: bool = False) -> bool:
        """Give the picture of row `row`; rows may be left out, the last picture fills them.

        It is RGB, (height, width, 3), or depth, (height, width): float32 metres or 16-bit
        millimetres.

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

    def statistics(self, levels: int) -> PictureStatistics:
        """Return what counts the pictures."""
        return PictureStatistics(levels)

    def finish(self, rows: int) -> Future[Statistics]:
        """Complete the film at `rows` frames; the future holds its statistics."""
        return self._encoder.submit(self._close, rows)

    def abandon(self) -> Future[None]:
        """Stop encoding and remove the file; the future is done when nothing holds it."""
        self._abandoned = True
        return self._encoder.submit(self._remove)

    def leave(self) -> Future[None]:
        """Complete the file as far as it got; the future is done when nothing holds it."""
        return self._encoder.submit(self._leave)

    def _look_for_failure(self) -> None:
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()

    def _encode(self, row: int, image: np.ndarray) -> None:
        if self._abandoned:
            return
        if image.dtype == np.float32:
            image = millimetres(image)
        try:
            file = self._opened()
            self._fill(file, row)
            self._picture = file.picture(image)
            file.add(self._picture)
        except Exception as error:  # whatever kills an encoder, the control thread goes on
            self.failure = RecordingError(f"Encoding failed: {error}.")
            raise self.failure from error
        if row % max(1, self._fps // SAMPLES_PER_SEC) == 0:
            self._statistics.add(image)

    def _opened(self) -> FilmFile:
        if self._file is None:
            height, width = self._shape[:2]
            self._file = FilmFile(self.sink(), self._codec, self._fps, (height, width))
        return self._file

    def sink(self) -> Sink:
        """Return where the film goes: to the disk, unless it is another kind of film."""
        return DiskSink(self.path)

    def _fill(self, file: FilmFile, row: int) -> None:
        if self._picture is None and file.num_frames < row:
            kind = np.uint8 if len(self._shape) == 3 else np.uint16
            self._picture = file.picture(np.zeros(self._shape, kind))  # nothing was seen yet
        while file.num_frames < row:
            file.add(self._picture)

    def _close(self, rows: int) -> Statistics:
        while self._pending:
            self._pending.popleft().result()
        try:
            file = self._opened()
            self._fill(file, rows)
            file.close()
            self.complete(rows)
        except RecordingError:
            raise
        except Exception as error:
            raise RecordingError(f"A film was not completed: {error}. Film: {self.path}") from error
        return self._statistics.result()

    def complete(self, rows: int) -> None:
        """Look whether the closed film is all there. Called by the encoder's worker."""
        with av.open(str(self.path)) as film:
            frames = film.streams.video[0].frames
        if frames != rows:
            raise RecordingError(f"Wrote {rows} frames, found {frames}. Film: {self.path}")

    def _leave(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        except (OSError, ValueError, av.error.FFmpegError):
            logger.warning("A film is left as far as it got: %s", self.path, exc_info=True)
            self._drop()

    def _remove(self) -> None:
        self._drop()
        self.path.unlink(missing_ok=True)

    def _drop(self) -> None:
        try:
            if self._file is not None:
                self._file.drop()
        except (OSError, av.error.FFmpegError):
            logger.info("A film could not be closed.", exc_info=True)


def millimetres(depth: Depth) -> UInt16[np.ndarray, "height width"]:
    """Return depth in metres as 16-bit millimetres; 0 where nothing was measured."""
    whole: UInt16[np.ndarray, "height width"] = np.clip(
        np.rint(np.nan_to_num(depth) * 1000), 0, 65535
    ).astype(np.uint16)
    return whole
