import time

import numpy as np
import pyarrow.parquet as pq
from tiny_robot import Wave, picture

from recordings.dataset import Dataset


def rows_of_first(folder):
    with Dataset(folder) as dataset:
        return dataset.rows(0)


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
        np.testing.assert_array_equal(rows["wanted"], [t.wanted for t in seen])
        assert (rows["action"] != rows["wanted"]).any()
        for number, tick in enumerate(seen):
            shown = dataset.frame(0, "cam_low", number).astype(int)
            assert abs(shown - tick.observation.frames["cam_low"].image).max() <= 6


def test_rows_can_be_fewer_than_ticks(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", fps=10)
    bench.record(ticks=26)

    rows = rows_of_first(tmp_path / "d")
    np.testing.assert_array_equal(rows["action"], [t.action for t in bench.ticks[::5]])
    np.testing.assert_allclose(rows["timestamp"], np.arange(6) / 10)
    np.testing.assert_allclose(rows["time"], np.arange(6) / 10, atol=1e-5)


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

    rows = rows_of_first(tmp_path / "d")
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

    rows = rows_of_first(tmp_path / "d")
    assert rows["sent"].tolist() == [0] * 5
    np.testing.assert_array_equal(rows["action"], rows["observation.state"])
    assert (rows["action"] == -0.5).all()


def test_a_slow_camera_is_repeated_with_its_true_capture_time(make_bench, tmp_path):
    bench = make_bench(camera_fps=10.0)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record(ticks=50)

    captured = rows_of_first(tmp_path / "d")["capture_time.cam_high"]
    assert len(np.unique(captured)) == 10
    quality = bench.recorder.status().quality
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

    with Dataset(tmp_path / "d") as dataset:
        assert [(e.task, e.num_frames) for e in dataset.episodes()] == [
            ("task 0", 5),
            ("task 1", 6),
            ("task 0", 7),
        ]
        indices = np.concatenate([dataset.rows(i)["index"] for i in range(3)])
    assert indices.tolist() == list(range(18))


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

    with Dataset(tmp_path / "d") as dataset:
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
