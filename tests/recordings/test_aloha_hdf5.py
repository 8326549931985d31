import json

import h5py
import numpy as np
import pytest
import tyro
from plain_reading import PlainDataset
from tiny_robot import SimpleArm

from recordings import export_aloha, import_aloha
from recordings.aloha_hdf5 import AlohaFile
from recordings.check import check
from recordings.dataset import Dataset

STEPS, HEIGHT, WIDTH = 12, 32, 48
CAMERAS = ("cam_high", "cam_low")


def write_episode(path, seed, dtype=np.float32, steps=STEPS):
    """An episode as tonyzhaozh's record_episodes writes it, with smooth pictures."""
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.attrs["sim"] = True
        for name in ("observations/qpos", "observations/qvel", "observations/effort", "action"):
            file.create_dataset(name, data=rng.normal(size=(steps, 14)).astype(dtype))
        for camera in CAMERAS:
            shades = 40 + 10 * np.arange(steps)[:, None, None, None] + [0, 20, 40]
            pictures = np.broadcast_to(shades, (steps, HEIGHT, WIDTH, 3)).astype(np.uint8)
            file.create_dataset(f"observations/images/{camera}", data=pictures)
    return path


@pytest.fixture
def episodes(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    for number in (0, 2, 10):
        write_episode(folder / f"episode_{number}.hdf5", number, steps=STEPS + number)
    return folder


def numbers_in(path):
    with AlohaFile(path) as file:
        return file.columns()


def require_same_numbers(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        assert ours[name].dtype == values.dtype
        assert ours[name].tobytes() == values.tobytes()


def test_numbers_go_in_and_out_again_to_the_last_bit(episodes, tmp_path):
    assert import_aloha.import_aloha([episodes], tmp_path / "d", task="lift") == 3
    dataset = PlainDataset(tmp_path / "d")
    dataset.require_right()
    assert check(tmp_path / "d").problems == []
    assert [entry["length"] for entry in dataset.episodes] == [12, 14, 22]
    assert export_aloha.export_aloha(tmp_path / "d", tmp_path / "back") == 3
    for number, name in enumerate(("episode_0", "episode_2", "episode_10")):
        back = tmp_path / "back" / f"episode_{number}.hdf5"
        require_same_numbers(numbers_in(back), numbers_in(episodes / f"{name}.hdf5"))
        with h5py.File(back) as file:
            assert (bool(file.attrs["sim"]), file.attrs["task"]) == (True, "lift")
            for camera in CAMERAS:
                stored = file[f"observations/images/{camera}"][()]
                key = f"observation.images.{camera}"
                assert np.array_equal(stored, dataset.pictures(number, key))
    assert import_aloha.import_aloha([tmp_path / "back"], tmp_path / "again") == 3
    again = PlainDataset(tmp_path / "again")
    assert set(again.columns) == set(dataset.columns)
    for name, values in dataset.columns.items():
        assert again.columns[name].tobytes() == values.tobytes()


def test_double_precision_stays_double_where_it_says_more(tmp_path):
    write_episode(tmp_path / "episode_0.hdf5", 0, np.float64)
    import_aloha.import_aloha([tmp_path / "episode_0.hdf5"], tmp_path / "d", task="lift")
    features = json.loads((tmp_path / "d/meta/info.json").read_text())["features"]
    assert features["action"]["dtype"] == "float64"
    assert check(tmp_path / "d").problems == []
    export_aloha.export_aloha(tmp_path / "d", tmp_path / "back")
    require_same_numbers(
        numbers_in(tmp_path / "back/episode_0.hdf5"), numbers_in(tmp_path / "episode_0.hdf5")
    )


def test_pictures_look_the_same_in_either_order_of_colours(episodes, tmp_path):
    one = [episodes / "episode_0.hdf5"]
    for colours, shades in (("rgb", (40, 60, 80)), ("bgr", (80, 60, 40))):
        import_aloha.import_aloha(one, tmp_path / colours, task="lift", colours=colours)
        with Dataset(tmp_path / colours) as dataset:
            seen = dataset.frame(0, "cam_low", 0).mean(axis=(0, 1))
        assert np.abs(seen - shades).max() < 4


def test_jpeg_pictures_are_read_and_written_as_interbotix_does(episodes, tmp_path):
    import_aloha.import_aloha([episodes], tmp_path / "d", task="lift")
    export_aloha.export_aloha(tmp_path / "d", tmp_path / "packed", jpeg_quality=90)
    packed = tmp_path / "packed/episode_1.hdf5"
    with h5py.File(packed) as file:
        assert file.attrs["compress"]
        assert file["compress_len"].shape == (2, 14)
        assert file["observations/images/cam_low"].ndim == 2
    plain = PlainDataset(tmp_path / "d").pictures(1, "observation.images.cam_low")
    with AlohaFile(packed) as file:
        assert np.abs(np.stack(list(file.pictures("cam_low"))).astype(int) - plain).max() < 12


def test_recordings_without_velocities_are_exported_with_some_that_say_what_they_are(
    make_bench, tmp_path
):
    bench = make_bench(arm=SimpleArm)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record("wave", ticks=20)
    export_aloha.export_aloha(tmp_path / "d", tmp_path / "out")
    with h5py.File(tmp_path / "out/episode_0.hdf5") as file, Dataset(tmp_path / "d") as dataset:
        rows = dataset.rows(0)
        assert np.array_equal(file["action"], rows["action"])
        assert np.array_equal(file["observations/qpos"], rows["observation.state"])
        assert file.attrs["qvel_computed"]
        middle = (rows["observation.state"][2] - rows["observation.state"][0]) / 2 * 50
        assert np.allclose(file["observations/qvel"][1], middle, atol=1e-5)
        assert "effort" not in file["observations"]


def command(module, *words):
    return tyro.cli(module.main, args=[str(word) for word in words])


def test_an_export_appears_whole_or_not_at_all(episodes, tmp_path):
    import_aloha.import_aloha([episodes], tmp_path / "d", task="lift")
    film = next((tmp_path / "d/videos").rglob("*cam_low*/**/file-002.mp4"))
    film.rename(tmp_path / "away")
    for where, words in ([], "file-002.mp4"), (["task=other"], "No episode is as asked for"):
        with pytest.raises(ValueError, match=words):
            export_aloha.export_aloha(tmp_path / "d", tmp_path / "out", where=where)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["away", "d", "theirs"]
    (tmp_path / "away").rename(film)
    (tmp_path / "out").mkdir()
    assert export_aloha.export_aloha(tmp_path / "d", tmp_path / "out") == 3
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_the_commands_say_what_is_wrong(episodes, tmp_path, capsys):
    missing, torn = tmp_path / "empty", tmp_path / "torn.hdf5"
    missing.mkdir()
    torn.write_bytes(b"not HDF5")
    with h5py.File(tmp_path / "half.hdf5", "w") as file:
        file.create_dataset("action", data=np.zeros((3, 14)))
    uneven = write_episode(tmp_path / "uneven.hdf5", 0)
    with h5py.File(uneven, "a") as file:
        del file["action"]
        file.create_dataset("action", data=np.zeros((3, 14), np.float32))
    other = write_episode(tmp_path / "other.hdf5", 0)
    with h5py.File(other, "a") as file:
        del file["observations/effort"]
    target = tmp_path / "d"
    for files, words in [
        ([missing], "found none"),
        ([torn], "Cannot read an HDF5 file"),
        ([tmp_path / "half.hdf5"], "Not an episode of ALOHA"),
        ([uneven], "Expected the same number of steps"),
        ([episodes, other], "Expected what episode_0.hdf5 has"),
        ([episodes], "does not say what was done"),
    ]:
        assert command(import_aloha, *files, "--to", target) == 1
        assert words in capsys.readouterr().err
    assert not target.exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert command(import_aloha, episodes, "--to", target, "--task", "lift") == 0
    assert command(import_aloha, episodes, "--to", target, "--task", "lift") == 1
    assert "Expected a new folder" in capsys.readouterr().err
    assert command(export_aloha, target, "--to", tmp_path / "o", "--where", "num_frames>12") == 0
    assert "2 episodes in" in capsys.readouterr().out
    assert command(export_aloha, target, "--to", tmp_path / "o") == 1
