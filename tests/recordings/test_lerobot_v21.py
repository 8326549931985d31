import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tyro
from bench import Bench
from plain_reading import PlainDataset, contents

from recordings import editing, export_v21, import_v21
from recordings.check import check
from recordings.drives import Plan, Span, keep_drives, read_drives, read_plans
from recordings.features import as_arrays
from recordings.piece import trimmed

CAMERAS = ("observation.images.cam_high", "observation.images.cam_low")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded") / "d"
    with Bench() as bench:
        bench.recorder.open_dataset(folder, fps=25)
        for number in range(3):
            bench.record(f"task {number % 2}", ticks=20 + 2 * number)
    return folder


def films(folder, key):
    return sorted(folder.rglob(f"*{key}*/**/*.mp4"))


def test_a_dataset_goes_to_v21_and_back_to_the_last_bit(recorded, tmp_path):
    done = export_v21.export_v21(recorded, tmp_path / "old")
    assert (done.episodes, done.encoded_again) == (3, 0)
    assert import_v21.import_v21(tmp_path / "old", tmp_path / "new") == 3
    assert check(tmp_path / "new").problems == []
    before, after = PlainDataset(recorded), PlainDataset(tmp_path / "new")
    after.require_right()
    assert contents(tmp_path / "new") == contents(recorded)
    for name, values in before.columns.items():
        assert after.columns[name].tobytes() == values.tobytes()
    for key in CAMERAS:
        for ours, theirs in zip(films(recorded, key), films(tmp_path / "new", key), strict=True):
            assert ours.read_bytes() == theirs.read_bytes()
    assert (tmp_path / "new/meta/embodiment.json").exists()


def test_who_drove_and_what_a_policy_planned_goes_along(recorded, tmp_path):
    folder = shutil.copytree(recorded, tmp_path / "d")
    planned = Plan(0.0, 0.1, 50.0, np.arange(40, dtype=np.float32).reshape(10, 4))
    spans = [Span(0.0, "policy", "lift", "ours"), Span(0.2, "person")]
    keep_drives(folder, 1, spans, [planned])
    export_v21.export_v21(folder, tmp_path / "old")
    import_v21.import_v21(tmp_path / "old", tmp_path / "new")
    before, after = read_drives(folder), read_drives(tmp_path / "new")
    assert after == before
    back = read_plans(tmp_path / "new", after[1], secs=1.0)[0]
    assert back.actions.tobytes() == planned.actions.tobytes()
    assert (back.observed_secs, back.taken_secs, back.hz) == (0.0, 0.1, 50.0)


def test_v21_has_a_file_per_episode_and_camera(recorded, tmp_path):
    export_v21.export_v21(recorded, tmp_path / "old")
    info = json.loads((tmp_path / "old/meta/info.json").read_text())
    assert (info["codebase_version"], info["total_videos"], info["total_chunks"]) == ("v2.1", 6, 1)
    rows = pq.read_table(tmp_path / "old/data/chunk-000/episode_000001.parquet")
    assert rows["episode_index"].to_pylist() == [1] * 11
    assert b'"Sequence"' in rows.schema.metadata[b"huggingface"]
    assert (tmp_path / "old/videos/chunk-000" / CAMERAS[0] / "episode_000002.mp4").exists()
    lines = (tmp_path / "old/meta/episodes_stats.jsonl").read_text().splitlines()
    counted = json.loads(lines[1])["stats"]["action"]
    assert set(counted) == {"min", "max", "mean", "std", "count"}
    actions = np.array(rows["action"].to_pylist())
    assert np.allclose(counted["mean"], actions.mean(axis=0))


def test_a_trimmed_episode_is_exported_without_what_was_cut_off(recorded, tmp_path):
    folder = tmp_path / "d"
    shutil.copytree(recorded, folder)
    editing.edit(folder, "trim", lambda all_: trimmed(all_, 1, 3, 2))
    done = export_v21.export_v21(folder, tmp_path / "old", where=["task=task 1"])
    assert (done.episodes, done.encoded_again) == (1, 2)
    import_v21.import_v21(tmp_path / "old", tmp_path / "new")
    before, after = PlainDataset(folder), PlainDataset(tmp_path / "new")
    after.require_right()
    assert after.episodes[0]["tasks"] == before.episodes[1]["tasks"]
    assert np.array_equal(after.of(0, "action"), before.of(1, "action"))
    for key in CAMERAS:
        apart = before.pictures(1, key).astype(int) - after.pictures(0, key)
        assert np.abs(apart).max() < 6


