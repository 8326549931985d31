import dataclasses
import json

import av
import h5py
import numpy as np
import pytest
import tyro
from mcap.reader import make_reader
from tiny_robot import HEIGHT, WIDTH

from hardware.interfaces import Frame
from recordings import editing, export_aloha, export_mcap, export_v21
from recordings.check import check
from recordings.codec import AV1, CODECS, FilmFormat, codec_named, usable
from recordings.dataset import Dataset
from recordings.piece import trimmed
from recordings.repair import repair
from recordings.sizes import expected_size
from recordings.video import millimetres
from recordings.video_reader import VideoReader

DEPTH_KEY = "observation.images.cam_low_depth"


def feature(folder, key):
    return json.loads((folder / "meta/info.json").read_text())["features"][key]


def test_films_can_be_av1_and_are_continued_as_such(make_bench, tmp_path):
    folder = tmp_path / "d"
    bench = make_bench(realtime=False)
    bench.recorder.open_dataset(folder, 50, FilmFormat(AV1))
    bench.record(ticks=20)
    bench.recorder.close()
    again = make_bench(realtime=False)
    again.recorder.open_dataset(folder, 50)
    again.record(ticks=10)

    assert feature(folder, "observation.images.cam_high")["info"]["video.codec"] == "av1"
    for film in folder.rglob("*.mp4"):
        with av.open(str(film)) as opened:
            assert opened.streams.video[0].codec_context.name in ("av1", "libdav1d")
    assert check(folder).problems == []
    with Dataset(folder) as dataset:
        shown = dataset.frame(0, "cam_low", 19).astype(int)
    assert abs(shown - bench.ticks[19].observation.frames["cam_low"].image).max() <= 8


def test_a_dataset_is_not_continued_with_films_of_another_kind(make_bench, tmp_path):
    bench = make_bench()
    bench.recorder.open_dataset(tmp_path / "d", 50)
    bench.recorder.close()
    with pytest.raises(ValueError, match="has films as h264, asked for av1"):
        bench.recorder.open_dataset(tmp_path / "d", 50, FilmFormat(AV1))


def test_an_encoder_that_this_machine_lacks_is_refused_before_anything_is_made(bench, tmp_path):
    (absent,) = sorted(set(CODECS) - set(usable((HEIGHT, WIDTH))))[:1]
    codec = codec_named(absent)
    with pytest.raises(ValueError, match=f"cannot encode films as '{absent}'.*It needs.*'h264'"):
        bench.recorder.open_dataset(tmp_path / "d", 50, FilmFormat(codec))
    assert not (tmp_path / "d").exists()
    with pytest.raises(ValueError, match="Expected one of the codecs"):
        codec_named("mpeg2")


def depth_of(number):
    """A slope that changes, to 30 m away, with a hole."""
    depth = np.linspace(0.2 + number / 1000, 30, HEIGHT * WIDTH, dtype=np.float32)
    depth[:50] = 0
    return depth.reshape(HEIGHT, WIDTH)


def measuring(bench, camera):
    """Let a camera of the bench measure depth too."""
    colour = bench.robot._cameras[camera].read_latest

    def read_latest():
        frame = colour()
        return Frame(frame.image, frame.captured_at, depth=depth_of(round(frame.captured_at * 50)))

    bench.robot._cameras[camera].read_latest = read_latest


def test_depth_is_kept_to_the_millimetre(make_bench, tmp_path):
    folder = tmp_path / "d"
    bench = make_bench(realtime=False)
    measuring(bench, "cam_low")
    bench.recorder.open_dataset(folder, 50, FilmFormat(depth=("cam_low",)))
    bench.record(ticks=12)

    assert check(folder).problems == []
    said = feature(folder, "observation.images.cam_low_depth")
    assert said["shape"] == [HEIGHT, WIDTH, 1]
    assert said["info"]["video.is_depth_map"]
    (film,) = (folder / "videos/observation.images.cam_low_depth").rglob("*.mp4")
    with VideoReader(film) as reader:
        frames = [reader.read_depth(number) for number in range(12)]
    for frame, tick in zip(frames, bench.ticks, strict=True):
        depth = tick.observation.frames["cam_low"].depth
        np.testing.assert_array_equal(frame, millimetres(depth))
        assert abs(frame / 1000 - depth).max() <= 0.0005 + 1e-6


def test_depth_goes_on_when_a_dataset_is_continued(make_bench, tmp_path):
    for films in (FilmFormat(depth=("cam_high",)), None):
        bench = make_bench(realtime=False)
        measuring(bench, "cam_high")
        bench.recorder.open_dataset(tmp_path / "d", 50, films)
        bench.record(ticks=6)
        bench.recorder.close()
    assert check(tmp_path / "d").problems == []
    assert len(list(tmp_path.rglob("*_depth/*/*.mp4"))) == 2


def test_a_camera_that_stops_measuring_fails_the_episode(make_bench, tmp_path):
    bench = make_bench(realtime=False)
    bench.recorder.open_dataset(tmp_path / "d", 50, FilmFormat(depth=("cam_high",)))
    bench.recorder.start_episode("wave")
    bench.turn(3)
    assert "cam_high gave no depth" in bench.recorder.status().error


