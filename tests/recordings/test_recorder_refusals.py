import pytest
from tiny_robot import picture, tiny_body

from hardware.interfaces import Frame
from recordings.check import check
from recordings.dataset import Dataset
from recordings.disk import RecordingError
from recordings.recorder import Recorder


def test_a_rate_that_does_not_divide_the_control_rate_is_refused(bench, tmp_path):
    with pytest.raises(ValueError, match=r"50 Hz, got 30 fps. Choose one of \[1, 2, 5, 10, 25, 50"):
        bench.recorder.open_dataset(tmp_path / "d", fps=30)


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
