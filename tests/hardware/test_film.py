import time

import cv2
import numpy as np
import pytest

from hardware.cameras.film import FilmSource
from hardware.cameras.picture_folder import PictureFolderSource
from hardware.cameras.source import SourceEndedError, SourceRefusedError
from hardware.cameras.streaming import StreamingCamera
from hardware.clock import MonotonicClock
from hardware.interfaces import HardwareError

LENGTH = 6


class SetClock:
    """Stands still unless it is set."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def wait_until(self, deadline):
        self.time = max(self.time, deadline)


def picture(number):
    return np.full((48, 64, 3), 20 + 30 * number, np.uint8)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(LENGTH):
        writer.write(picture(number))
    writer.release()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("folder")
    for number in range(LENGTH):
        cv2.imwrite(str(path / f"{number:03}.png"), picture(number))
    (path / "notes.txt").write_text("not a picture")
    return path


@pytest.fixture(params=["film", "folder"])
def make(request):
    """Makes a source at ten pictures per second on a clock that is set by hand."""
    path = request.getfixturevalue(request.param)
    kind = {"film": FilmSource, "folder": PictureFolderSource}[request.param]
    return lambda clock, **options: kind(path, clock, fps=10, **options)


def number_of(frame):
    return round((float(frame.image.mean()) - 20) / 30)


def test_pictures_come_when_the_robots_clock_says_so(make):
    clock = SetClock()
    source = make(clock)
    source.open()
    assert number_of(source.grab(0.1)) == 0
    assert source.grab(0.02) is None
    clock.time = 0.1
    frame = source.grab(0.1)
    assert number_of(frame) == 1 and frame.captured_at == pytest.approx(0.1)
    source.close()


def test_pictures_that_nobody_took_are_left_out(make):
    clock = SetClock()
    source = make(clock)
    source.open()
    clock.time = 0.35
    assert number_of(source.grab(0.1)) == 3
    source.close()


def test_it_begins_again_after_its_last_picture(make):
    clock = SetClock()
    source = make(clock)
    source.open()
    shown = []
    for tick in range(2 * LENGTH):
        clock.time = tick / 10
        shown.append(number_of(source.grab(0.1)))
    assert shown == [*range(LENGTH)] * 2
    source.close()


def test_shown_once_it_ends(make):
    clock = SetClock()
    source = make(clock, loop=False)
    source.open()
    for tick in range(LENGTH):
        clock.time = tick / 10
        assert source.grab(0.1) is not None
    clock.time = LENGTH / 10
    with pytest.raises(SourceEndedError):
        source.grab(0.1)
    source.close()


def test_a_film_far_behind_goes_on_from_where_it_is(film):
    clock = SetClock()
    source = FilmSource(film, clock)
    source.open()
    assert source.fps == 10
    clock.time = 3600.0
    frame = source.grab(0.1)
    assert number_of(frame) == 0 and frame.captured_at == pytest.approx(3600.0)
    source.close()


@pytest.mark.parametrize("kind", [FilmSource, PictureFolderSource])
def test_what_is_not_there_is_refused(kind, tmp_path):
    with pytest.raises(SourceRefusedError, match="nowhere"):
        kind(tmp_path / "nowhere", SetClock()).open()


def test_what_is_no_film_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"not a film")
    with pytest.raises(SourceRefusedError, match="no film that can be played"):
        FilmSource(tmp_path / "a.mp4", SetClock()).open()


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(SourceRefusedError, match="holds no picture"):
        PictureFolderSource(tmp_path, SetClock()).open()


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"not a picture")
    source = PictureFolderSource(tmp_path, SetClock())
    source.open()
    with pytest.raises(HardwareError, match=r"a\.png: it is gone or damaged"):
        source.grab(0.1)


def test_a_film_is_a_camera_in_real_time(film):
    camera = StreamingCamera("cam_low", FilmSource(film, MonotonicClock()), MonotonicClock())
    camera.connect()
    times = set()
    deadline = time.monotonic() + 20
    while len(times) < 5 and time.monotonic() < deadline:
        frame = camera.read_latest()
        assert frame.image.shape == (48, 64, 3)
        times.add(frame.captured_at)
        time.sleep(0.02)
    camera.disconnect()
    periods = np.diff(sorted(times)) / 0.1
    assert len(periods) == 4
    np.testing.assert_allclose(periods, np.round(periods), atol=1e-4)
