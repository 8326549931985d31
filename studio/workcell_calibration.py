"""Calibrating one camera from the page: takes pictures of the board, computes, writes the file."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hardware.calibration.board import Board, Sighting
from hardware.calibration.calibration_file import (
    CameraCalibration,
    CameraPlace,
    load_calibrations,
    save_calibration,
)
from hardware.calibration.collecting import ViewCollector
from hardware.calibration.hand_eye import calibrate_hand_eye
from hardware.calibration.intrinsics import Intrinsics, calibrate_lens, coverage
from hardware.calibration.transform import Transform, angle_between, distance_between
from hardware.interfaces import Image
from hardware.workcell.arm_frames import FRAMES, ArmFrames
from studio.station import Station

LOOK_SECS = 0.15
"""Between two looks at the camera; finding a board takes a part of it."""

STILL_METRES, STILL_RADIANS = 1e-3, 3e-3
"""A gripper that moves more than this from look to look is not at rest."""

LENS = "lens"
"""What is calibrated when no frame is named."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the taking of pictures is."""

    camera: str
    what: str
    """`lens`, or the frame that the camera is fixed in."""
    taken: int
    covered: float
    """Share of the picture that saw a corner."""
    advice: str


class CalibrationDesk:
    """One calibration at a time. Called from any thread; looks in a thread of its own.

    `saved` is called when the workcell file at `path` has a new calibration.
    """

    def __init__(
        self, station: Station, path: Path, board: Board, *, saved: Callable[[], None]
    ) -> None:
        self._station = station
        self._path = path
        self._board = board
        self._saved = saved
        self._orders = threading.RLock()
        """Held by who begins, cancels or finishes."""
        self._views = threading.Lock()
        """Held by who adds pictures or drops them."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="calibration")
        self._looking: Future[None] | None = None
        self._end = threading.Event()
        self._progress: Progress | None = None
        self._collector = ViewCollector(board)
        self._picture: bytes = b""

    @property
    def progress(self) -> Progress | None:
        """What is being taken; None if nothing is."""
        return self._progress

    @property
    def picture(self) -> bytes:
        """The newest picture with the corners seen, as JPEG; empty if nothing is taken."""
        return self._picture if self._progress is not None else b""

    def begin(self, camera: str, what: str) -> None:
        """Take pictures of `camera` for its lens, or for its place in one of `FRAMES`.

        Raises `ValueError` for names that there are not, and for a place before the lens.
        """
        body = self._station.robot.embodiment
        if camera not in body.camera_names:
            raise ValueError(f"The cameras are {list(body.camera_names)}, got {camera!r}.")
        if what != LENS:
            self._lens(camera)
            if what not in FRAMES or body.kinematics != "aloha":
                raise ValueError(
                    f"A place is found in one of {list(FRAMES)} of two ViperX arms; asked for "
                    f"{what!r} of {body.robot_tag}."
                )
        with self._orders:
            self.cancel()
            self._collector = ViewCollector(self._board)
            self._progress = Progress(camera, what, 0, 0.0, "Show the board.")
            self._end.clear()
            self._looking = self._thread.submit(self._look_on, camera, what)
            self._station.notices.watch(self._looking, "Calibration")

    def undo(self) -> None:
        """Drop the last picture taken."""
        with self._views:
            self._collector.undo()

    def cancel(self) -> None:
        """Take no more pictures; nothing is written."""
        with self._orders:
            self._end.set()
            looking, self._looking = self._looking, None
            if looking is not None:
                looking.exception()  # waits; a failure was told when it happened
            self._progress = None

    def finish(self) -> str:
        """Compute from what was taken and write it into the workcell file; say how good it is.

        Raises `HardwareError` for too few pictures, `ValueError` if nothing is being taken.
        """
        with self._orders:
            progress = self._progress
            if progress is None:
                raise ValueError("Nothing is being calibrated. Choose a camera and begin.")
            if progress.what == LENS:
                words, found = self._of_lens()
            else:
                words, found = self._of_place(progress.camera, progress.what)
            save_calibration(self._path, progress.camera, found)
            self.cancel()
        self._saved()
        return f"{progress.camera}: {words} Written: {self._path.name}."

    def close(self) -> None:
        """End the thread."""
        self.cancel()
        self._thread.shutdown(wait=True)

    def _of_lens(self) -> tuple[str, CameraCalibration]:
        with self._views:
            sightings = self._collector.sightings
        report = calibrate_lens(sightings)
        words = (
            f"lens known from {len(report.view_errors_px)} pictures, reprojection error "
            f"{report.error_px:.2f} pixels. " + " ".join(report.advice)
        )
        return words, CameraCalibration(lens=report.intrinsics)

    def _of_place(self, camera: str, frame: str) -> tuple[str, CameraCalibration]:
        mount = "gripper" if frame.endswith("gripper") else "base"
        with self._views:
            views = self._collector.views
        report = calibrate_hand_eye(views, self._lens(camera), mount)  # type: ignore[arg-type]
        words = (
            f"place in {frame} known from {len(report.view_errors_px)} pictures to "
            f"{1e3 * report.position_sigma:.1f} mm and "
            f"{np.degrees(report.rotation_sigma):.2f} degrees, reprojection error "
            f"{report.error_px:.2f} pixels. " + " ".join(report.advice)
        )
        place = CameraPlace.of(frame, report.mount_from_camera)
        return words, CameraCalibration(place=place)

    def _lens(self, camera: str) -> Intrinsics:
        known = load_calibrations(self._path).get(camera, CameraCalibration())
        if known.lens is None:
            raise ValueError(f"Calibrate the lens of {camera} first, then its place.")
        return known.lens

    def _look_on(self, camera: str, what: str) -> None:
        frames = None if what == LENS else ArmFrames()
        seen_at, before = -1.0, None
        while not self._end.wait(LOOK_SECS):
            tick = self._station.tick
            if tick is None or tick.observation.frames[camera].captured_at == seen_at:
                continue
            frame = tick.observation.frames[camera]
            seen_at = frame.captured_at
            pose = None
            if frames is not None:
                pose = frames.base_from_gripper(what.split("_")[0], tick.observation.state)
                before, moved = pose, before is None or _moved(before, pose)
                if moved:  # the picture is older than the pose
                    continue
            with self._views:
                offer = self._collector.offer(frame.image, pose)
                sightings = self._collector.sightings
            covered = coverage(sightings) if sightings else 0.0
            words = offer.reason or "Taken."
            self._progress = Progress(camera, what, len(sightings), covered, words)
            self._picture = _drawn(frame.image, offer.sighting)


def _moved(before: Transform, now: Transform) -> bool:
    return distance_between(before, now) > STILL_METRES or (
        angle_between(before, now) > STILL_RADIANS
    )


def _drawn(image: Image, sighting: Sighting | None) -> bytes:
    """The picture as JPEG, with a ring around every corner seen."""
    shown = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    for x, y in [] if sighting is None else sighting.pixels:
        cv2.circle(shown, (round(float(x)), round(float(y))), 5, (80, 220, 40), 2)
    return bytes(cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])
