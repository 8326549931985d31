import threading
import time

import numpy as np
import pytest

from hardware.aloha import START, aloha_embodiment
from hardware.cameras.device_clock import DeviceClock
from hardware.cameras.source import SourceEndedError, SourceRefusedError
from hardware.cameras.streaming import CameraState, Patience, StreamingCamera
from hardware.clock import MonotonicClock
from hardware.control_loop import ControlLoop
from hardware.interfaces import Camera, Frame, HardwareError
from hardware.robot import Robot

QUICK = Patience(
    first_picture_secs=2.0, silence_secs=0.3, first_retry_secs=0.05, longest_retry_secs=0.2
)


class Lamp:
    """Sends a picture every 10 ms unless it is made to hang, is unplugged or breaks."""

    fps = 100

    def __init__(self):
        self.clock = MonotonicClock()
        self.hanging, self.plugged = threading.Event(), threading.Event()
        self.plugged.set()
        self.error, self.opens, self.is_open = None, 0, False

    def open(self):
        self.opens += 1
        if not self.plugged.is_set():
            raise SourceRefusedError("There is no lamp.")
        self.is_open = True

    def grab(self, timeout_secs):
        if self.error is not None:
            raise self.error
        if not self.plugged.is_set():
            raise HardwareError("The lamp went out.")
        if self.hanging.is_set():
            time.sleep(timeout_secs)
            return None
        time.sleep(1 / self.fps)
        return Frame(np.full((4, 6, 3), 200, np.uint8), self.clock.now())

    def close(self):
        self.is_open = False


@pytest.fixture
def lamp():
    return Lamp()


@pytest.fixture
def camera(lamp):
    camera = StreamingCamera("cam_high", lamp, MonotonicClock(), QUICK)
    yield camera
    camera.disconnect()


def wait_until(condition, secs=5.0):
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_newest_picture_is_there_at_once(camera):
    camera.connect()
    assert isinstance(camera, Camera)
    began = time.monotonic()
    first = camera.read_latest()
    assert time.monotonic() - began < 0.01
    wait_until(lambda: camera.read_latest().captured_at > first.captured_at)
    assert not camera.read_latest().stale


def test_a_camera_that_hangs_is_marked_then_opened_again(camera, lamp):
    camera.connect()
    lamp.hanging.set()
    wait_until(lambda: camera.read_latest().stale)
    last = camera.read_latest()
    assert last is camera.read_latest()
    assert camera.health().state in (CameraState.STALLED, CameraState.LOST)
    wait_until(lambda: lamp.opens > 1)
    lamp.hanging.clear()
    wait_until(lambda: not camera.read_latest().stale)
    assert camera.health().recoveries == 1
    assert camera.read_latest().captured_at > last.captured_at


def test_an_unplugged_camera_is_marked_at_once_and_back_soon_after_its_plug(camera, lamp):
    camera.connect()
    lamp.plugged.clear()
    wait_until(lambda: camera.read_latest().stale, 0.2)
    wait_until(lambda: "no lamp" in camera.health().reason)
    lamp.plugged.set()
    wait_until(lambda: not camera.read_latest().stale, 1.0)


def test_an_absent_camera_is_refused_at_once(camera, lamp):
    lamp.plugged.clear()
    began = time.monotonic()
    with pytest.raises(HardwareError, match=r"'cam_high' gives no picture\. There is no lamp"):
        camera.connect()
    assert time.monotonic() - began < 1.0
    assert not lamp.is_open


def test_a_camera_that_stays_dark_is_given_up_after_its_time(lamp):
    lamp.hanging.set()
    impatient = Patience(first_picture_secs=0.3, silence_secs=0.1)
    camera = StreamingCamera("cam_high", lamp, MonotonicClock(), impatient)
    with pytest.raises(HardwareError, match="gives no picture"):
        camera.connect()
    assert not lamp.is_open


def test_a_film_at_its_end_keeps_its_last_picture_marked(camera, lamp):
    camera.connect()
    lamp.error = SourceEndedError("The film is at its end.")
    wait_until(lambda: camera.health().state is CameraState.ENDED)
    assert camera.read_latest().stale
    assert lamp.opens == 1


def test_an_error_that_nobody_foresaw_is_told_not_hidden(camera, lamp, caplog):
    camera.connect()
    lamp.error = ZeroDivisionError("a driver's mistake")
    wait_until(lambda: camera.health().state is CameraState.FAILED)
    assert camera.read_latest().stale
    assert "driver's mistake" in camera.health().reason
    assert "its thread died" in caplog.text


def test_a_camera_can_be_opened_again_and_is_silent_when_closed(camera, lamp):
    for _ in range(2):
        camera.connect()
        assert camera.health().state is CameraState.LIVE
        camera.disconnect()
        camera.disconnect()
        assert not lamp.is_open
    with pytest.raises(HardwareError, match="not connected"):
        camera.read_latest()


def test_health_counts_rate_and_gaps(camera, lamp):
    camera.connect()
    wait_until(lambda: camera.health().frames > 30)
    assert 30 < camera.health().fps < 105
    gaps = camera.health().gaps
    lamp.hanging.set()
    time.sleep(0.15)
    lamp.hanging.clear()
    wait_until(lambda: camera.health().gaps > gaps)


class StillArm:
    def connect(self): ...

    def disconnect(self): ...

    def read_positions(self):
        return START[:7].copy()

    def write_positions(self, positions): ...


def test_the_arms_go_on_while_a_camera_is_gone(camera, lamp):
    body = aloha_embodiment(("cam_high",))
    with Robot(body, [StillArm(), StillArm()], {"cam_high": camera}, MonotonicClock()) as robot:
        loop = ControlLoop(robot)
        lamp.plugged.clear()
        wait_until(lambda: loop.tick().observation.frames["cam_high"].stale)
        began = time.monotonic()
        for _ in range(50):
            assert loop.tick().observation.frames["cam_high"].stale
        assert time.monotonic() - began < 0.5
        lamp.plugged.set()
        wait_until(lambda: not loop.tick().observation.frames["cam_high"].stale)


def test_a_cameras_clock_is_moved_to_the_robots_by_the_quickest_picture():
    rng = np.random.default_rng(0)
    taken = np.arange(300) / 30
    delays = 0.008 + rng.exponential(0.01, 300)
    drifting = 5000 + taken * (1 + 50e-6)
    clock = DeviceClock()
    found = [
        clock.captured_at(float(device), float(arrived))
        for device, arrived in zip(drifting, taken + delays, strict=True)
    ]
    errors = np.array(found) - taken
    assert np.abs(errors[60:] - 0.008).max() < 0.002
    assert (np.diff(found) >= 0).all()


def test_a_cameras_clock_that_is_set_anew_is_followed():
    clock = DeviceClock()
    clock.captured_at(100.0, 1.0)
    assert clock.captured_at(3.0, 2.0) == 2.0
