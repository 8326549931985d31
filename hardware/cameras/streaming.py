"""A camera read on its own thread: newest picture at once, stale ones marked, losses mended."""

import logging
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum

from hardware.cameras.source import ImageSource, SourceEndedError, SourceRefusedError
from hardware.interfaces import Clock, Frame, HardwareError

logger = logging.getLogger(__name__)

GRAB_SECS = 0.1
"""How long the reading thread waits for a picture before it looks whether to stop."""

RATE_WINDOW = 60
"""Pictures over which the rate is measured."""


class CameraState(Enum):
    """What a camera does now."""

    CLOSED = "closed"
    OPENING = "opening"
    LIVE = "live"
    STALLED = "stalled"
    """Open, but pictures are overdue."""
    LOST = "lost"
    """Gone; it is tried again and again."""
    ENDED = "ended"
    """A film at its end."""
    FAILED = "failed"
    """Its reading thread died of an error that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """How a camera is doing."""

    state: CameraState
    reason: str
    """Why it is not live, in a sentence; empty if it is."""
    age_secs: float | None
    """Since the newest picture was taken; None before the first."""
    fps: float
    """Pictures per second lately; 0 if fewer than two came."""
    frames: int
    """Pictures since `connect`."""
    gaps: int
    """Times that the next picture came more than one and a half periods after the last."""
    recoveries: int
    """Times that it was lost and came back."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds on the robot's clock."""

    first_picture_secs: float = 8.0
    stale_secs: float | None = None
    """Age from which a picture counts as stale. None: four periods, at least 0.25 s."""
    silence_secs: float = 2.0
    """Open but silent for so long, the camera is closed and opened again."""
    first_retry_secs: float = 0.2
    longest_retry_secs: float = 2.0
    """Waits between attempts double from the first to the longest."""


class StreamingCamera:
    """A `Camera` made of any `ImageSource`.

    After `connect`, `read_latest` never waits and never raises: while the camera is stalled or
    gone it returns the last picture with `stale` set, and the camera comes back by itself.
    """

    def __init__(
        self, name: str, source: ImageSource, clock: Clock, patience: Patience | None = None
    ) -> None:
        self.name = name
        self._source = source
        self._clock = clock
        self._patience = patience or Patience()
        self._stop = threading.Event()
        self._settled = threading.Event()
        self._executor: ThreadPoolExecutor | None = None
        self._reader: Future[None] | None = None
        self._forget()

    def _forget(self) -> None:
        self._newest: Frame | None = None
        self._marked: tuple[Frame, Frame] | None = None
        self._state, self._reason = CameraState.CLOSED, "It was not connected."
        self._refused = False
        self._taken: deque[float] = deque(maxlen=RATE_WINDOW)
        self._frames = self._gaps = self._recoveries = self._attempts = 0

    def connect(self) -> None:
        """Open the camera and wait for its first picture.

        Raises `HardwareError` saying what is there instead, or why no picture came.
        """
        if self._executor is not None:
            return
        self._forget()
        self._stop.clear()
        self._settled.clear()
        self._state, self._reason = CameraState.OPENING, "It is being opened."
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"camera-{self.name}")
        self._reader = self._executor.submit(self._run)
        self._reader.add_done_callback(self._report_end)
        self._settled.wait(self._patience.first_picture_secs)
        if self._newest is None:
            reason = self.health().reason
            self.disconnect()
            raise HardwareError(f"Camera {self.name!r} gives no picture. {reason}")

    def disconnect(self) -> None:
        """Close the camera and wait for its thread to end."""
        self._stop.set()
        if self._executor is not None:
            self._executor.shutdown(wait=True)
            self._executor = None
        self._newest = self._marked = None
        self._state, self._reason = CameraState.CLOSED, "It was disconnected."

    def read_latest(self) -> Frame:
        """Return the newest picture without waiting, marked if it is stale."""
        frame = self._newest
        if frame is None:
            raise HardwareError(f"Camera {self.name!r} is not connected. Enter the Robot first.")
        if not self._is_stale(frame):
            return frame
        marked = self._marked
        if marked is None or marked[0] is not frame:
            self._marked = marked = frame, replace(frame, stale=True)
        return marked[1]

    def health(self) -> CameraHealth:
        """Say how the camera is doing."""
        frame, state, reason = self._newest, self._state, self._reason
        age = None if frame is None else self._clock.now() - frame.captured_at
        if state is CameraState.LIVE and frame is not None and self._is_stale(frame):
            state, reason = CameraState.STALLED, f"Its last picture is {age:.1f} s old."
        return CameraHealth(
            state, reason, age, self._rate(), self._frames, self._gaps, self._recoveries
        )

    def _is_stale(self, frame: Frame) -> bool:
        if self._state is not CameraState.LIVE:
            return True
        limit = self._patience.stale_secs
        if limit is None:
            limit = max(0.25, 4 / self._source.fps)
        return self._clock.now() - frame.captured_at > limit

    def _rate(self) -> float:
        taken = list(self._taken)
        if len(taken) < 2 or taken[-1] <= taken[0]:
            return 0.0
        return (len(taken) - 1) / (taken[-1] - taken[0])

    def _run(self) -> None:
        wait = self._patience.first_retry_secs
        while not self._stop.is_set():
            frames = self._frames
            try:
                self._source.open()
                self._stream()
            except SourceEndedError as end:
                self._lose(CameraState.ENDED, end)
                return
            except HardwareError as error:
                self._refused = isinstance(error, SourceRefusedError)
                self._lose(CameraState.LOST, error)
            finally:
                self._source.close()
            if self._refused and self._newest is None:
                self._settled.set()
                return
            if self._frames > frames:
                wait = self._patience.first_retry_secs
            self._stop.wait(wait)
            wait = min(2 * wait, self._patience.longest_retry_secs)

    def _stream(self) -> None:
        """Take pictures until told to stop. Raises `HardwareError` when they stay away."""
        heard = self._clock.now()
        while not self._stop.is_set():
            frame = self._source.grab(GRAB_SECS)
            now = self._clock.now()
            if frame is not None:
                heard = now
                self._take(frame)
            elif now - heard > self._patience.silence_secs:
                raise HardwareError(f"It is open but has sent nothing for {now - heard:.1f} s.")

    def _take(self, frame: Frame) -> None:
        if self._state is CameraState.LOST and self._newest is not None:
            self._recoveries += 1
            self._taken.clear()
            logger.warning("Camera %r is back.", self.name)
        if self._taken and frame.captured_at - self._taken[-1] > 1.5 / self._source.fps:
            self._gaps += 1
        self._taken.append(frame.captured_at)
        self._frames += 1
        self._newest = frame
        self._state, self._reason = CameraState.LIVE, ""
        self._settled.set()

    def _lose(self, state: CameraState, error: HardwareError) -> None:
        if self._state is not state:
            logger.warning("Camera %r is %s: %s", self.name, state.value, error)
        self._state, self._reason = state, str(error)

    def _report_end(self, reader: Future[None]) -> None:
        error = reader.exception()
        if error is not None:
            logger.error("Camera %r: its thread died.", self.name, exc_info=error)
            self._state, self._reason = CameraState.FAILED, f"Its thread died: {error}"
        self._settled.set()
