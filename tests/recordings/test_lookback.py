import numpy as np
import pytest
from tiny_robot import HEIGHT, WIDTH, picture

from hardware.interfaces import Frame
from recordings.check import check
from recordings.codec import FilmFormat
from recordings.dataset import Dataset
from recordings.disk import RecordingError
from recordings.video_reader import VideoReader


def test_what_just_happened_becomes_an_episode(bench, tmp_path):
    folder = tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    bench.record("before", ticks=5)
    bench.recorder.look_back(0.5)
    bench.turn(90)
    assert bench.recorder.status().held_secs == pytest.approx(0.5)

    assert bench.recorder.keep_last("caught it") == 1

    assert check(folder).problems == []
    last = bench.ticks[-25:]
    with Dataset(folder) as dataset:
        rows = dataset.rows(1)
        held = len(rows["index"])
        assert held in (24, 25)
        np.testing.assert_array_equal(rows["action"], [tick.action for tick in last[-held:]])
        np.testing.assert_allclose(rows["time"], np.arange(held) / 50, atol=1e-5)
        for number in (0, 11, held - 1):
            seen = last[number - held].observation.frames["cam_high"].image
            shown = dataset.frame(1, "cam_high", number).astype(int)
            assert abs(shown - seen).max() <= 6
        summary = dataset.episodes()[1]
    assert (summary.task, summary.quality.verdict) == ("caught it", "good")


def test_pictures_of_slow_cameras_keep_their_rows_and_times(make_bench, tmp_path):
    bench = make_bench(camera_fps=10.0)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.look_back(1.0)
    bench.turn(173)
    bench.recorder.keep_last("caught it")

    with Dataset(tmp_path / "d") as dataset:
        rows = dataset.rows(0)
        origin = bench.ticks[-len(rows["index"])].observation.timestamp
        for number in range(0, len(rows["index"]), 7):
            taken = round((rows["capture_time.cam_low"][number] + origin) * 10)
            shown = dataset.frame(0, "cam_low", number).astype(int)
            assert abs(shown - picture(taken)).max() <= 6


def test_looking_back_stops_while_an_episode_is_open_and_goes_on_after(bench, tmp_path):
    bench.recorder.look_back(2.0)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.turn(10)
    bench.recorder.start_episode("wave")
    bench.turn(10)
    assert bench.recorder.status().held_secs is None
    with pytest.raises(ValueError, match="has what just happened"):
        bench.recorder.keep_last("caught it")
    bench.recorder.save_episode()
    bench.turn(10)
    assert bench.recorder.status().held_secs == pytest.approx(0.2)
    assert bench.recorder.keep_last("caught it") == 1
    assert check(tmp_path / "d").problems == []


def test_nothing_can_be_kept_that_was_not_held(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.turn(5)
    with pytest.raises(ValueError, match="Let it be held first"):
        bench.recorder.keep_last("caught it")
    bench.recorder.look_back(1.0)
    with pytest.raises(ValueError, match="Nothing is held"):
        bench.recorder.keep_last("caught it")
    with pytest.raises(ValueError, match="a task in words"):
        bench.recorder.keep_last("")
    bench.recorder.look_back(None)
    assert bench.recorder.status().held_secs is None


def test_what_the_disk_refused_to_keep_waits_for_rescue(bench, make_bench, tmp_path):
    folder = tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    bench.recorder.look_back(1.0)
    bench.turn(60)
    obstacle = folder / "meta/.info.json.part"  # stands for a full disk
    obstacle.mkdir()
    with pytest.raises(RecordingError, match="could not be saved"):
        bench.recorder.keep_last("caught it")
    bench.recorder.close()
    obstacle.rmdir()

    again = make_bench()
    again.recorder.open_dataset(folder, fps=50)
    (unsaved,) = again.recorder.unsaved()
    assert (unsaved.head.task, unsaved.rows) == ("caught it", 50)
    assert again.recorder.rescue(unsaved) == 0
    assert check(folder).problems == []


def test_depth_that_begins_late_is_held_with_nothing_measured_before(make_bench, tmp_path):
    bench = make_bench(realtime=False)
    bench.recorder.open_dataset(tmp_path / "d", 50, FilmFormat(depth=("cam_low",)))
    bench.recorder.look_back(1.0)
    bench.turn(5)
    camera = bench.robot._cameras["cam_low"]
    seen = camera.read_latest

    def measured():
        frame = seen()
        return Frame(frame.image, frame.captured_at, depth=np.ones((HEIGHT, WIDTH), np.float32))

    camera.read_latest = measured
    bench.turn(25)
    assert bench.recorder.status().error is None
    assert bench.recorder.keep_last("caught it") == 0

    assert check(tmp_path / "d").problems == []
    (film,) = (tmp_path / "d/videos/observation.images.cam_low_depth").rglob("*.mp4")
    with VideoReader(film) as reader:
        assert [int(reader.read_depth(number).max()) for number in (4, 5)] == [0, 1000]


def test_pictures_dropped_before_what_is_kept_do_not_count_against_it(bench, tmp_path, monkeypatch):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.look_back(0.5)
    bench.turn(5)
    film = bench.recorder._lookback._films["cam_low"]
    with monkeypatch.context() as patch:
        patch.setattr(film, "_limit", 0)  # an encoder that is far behind
        bench.turn(4)
    bench.turn(60)
    bench.recorder.keep_last("caught it")
    assert film.dropped == 4
    assert sum(bench.recorder.status().quality.to_json()["dropped"].values()) == 0