def test_what_cannot_be_measured_is_zero_and_what_is_too_far_the_farthest():
    depth = np.array([[np.nan, 0.0, 0.0014, 70.0]], np.float32)
    assert millimetres(depth).tolist() == [[0, 0, 1, 65535]]


def test_the_size_of_a_recording_is_told_before_it_is_made(bench, tmp_path):
    bench.recorder.open_dataset(tmp_path / "d", 50)
    status = bench.recorder.status()
    assert status.secs_left > 0
    body = bench.recorder.embodiment
    plain = expected_size(body, 50, FilmFormat()).bytes_per_sec
    assert status.bytes_per_sec == plain
    assert expected_size(body, 50, FilmFormat(depth=("cam_low",))).bytes_per_sec > 3 * plain
    assert expected_size(body, 25, FilmFormat()).bytes_per_sec == pytest.approx(plain / 2)


def test_repair_finds_out_how_films_were_made(make_bench, tmp_path):
    folder = tmp_path / "d"
    bench = make_bench(realtime=False)
    measuring(bench, "cam_low")
    bench.recorder.open_dataset(folder, 50, FilmFormat(AV1, ("cam_low",)))
    bench.record(ticks=12)
    bench.recorder.close()
    whole = json.loads((folder / "meta/info.json").read_text())
    (folder / "meta/info.json").unlink()
    repair(folder)
    assert json.loads((folder / "meta/info.json").read_text()) == whole
    assert check(folder).problems == []


@pytest.fixture
def with_depth(make_bench, tmp_path):
    """Two episodes of 12 rows with depth; the first was trimmed."""
    bench, folder = make_bench(realtime=False), tmp_path / "d"
    measuring(bench, "cam_low")
    bench.recorder.open_dataset(folder, 50, FilmFormat(depth=("cam_low",)))
    bench.record(ticks=12)
    bench.record(ticks=12)
    bench.recorder.close()
    editing.edit(folder, "trim", lambda all_: trimmed(all_, 0, 3, 2))
    return folder


def depth_in(folder, first, count):
    film = sorted((folder / "videos").rglob(f"*{DEPTH_KEY}/**/*0.mp4"))[0]
    with VideoReader(film) as reader:
        return [reader.read_depth(number) for number in range(first, first + count)]


def test_depth_goes_to_v21_to_the_last_bit_also_when_trimmed(with_depth, tmp_path):
    done = export_v21.export_v21(with_depth, tmp_path / "old")
    assert done.encoded_again == 3
    (film,) = (tmp_path / "old/videos").rglob(f"{DEPTH_KEY}/episode_000000.mp4")
    with VideoReader(film) as reader:
        assert reader.num_frames == 7
        found = [reader.read_depth(number) for number in range(7)]
    np.testing.assert_array_equal(found, depth_in(with_depth, 3, 7))
    assert feature(tmp_path / "old", DEPTH_KEY) == feature(with_depth, DEPTH_KEY)


def test_depth_is_left_out_of_mcap_by_name(with_depth, tmp_path, capsys):
    words = [str(with_depth), "--to", str(tmp_path / "out")]
    assert tyro.cli(export_mcap.main, args=words) == 0
    assert "Depth was left out: cam_low_depth." in capsys.readouterr().out
    with (tmp_path / "out/episode_000000.mcap").open("rb") as file:
        reader = make_reader(file)
        topics = {channel.topic for _, channel, _ in reader.iter_messages()}
        (told,) = [each.metadata for each in reader.iter_metadata()]
    assert {topic for topic in topics if "camera" in topic} == {
        "/camera/cam_high",
        "/camera/cam_low",
    }
    assert json.loads(told["left_out"]) == ["cam_low_depth"]


def test_depth_is_left_out_of_aloha_files_by_name(with_depth, tmp_path, capsys):
    words = [str(with_depth), "--to", str(tmp_path / "out")]
    assert tyro.cli(export_aloha.main, args=words) == 0
    assert "Depth was left out: cam_low_depth" in capsys.readouterr().out
    with h5py.File(tmp_path / "out/episode_0.hdf5") as file:
        assert set(file["observations/images"]) == {"cam_high", "cam_low"}
        assert file.attrs["left_out"] == "cam_low_depth"


def test_a_depth_picture_that_is_lacking_repeats_the_last(make_bench, tmp_path):
    bench = make_bench(realtime=False)
    measuring(bench, "cam_high")
    bench.recorder.open_dataset(tmp_path / "d", 50, FilmFormat(depth=("cam_high",)))
    bench.recorder.start_episode("wave")
    bench.turn(3)
    camera = bench.robot._cameras["cam_high"]
    seen = camera.read_latest
    camera.read_latest = lambda: dataclasses.replace(seen(), depth=None)
    bench.turn(3)
    assert bench.recorder.save_episode() == 0
    assert check(tmp_path / "d").problems == []
    (film,) = (tmp_path / "d/videos/observation.images.cam_high_depth").rglob("*.mp4")
    with VideoReader(film) as reader:
        third, last = reader.read_depth(2), reader.read_depth(5)
    np.testing.assert_array_equal(third, last)
