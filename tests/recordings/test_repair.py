import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from recordings import check, editing, repair
from recordings.dataset import Dataset
from recordings.history import version_of
from recordings.marks import Marks, read_marks
from recordings.parquet_tail import ParquetTail
from recordings.piece import marked, without


def problems_in(folder):
    return check.check(folder).problems


@pytest.fixture
def dataset(recorded, tmp_path):
    return Path(shutil.copytree(recorded, tmp_path / "d"))


def lengths(folder):
    with Dataset(folder) as dataset:
        return [episode.num_frames for episode in dataset.episodes()]


def test_a_fresh_dataset_keeps_every_promise(dataset, capsys):
    assert problems_in(dataset) == []
    assert check.main(dataset) == 0
    said = capsys.readouterr().out
    assert "5 episodes, 60 rows, 0 of poor quality." in said
    assert "Whole: every row and every picture is there." in said


def test_the_report_for_programs_is_json(dataset, capsys):
    assert check.main(dataset, json_=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["whole"]
    assert report["episodes"][4]["quality"]["verdict"] == "good"


def test_repairing_an_edited_dataset_shows_no_film_of_another_episode(dataset):
    editing.edit(dataset, "mark", lambda all_: marked(all_, [4], success=False))
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    with Dataset(dataset) as before:
        shown = before.frame(3, "cam_low", 0)
    torn = dataset / "meta/episodes/chunk-000/file-000.parquet"
    whole = torn.read_bytes()
    torn.unlink()
    with pytest.raises(ValueError, match="after edits and repairs films have any number"):
        repair.repair(dataset)
    torn.write_bytes(whole)
    editing.undo(dataset)
    (dataset / "data/chunk-000/file-000.parquet").write_bytes(b"torn")
    assert repair.repair(dataset).kept == 3
    assert read_marks(dataset) == {2: Marks(success=False)}
    with Dataset(dataset) as after:
        assert np.array_equal(after.frame(2, "cam_low", 0), shown)


def test_a_second_repair_gives_no_episode_the_film_of_another(dataset):
    deleted_film(dataset)
    repair.repair(dataset)
    assert version_of(dataset) is not None
    deleted_tables(dataset)
    with pytest.raises(ValueError, match="after edits and repairs films have any number"):
        repair.repair(dataset)


def test_a_film_of_another_length_is_not_taken_for_the_episodes(dataset):
    films = dataset / "videos/observation.images.cam_high/chunk-000"
    shutil.copy(films / "file-004.mp4", films / "file-001.mp4")
    deleted_tables(dataset)
    outcome = repair.repair(dataset)
    assert (outcome.kept, len(outcome.lost)) == (4, 1)
    assert "expected 11 frames, got 14" in outcome.lost[0]
    assert lengths(dataset) == [10, 12, 13, 14]


def test_rows_of_the_table_out_of_order_are_refused_until_repaired(dataset):
    with Dataset(dataset) as before:
        shown = before.frame(1, "cam_low", 0)
    path = dataset / "meta/episodes/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take([1, 0]), path)
    with pytest.raises(ValueError, match=r"expected episode 0 in row 0, got .* recordings\.repair"):
        Dataset(dataset)
    assert repair.repair(dataset).kept == 5
    with Dataset(dataset) as after:
        assert np.array_equal(after.frame(1, "cam_low", 0), shown)


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def torn_film(folder):
    truncate(folder / "videos/observation.images.cam_low/chunk-000/file-001.mp4")


def deleted_film(folder):
    (folder / "videos/observation.images.cam_high/chunk-000/file-001.mp4").unlink()


def swapped_film(folder):
    films = folder / "videos/observation.images.cam_high/chunk-000"
    shutil.copy(films / "file-000.mp4", films / "file-001.mp4")


def torn_data(folder):
    truncate(folder / "data/chunk-000/file-001.parquet")


def deleted_data(folder):
    (folder / "data/chunk-000/file-001.parquet").unlink()


def torn_table(folder):
    truncate(folder / "meta/episodes/chunk-000/file-001.parquet")


def deleted_tables(folder):
    shutil.rmtree(folder / "meta/episodes")


def torn_info(folder):
    truncate(folder / "meta/info.json")


def deleted_info(folder):
    (folder / "meta/info.json").unlink()


def torn_tasks(folder):
    truncate(folder / "meta/tasks.parquet")


def torn_stats(folder):
    truncate(folder / "meta/stats.json")


def old_info(folder):
    info = json.loads((folder / "meta/info.json").read_text())
    info |= {"total_episodes": 4, "total_frames": 46, "splits": {"train": "0:4"}, "total_tasks": 1}
    (folder / "meta/info.json").write_text(json.dumps(info))


@pytest.mark.parametrize(
    ("damage", "kept"),
    [
        (torn_film, [10, 12, 13, 14]),
        (deleted_film, [10, 12, 13, 14]),
        (swapped_film, [10, 12, 13, 14]),
        (torn_data, [10, 11, 14]),
        (deleted_data, [10, 11, 14]),
        (torn_table, [10, 11, 12, 13, 14]),
        (deleted_tables, [10, 11, 12, 13, 14]),
        (torn_info, [10, 11, 12, 13, 14]),
        (deleted_info, [10, 11, 12, 13, 14]),
        (torn_tasks, [10, 11, 12, 13, 14]),
        (torn_stats, [10, 11, 12, 13, 14]),
        (old_info, [10, 11, 12, 13, 14]),
    ],
)
def test_damage_is_found_and_repair_keeps_what_is_whole(dataset, damage, kept, make_bench):
    damage(dataset)
    assert problems_in(dataset) != []

    outcome = repair.repair(dataset)

    assert problems_in(dataset) == []
    assert lengths(dataset) == kept
    assert outcome.kept == len(kept)
    assert bool(outcome.lost) == (
        damage.__name__
        not in ("deleted_tables", "torn_info", "deleted_info", "torn_stats", "old_info")
    )
    with Dataset(dataset) as again:
        assert all(e.task == f"task {e.num_frames % 2}" for e in again.episodes())
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=25)
    assert bench.record("task 2", ticks=40) == len(kept)
    assert problems_in(dataset) == []