def test_films_that_were_encoded_again_are_described_as_they_are_now(recorded, tmp_path):
    folder = shutil.copytree(recorded, tmp_path / "d")
    path = folder / "meta/info.json"
    info = json.loads(path.read_text())
    for key in CAMERAS:
        info["features"][key]["info"] |= {"video.codec": "av1", "has_audio": True}
    path.write_text(json.dumps(info))
    (folder / "meta/embodiment.json").unlink()
    for name, where, codec in (("cut", ["index=1"], "h264"), ("whole", ["index=0"], "av1")):
        editing.edit(folder, "trim", lambda all_: trimmed(all_, 1, 1, 0))
        export_v21.export_v21(folder, tmp_path / name, where=where)
        told = json.loads((tmp_path / name / "meta/info.json").read_text())["features"]
        assert [told[key]["info"]["video.codec"] for key in CAMERAS] == [codec, codec]


def test_films_behind_links_are_imported_as_files_of_their_own(recorded, tmp_path):
    export_v21.export_v21(recorded, tmp_path / "old")
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for number, path in enumerate((tmp_path / "old/videos").rglob("*.mp4")):
        path.rename(blobs / str(number))
        path.symlink_to(f"../../../../blobs/{number}")
    import_v21.import_v21(tmp_path / "old", tmp_path / "new")
    assert contents(tmp_path / "new") == contents(recorded)
    assert not any(path.is_symlink() for path in films(tmp_path / "new", "cam"))
    next(blobs.iterdir()).unlink()
    with pytest.raises(ValueError, match="A file of the dataset is lacking"):
        import_v21.import_v21(tmp_path / "old", tmp_path / "newer")


def test_pictures_in_data_files_are_refused_in_words(recorded, tmp_path):
    export_v21.export_v21(recorded, tmp_path / "old")
    path = tmp_path / "old/meta/info.json"
    info = json.loads(path.read_text())
    info["features"][CAMERAS[0]]["dtype"] = "image"
    path.write_text(json.dumps(info))
    with pytest.raises(ValueError, match=r"cam_high.* one by one in the data files"):
        import_v21.import_v21(tmp_path / "old", tmp_path / "new")


def test_columns_of_any_kind_come_along(recorded, tmp_path):
    export_v21.export_v21(recorded, tmp_path / "old")
    for path in (tmp_path / "old/data/chunk-000").iterdir():
        rows = pq.read_table(path).replace_schema_metadata(None)
        done = [False] * (rows.num_rows - 1) + [True]
        rows = rows.append_column("next.done", pa.array(done))
        rows = rows.append_column("remark", pa.array([f"row {i}" for i in range(rows.num_rows)]))
        pq.write_table(rows, path)
    path = tmp_path / "old/meta/info.json"
    info = json.loads(path.read_text())
    info["features"]["next.done"] = {"dtype": "bool", "shape": [1], "names": None}
    info["features"]["remark"] = {"dtype": "string", "shape": [1], "names": None}
    path.write_text(json.dumps(info))
    (tmp_path / "old/meta/embodiment.json").unlink()
    import_v21.import_v21(tmp_path / "old", tmp_path / "new")
    rows = PlainDataset(tmp_path / "new").rows
    assert rows["next.done"].to_pylist().count(True) == 3
    assert rows["remark"].to_pylist()[:2] == ["row 0", "row 1"]


def command(module, *words):
    return tyro.cli(module.main, args=[str(word) for word in words])


def test_the_commands_say_what_is_wrong(recorded, tmp_path, capsys):
    old, target = tmp_path / "old", tmp_path / "new"
    assert command(export_v21, recorded, "--to", old) == 0
    assert "3 episodes in" in capsys.readouterr().out
    assert command(export_v21, recorded, "--to", old) == 1
    assert "Expected a new folder" in capsys.readouterr().err
    assert command(import_v21, recorded, "--to", target) == 1
    assert "Expected a LeRobotDataset of ('v2.0', 'v2.1')" in capsys.readouterr().err
    rows = old / "data/chunk-000/episode_000001.parquet"
    whole = rows.read_bytes()
    rows.write_bytes(whole[:100])
    assert command(import_v21, old, "--to", target) == 1
    assert "Cannot read a data file" in capsys.readouterr().err
    rows.write_bytes(whole)
    (old / "videos/chunk-000" / CAMERAS[0] / "episode_000002.mp4").unlink()
    assert command(import_v21, old, "--to", target) == 1
    assert "A file of the dataset is lacking" in capsys.readouterr().err
    episodes = old / "meta/episodes.jsonl"
    episodes.write_text("".join(episodes.read_text().splitlines(keepends=True)[1:]))
    assert command(import_v21, old, "--to", target) == 1
    assert "leaves episodes out" in capsys.readouterr().err
    assert not target.exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_vectors_without_a_fixed_length_are_vectors_too(recorded):
    fixed = PlainDataset(recorded).rows.select(["action", "index"])
    loose = fixed.cast(pa.schema({"action": pa.list_(pa.float32()), "index": pa.int64()}))
    for name, values in as_arrays(fixed).items():
        assert np.array_equal(as_arrays(loose)[name], values)
