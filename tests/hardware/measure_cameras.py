"""Measures cameras and calibration: processor time a picture, time to recover, errors of places.

Run: PYTHONPATH=. python tests/hardware/measure_cameras.py --help
"""

import logging
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import realsense_recording
import tyro
from drawn_board import BOARD, DrawnCamera, seen_from, views_around
from realsense_recording import Plug, record
from test_calibration import HAND, ROOM, TABLE, WRIST, shaken
from test_streaming_camera import Lamp, StillArm, wait_until

from hardware.aloha import CAMERAS, aloha_embodiment
from hardware.calibration.hand_eye import calibrate_hand_eye
from hardware.calibration.hand_eye_fit import View
from hardware.calibration.intrinsics import calibrate_lens
from hardware.calibration.transform import angle_between, distance_between, inverse
from hardware.cameras.film import FilmSource
from hardware.cameras.realsense import RealSenseMode, RealSenseSource
from hardware.cameras.realsense_devices import make_context
from hardware.cameras.streaming import Patience, StreamingCamera
from hardware.clock import MonotonicClock
from hardware.control_loop import ControlLoop
from hardware.robot import Robot

SIZE = 480, 640


class FreeClock(MonotonicClock):
    """Runs so fast that every picture is due at once."""

    def __init__(self):
        self.ticks = 0

    def now(self):
        self.ticks += 1
        return self.ticks / 60


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def milliseconds_a_picture(source, pictures=60):
    source.open()
    began = time.process_time()
    count = sum(source.grab(0.3) is not None for _ in range(pictures))
    spent = time.process_time() - began
    source.close()
    return 1000 * spent / count


def measure_processor_time(folder, secs):
    scene = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (*SIZE, 3)), (0, 0), 3)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    path = folder / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, SIZE[::-1])
    for number in range(80):
        writer.write(np.roll(scene, number, axis=1))
    writer.release()
    measure_loop(path, seconds=secs)
    spent = milliseconds_a_picture(FilmSource(path, FreeClock()))
    say(f"MJPEG 640x480, as film or UVC: {spent:.1f} ms a picture, {3 * spent:.0f} % at 30 per s")

    realsense_recording.WIDTH, realsense_recording.HEIGHT = SIZE[::-1]
    record(folder / "one.db3", "1", frames=60)
    for depth in (False, True):
        context = make_context()
        plug = Plug(context, folder / "one.db3")
        mode = RealSenseMode(*SIZE, fps=30, depth=depth)
        spent = milliseconds_a_picture(
            RealSenseSource("1", MonotonicClock(), mode, context=context), 30
        )
        plug.pull()
        say(
            f"RealSense 640x480 played back, depth {depth}: {spent:.1f} ms a picture, "
            f"{3 * spent:.0f} % at 30 per s"
        )


def spread(msec):
    return f"{np.median(msec):.0f} ms ({min(msec):.0f} to {max(msec):.0f})"


def measure_recovery(times):
    lamp = Lamp()
    camera = StreamingCamera("lamp", lamp, MonotonicClock(), Patience())
    camera.connect()
    ways = (
        ("unplugged", lamp.plugged.clear, lamp.plugged.set, (0.1, 1.0, 4.0)),
        ("hung", lamp.hanging.set, lamp.hanging.clear, (0.5, 3.0)),
    )
    for name, lose, give_back, lengths in ways:
        for away in lengths:
            found = np.array([lost(camera, lose, give_back, away) for _ in range(times)])
            say(
                f"{name} for {away} s, {times} times: marked after {spread(found[:, 0])}, back "
                f"{spread(found[:, 1])} after it could be"
            )
    camera.disconnect()


def lost(camera, lose, give_back, secs):
    """Milliseconds until the picture is marked, and until new ones come again."""
    began = time.monotonic()
    lose()
    wait_until(lambda: camera.read_latest().stale)
    marked = time.monotonic() - began
    time.sleep(secs)
    give_back()
    back = time.monotonic()
    wait_until(lambda: not camera.read_latest().stale, 20)
    return 1000 * marked, 1000 * (time.monotonic() - back)


def measure_loop(film, cameras=4, *, seconds):
    """Drive arms that stand still at 50 Hz beside cameras that play a film."""
    names = CAMERAS[:cameras]
    clock, stop = MonotonicClock(), threading.Event()
    wall = {name: StreamingCamera(name, FilmSource(film, clock), clock) for name in names}
    with Robot(aloha_embodiment(names), [StillArm(), StillArm()], wall, clock) as robot:
        loop = ControlLoop(robot)
        spent = time.process_time()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(loop.run, stop)
            time.sleep(seconds)
            stop.set()
            running.result()
        spent = time.process_time() - spent
        late, rates = loop.timeliness(), [camera.health().fps for camera in wall.values()]
    say(
        f"{cameras} cameras beside a 50 Hz loop for {seconds} s: {100 * spent / seconds:.0f} % "
        f"of a core, {min(rates):.1f} pictures per s, late p50 {1e3 * late.late_p50_secs:.1f} p99 "
        f"{1e3 * late.late_p99_secs:.1f} ms, {late.missed} ticks missed"
    )


def measure_calibration(cells, pictures=16):
    found = {}
    for cell in range(cells):
        rng = np.random.default_rng(cell)
        camera, poses = DrawnCamera(seed=cell), views_around(TABLE, pictures, rng)
        seen = [(pose, BOARD.find(camera.photograph(seen_from(pose, TABLE)))) for pose in poses]
        seen = [(pose, sighting) for pose, sighting in seen if sighting]
        lens = calibrate_lens([sighting for _, sighting in seen])
        found.setdefault("lens: error px", []).append((lens.error_px, 0))
        for mount, truth in (("gripper", WRIST), ("base", ROOM)):
            for arm in ((0.0, 0.0), (0.5, 0.1), (1.0, 0.2)):
                views = []
                for pose, sighting in seen:
                    gripper = (
                        pose @ inverse(WRIST)
                        if mount == "gripper"
                        else ROOM @ seen_from(pose, TABLE) @ inverse(HAND)
                    )
                    views.append(View(gripper @ shaken(rng, *arm), sighting))
                report = calibrate_hand_eye(views, lens.intrinsics, mount)
                place = report.mount_from_camera
                found.setdefault(f"{mount}, arm off by {arm[0]} mm {arm[1]} deg", []).append(
                    (
                        1000 * distance_between(place, truth),
                        np.degrees(angle_between(place, truth)),
                    )
                )
    for name, errors in found.items():
        middle, worst = np.median(errors, axis=0), np.max(errors, axis=0)
        say(
            f"{name}: median {middle[0]:.2f} mm {middle[1]:.3f} deg, worst {worst[0]:.2f} mm "
            f"{worst[1]:.3f} deg of {cells} cells, {pictures} pictures each"
        )


def main(*, secs: float = 20.0, times: int = 3, cells: int = 6) -> None:
    """Measure cameras that are lost, processor time, the loop beside four cameras, calibrations.

    Args:
        secs: Seconds of the loop beside four cameras.
        times: How often each camera is lost.
        cells: Cells whose cameras are calibrated.
    """
    logging.disable()
    measure_recovery(times)
    with tempfile.TemporaryDirectory() as folder:
        measure_processor_time(Path(folder), secs)
    if cells:
        measure_calibration(cells)


if __name__ == "__main__":
    tyro.cli(main)