def test_what_was_there_is_kept_beside_the_dataset(dataset):
    before = {
        path.relative_to(dataset): path.read_bytes()
        for part in ("meta", "data")
        for path in (dataset / part).rglob("*")
        if path.is_file()
    }
    deleted_film(dataset)
    backup = repair.repair(dataset).backup

    assert {path: (backup / path).read_bytes() for path in before} == before
    orphan = "videos/observation.images.cam_low/chunk-000/file-001.mp4"
    assert (backup / orphan).exists()
    assert not (dataset / orphan).exists()


def test_a_whole_dataset_is_not_touched(dataset, tmp_path, capsys):
    assert repair.main(dataset) == 0
    assert "Nothing to repair: 5 episodes" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_nothing_is_changed_when_nothing_is_whole(dataset, capsys):
    for path in (dataset / "data").rglob("*.parquet"):
        truncate(path)

    assert repair.main(dataset) == 1
    assert "No episode is whole, so nothing was changed" in capsys.readouterr().err
    assert len(list((dataset / "videos").rglob("*.mp4"))) == 10


def test_a_dataset_of_another_tool_is_repaired_without_our_extras(dataset):
    (dataset / "meta/embodiment.json").unlink()
    (dataset / "meta/quality.jsonl").unlink()
    deleted_film(dataset)
    repair.repair(dataset)

    assert problems_in(dataset) == []
    assert lengths(dataset) == [10, 12, 13, 14]


def test_rows_that_lie_are_found(dataset, monkeypatch):
    info = json.loads((dataset / "meta/info.json").read_text())
    info["fps"] = 50
    (dataset / "meta/info.json").write_text(json.dumps(info))

    found = " ".join(problems_in(dataset))
    assert "disagree about observation.images.cam_high" in found
    assert "timestamp is not frame_index / 50" in found
    assert "at 50 fps, got 25" in found


def test_repair_says_what_is_not_a_dataset(tmp_path, capsys):
    assert repair.main(tmp_path) == 1
    assert "Not a dataset" in capsys.readouterr().err


def test_files_of_the_series_stay_small(dataset):
    assert len(list((dataset / "data").rglob("*.parquet"))) == 3
    tail = ParquetTail(dataset, lambda number: dataset / str(number), first=7)
    assert tail.next_number(30_000) == 7
