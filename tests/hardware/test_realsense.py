import time

import numpy as np
import pytest
from realsense_recording import HEIGHT, WIDTH, Plug, record

from hardware.cameras.realsense import RealSenseMode, RealSenseSource
from hardware.cameras.realsense_devices import RealSenseDevice, find_realsenses, make_context
from hardware.cameras.realsense_options import set_options
from hardware.cameras.source import SourceRefusedError
from hardware.cameras.streaming import CameraState, Patience, StreamingCamera
from hardware.clock import MonotonicClock
from hardware.interfaces import HardwareError

rs = pytest.importorskip("pyrealsense2")

SERIAL = "218622270001"
MODE = RealSenseMode(height=HEIGHT, width=WIDTH, fps=30)
QUICK = Patience(silence_secs=0.4, first_retry_secs=0.1, longest_retry_secs=0.3)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("realsense") / "wrist.db3"
    record(path, SERIAL, frames=30)
    return str(path)


@pytest.fixture
def context(recording):
    """A context with one camera plugged in, which films its recording once."""
    context = rs.context()
    plug = Plug(context, recording)
    yield context
    plug.pull()


def source(context, mode=MODE, serial=SERIAL):
    return RealSenseSource(serial, MonotonicClock(), mode, context=context)


def grab_all(camera):
    """Take pictures until there are ten or none came for five times."""
    frames, silences = [], 0
    while len(frames) < 10 and silences < 5:
        frame = camera.grab(0.3)
        silences = silences + 1 if frame is None else 0
        frames += [] if frame is None else [frame]
    return frames


def test_a_realsense_gives_colour_and_depth_on_the_same_pixels(context):
    camera = source(context, RealSenseMode(height=HEIGHT, width=WIDTH, fps=30, depth=True))
    camera.open()
    frames = grab_all(camera)
    camera.close()

    assert len(frames) >= 3
    assert frames[-1].image.shape == (HEIGHT, WIDTH, 3)
    depth = frames[-1].depth
    assert depth.shape == (HEIGHT, WIDTH) and (depth > 0).mean() > 0.9
    np.testing.assert_allclose(depth[depth > 0], 0.5, atol=1e-4)


def test_its_time_stamps_are_those_of_the_camera_moved_to_the_robots_clock(context):
    camera = source(context)
    camera.open()
    began = time.monotonic()
    frames = grab_all(camera)
    camera.close()

    taken = np.array([frame.captured_at for frame in frames])
    steps = np.diff(taken)
    true_steps = np.diff([int(frame.image[0, 0, 0]) for frame in frames]) / 5 / 30
    # A quicker picture may show that the earlier ones were older than they seemed, never younger.
    assert (steps >= 0).all() and (steps < true_steps + 1e-6).all()
    assert began - 0.1 < taken[0] and taken[-1] < time.monotonic()


def test_an_absent_realsense_is_refused_with_the_names_of_those_there(context):
    with pytest.raises(SourceRefusedError, match=f"000 is not plugged in.*Drawn D405 {SERIAL}"):
        source(context, serial="000").open()


def test_with_none_plugged_in_it_says_so():
    with pytest.raises(SourceRefusedError, match="no RealSense"):
        source(rs.context()).open()


def test_a_mode_that_it_lacks_is_refused_with_those_it_has(context):
    mode = RealSenseMode(height=720, width=1280, fps=30)
    with pytest.raises(SourceRefusedError, match=r"no colour 1280x720 at 30.*colour 320x240 at 30"):
        source(context, mode).open()


def test_the_cameras_plugged_in_are_listed_with_what_they_offer(context):
    (found,) = find_realsenses(context)
    assert (found.serial, found.name, found.port) == (SERIAL, "Drawn D405", "2-1-3")
    assert found.modes == ("colour 320x240 at 30", "depth 320x240 at 30")
    assert found.warning == ""
    assert find_realsenses(make_context()) == []


def test_a_realsense_at_a_slow_port_is_warned_about():
    slow = RealSenseDevice("1", "D405", "1-2", "2.1", "5.16", ())
    assert "Use a USB 3 port" in slow.warning


def test_an_option_that_it_lacks_is_refused_with_those_it_has(context):
    mode = RealSenseMode(height=HEIGHT, width=WIDTH, options={"laser_power": 100})
    with pytest.raises(SourceRefusedError, match="no option 'laser_power'"):
        source(context, mode).open()


@pytest.fixture
def adjustable():
    """A camera of librealsense's own making with an exposure that can be set."""
    device = rs.software_device()
    sensor = device.add_sensor("RGB Camera")
    for option, top, now in (
        (rs.option.exposure, 1000, 100),
        (rs.option.enable_auto_exposure, 1, 1),
    ):
        limits = rs.option_range()
        limits.min, limits.max, limits.step, limits.default = 0, top, 1, now
        sensor.add_option(option, limits)
    return device


def test_exposure_is_set_by_hand_and_automatic_exposure_goes_off(adjustable):
    set_options(adjustable, {"exposure": 333})
    (sensor,) = adjustable.query_sensors()
    assert sensor.get_option(rs.option.exposure) == 333
    assert sensor.get_option(rs.option.enable_auto_exposure) == 0


def test_an_exposure_out_of_range_is_refused_with_the_range(adjustable):
    with pytest.raises(SourceRefusedError, match="from 0 to 1000 in steps of 1, got 5000"):
        set_options(adjustable, {"exposure": 5000})


def test_a_realsense_that_is_unplugged_is_marked_and_comes_back(recording):
    context = rs.context()
    plug = Plug(context, recording)
    camera = StreamingCamera("cam_left_wrist", source(context), MonotonicClock(), QUICK)
    camera.connect()
    assert not camera.read_latest().stale

    plug.pull()
    deadline = time.monotonic() + 10
    while camera.health().state is not CameraState.LOST and time.monotonic() < deadline:
        time.sleep(0.02)
    assert camera.read_latest().stale
    while "not plugged in" not in camera.health().reason and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "no RealSense" in camera.health().reason

    plug.put_in()
    while camera.read_latest().stale and time.monotonic() < deadline:
        time.sleep(0.02)
    assert camera.health().recoveries == 1
    camera.disconnect()


def test_a_silent_realsense_is_reset_at_every_second_attempt(context):
    camera = source(context)
    camera.open()
    camera.close()
    with pytest.raises(HardwareError, match="reset"):
        camera.open()
    camera.open()
    assert camera.grab(1.0) is not None
    camera.close()
