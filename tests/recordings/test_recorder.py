import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from tiny_robot import Wave, picture, tiny_body

from hardware.interfaces import Frame
from recordings.check import check
from recordings.dataset import Dataset
from recordings.disk import RecordingError
from recordings.recorder import Recorder


def test_an_episode_holds_what_was_seen_and_sent(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.turn(3)

    assert bench.record(ticks=20) == 0

    seen = bench.ticks[3:]
    with Dataset(tmp_path / "d") as dataset:
        rows = dataset.rows(0)
        np.testing.assert_array_equal(rows["action"], [t.action for t in seen])
        np.testing.assert_array_equal(
            rows["observation.state"], [t.observation.state for t in seen]
        )
        assert (rows["action"] != [t.wanted for t in seen]).any()
        for number, tick in enumerate(seen):
            shown = dataset.frame(0, "cam_low", number).astype(int)
            assert abs(shown - tick.observation.frames["cam_low"].image).max() <= 6


def test_rows_can_be_fewer_than_ticks(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=10)
    bench.record(ticks=26)

    rows = Dataset(tmp_path / "d").rows(0)
    np.testing.assert_array_equal(rows["action"], [t.action for t in bench.ticks[::5]])
    np.testing.assert_allclose(rows["timestamp"], np.arange(6) / 10)
    np.testing.assert_allclose(rows["time"], np.arange(6) / 10, atol=1e-5)


def test_a_rate_that_does_not_divide_the_control_rate_is_refused(bench, tmp_path):
    with pytest.raises(ValueError, match=r"50 Hz, got 30 fps. Choose one of \[1, 2, 5, 10, 25, 50"):
        bench.recorder.open_dataset(tmp_path / "d", fps=30)


def test_rows_where_nothing_was_sent_repeat_the_last_action_and_say_so(make_bench, tmp_path):
    bench = make_bench(drive=False)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("wave")
    bench.turn(3)
    bench.loop.drive(Wave())
    bench.turn(3)
    bench.loop.drive(None)
    bench.turn(3)
    bench.recorder.save_episode()

    rows = Dataset(tmp_path / "d").rows(0)
    assert rows["sent"].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    np.testing.assert_array_equal(rows["action"][:3], rows["observation.state"][:3])
    np.testing.assert_array_equal(rows["action"][6:], [bench.ticks[5].action] * 3)


def test_what_was_sent_before_an_episode_is_none_of_its_actions(make_bench, tmp_path):
    bench = make_bench()
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.turn(10)
    bench.loop.drive(None)
    for arm in bench.robot._arms:
        arm.positions = np.full(2, -0.5, np.float32)  # a new scene
    bench.robot.gate.forget()
    bench.record(ticks=5)

    rows = Dataset(tmp_path / "d").rows(0)
    assert rows["sent"].tolist() == [0] * 5
    np.testing.assert_array_equal(rows["action"], rows["observation.state"])
    assert (rows["action"] == -0.5).all()


def test_a_slow_camera_is_repeated_with_its_true_capture_time(make_bench, tmp_path):
    bench = make_bench(camera_fps=10.0)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record(ticks=50)

    dataset = Dataset(tmp_path / "d")
    captured = dataset.rows(0)["capture_time.cam_high"]
    assert len(np.unique(captured)) == 10
    quality = dataset.episodes()[0].quality
    assert quality.duplicated == {"cam_high": 40, "cam_low": 40}
    assert quality.verdict == "good"


def test_missed_ticks_make_an_episode_poor(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("pick up the cube")
    bench.turn(10)
    bench.loop._index += 5
    bench.clock.seconds += 0.1
    bench.turn(10)
    bench.recorder.save_episode()

    quality = bench.recorder.status().quality
    assert quality.missed_ticks == 5
    assert quality.verdict == "poor"
    assert "5 of 25 ticks were missed" in quality.reason


def test_a_camera_that_stands_still_makes_an_episode_poor(make_bench, tmp_path):
    bench = make_bench(camera_fps=1.0)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record(ticks=60)

    assert "cam_high stood still for 1.0 s" in bench.recorder.status().quality.reason


def test_discarded_episodes_leave_no_trace(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("pick up the cube")
    bench.turn(10)
    bench.recorder.discard_episode()
    before = sorted(p for p in (tmp_path / "d").rglob("*") if p.suffix in (".mp4", ".parquet"))

    assert bench.record() == 0
    assert [p.name for p in before] == ["tasks.parquet"]
    assert len(Dataset(tmp_path / "d")) == 1


def test_an_existing_dataset_is_continued(make_bench, tmp_path):
    for expected in range(3):
        bench = make_bench()
        bench.recorder.open_dataset(tmp_path / "d", fps=25)
        assert bench.recorder.status().episode_index == expected
        assert bench.record(f"task {expected % 2}", ticks=10 + 2 * expected) == expected
        bench.recorder.close()

    dataset = Dataset(tmp_path / "d")
    assert [(e.task, e.num_frames) for e in dataset.episodes()] == [
        ("task 0", 5),
        ("task 1", 6),
        ("task 0", 7),
    ]
    indices = np.concatenate([dataset.rows(i)["index"] for i in range(3)])
    assert indices.tolist() == list(range(18))


def test_another_body_is_refused_by_name_of_what_differs(bench, make_bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record()
    bench.recorder.close()

    other = Recorder(tiny_body(cameras=("cam_high",), height=64))
    with pytest.raises(
        ValueError, match=r"cameras lacking: \['cam_low'\].*has shape \[32, 48, 3\]"
    ):
        other.open_dataset(tmp_path / "d", fps=50)
    with pytest.raises(ValueError, match="the dataset has 50 fps, 25 asked for"):
        make_bench().recorder.open_dataset(tmp_path / "d", fps=25)


def test_a_folder_of_something_else_is_refused(bench, tmp_path):
    (tmp_path / "thesis.tex").write_text("do not touch")

    with pytest.raises(ValueError, match="holds files and is not a dataset"):
        bench.recorder.open_dataset(tmp_path, fps=50)
    with pytest.raises(ValueError, match="Not a dataset"):
        Dataset(tmp_path)


def test_two_recorders_cannot_write_the_same_dataset(make_bench, tmp_path):
    make_bench().recorder.open_dataset(tmp_path / "d", fps=50)

    with pytest.raises(ValueError, match="Another program writes to this dataset"):
        make_bench().recorder.open_dataset(tmp_path / "d", fps=50)


def test_a_full_disk_is_refused_before_anything_starts(make_bench, tmp_path):
    bench = make_bench(floor_bytes=2**60)

    with pytest.raises(RecordingError, match="disk is nearly full"):
        bench.recorder.open_dataset(tmp_path / "d", fps=50)
    assert not (tmp_path / "d").exists()


def test_a_disk_that_fills_up_ends_the_episode_and_what_there_is_can_be_saved(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=10)
    bench.recorder.start_episode("pick up the cube")
    bench.recorder._writer._floor_bytes = 2**60
    object.__setattr__(bench.recorder._episode._place, "floor_bytes", 2**60)
    bench.turn(200)

    status = bench.recorder.status()
    assert "disk is nearly full, so the recording ended" in status.error
    assert 0 < status.frames < 40
    assert bench.recorder.save_episode() == 0
    with pytest.raises(RecordingError, match="nearly full"):
        bench.recorder.start_episode("again")


def test_a_camera_of_another_size_fails_the_episode_and_not_the_loop(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record()
    bench.robot._cameras["cam_low"].read_latest = lambda: Frame(picture(0)[:16], 0.0)
    bench.recorder.start_episode("pick up the cube")
    bench.turn(5)

    assert "got (16, 48, 3)" in bench.recorder.status().error
    with pytest.raises(RecordingError, match=r"cannot be saved.*cam_low"):
        bench.recorder.save_episode()
    assert not bench.recorder.recording
    assert len(Dataset(tmp_path / "d")) == 1


@pytest.mark.parametrize(
    "refused",
    [
        "videos/observation.images.cam_low/chunk-000",
        "meta/.stats.json.part",
        "data/chunk-000/.file-000.parquet.part",
        "meta/.info.json.part",
    ],
)
def test_an_episode_that_the_disk_refused_is_kept_and_saved_when_it_takes_it(
    bench, tmp_path, refused
):
    folder = tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    bench.recorder.start_episode("pick up the cube")
    bench.turn(10)
    obstacle = folder / refused  # what stands where a file must be stands for a full disk
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    if obstacle.suffix:
        obstacle.mkdir()
    else:
        obstacle.write_text("")
    with pytest.raises(RecordingError, match="It is kept: free some space and save again"):
        bench.recorder.save_episode()
    bench.turn(5)
    status = bench.recorder.status()
    assert (status.recording, status.frames) == (True, 10)
    assert "It is kept" in status.error

    obstacle.rmdir() if obstacle.is_dir() else obstacle.unlink()
    assert bench.recorder.save_episode() == 0
    assert bench.recorder.status().error is None
    assert bench.record("wave", ticks=5) == 1
    report = check(folder)
    assert report.problems == []
    assert [episode.num_frames for episode in report.episodes] == [10, 5]


def test_an_episode_that_the_disk_refused_can_be_discarded(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("pick up the cube")
    bench.turn(10)
    obstacle = tmp_path / "d/meta/.info.json.part"
    obstacle.mkdir()
    with pytest.raises(RecordingError):
        bench.recorder.save_episode()
    bench.recorder.discard_episode()
    obstacle.rmdir()

    assert bench.record("wave", ticks=5) == 0
    report = check(tmp_path / "d")
    assert report.problems == []
    assert [episode.task for episode in report.episodes] == ["wave"]


def test_calls_out_of_order_say_what_to_do(bench, tmp_path):
    with pytest.raises(ValueError, match="No dataset is open"):
        bench.recorder.start_episode("wave")
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    with pytest.raises(ValueError, match="Start one first"):
        bench.recorder.save_episode()
    with pytest.raises(ValueError, match="Expected a task in words"):
        bench.recorder.start_episode("  ")
    bench.recorder.start_episode("wave")
    with pytest.raises(ValueError, match="already open"):
        bench.recorder.start_episode("wave")
    with pytest.raises(ValueError, match="Nothing was recorded yet"):
        bench.recorder.save_episode()


def test_pictures_that_find_the_encoder_behind_are_counted_and_rows_stay_aligned(
    bench, tmp_path, monkeypatch
):
    monkeypatch.setattr("recordings.video.WAITING_BYTES", 0)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("pick up the cube")
    bench.recorder._writer._encoders["cam_low"].submit(time.sleep, 0.3)
    bench.turn(40)
    assert bench.recorder.status().dropped > 10
    bench.recorder.save_episode()

    dataset = Dataset(tmp_path / "d")
    quality = dataset.episodes()[0].quality
    assert quality.verdict == "poor"
    assert "pictures of cam_low were dropped" in quality.reason
    captured = dataset.rows(0)["capture_time.cam_low"]
    for number in range(40):
        taken = round((captured[number] + 100.0) * 50)
        shown = dataset.frame(0, "cam_low", number).astype(int)
        assert abs(shown - picture(taken)).max() <= 6


def test_a_simulation_waits_for_its_encoders_instead(make_bench, tmp_path, monkeypatch):
    monkeypatch.setattr("recordings.video.WAITING_BYTES", 0)
    bench = make_bench(realtime=False)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record(ticks=80)

    assert bench.recorder.status().quality.dropped == {"cam_high": 0, "cam_low": 0}


def test_a_tick_takes_well_under_a_millisecond_and_saving_under_300(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    ticks, saves = [], []
    for _ in range(3):
        bench.recorder.start_episode("pick up the cube")
        bench.turn(1)
        for _ in range(40):
            bench.turn(1)
            begun = time.perf_counter()
            bench.recorder(bench.ticks[-1])
            ticks.append(time.perf_counter() - begun)
        time.sleep(0.2)  # real ticks come slower than they are encoded
        begun = time.perf_counter()
        bench.recorder.save_episode()
        saves.append(time.perf_counter() - begun)

    assert np.median(ticks) < 0.001
    assert min(saves) < 0.3


def test_every_episode_is_on_disk_with_a_footer_when_saving_returns(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    for count in range(1, 4):
        bench.record(ticks=count * 5)
        (data,) = (tmp_path / "d/data").rglob("*.parquet")
        assert pq.ParquetFile(data).num_row_groups == count
        assert len(Dataset(tmp_path / "d")) == count
