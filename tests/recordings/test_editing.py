import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plain_reading import PlainDataset, contents

from recordings import editing
from recordings.check import check
from recordings.dataset import Dataset
from recordings.history import History, version_of
from recordings.marks import Marks, read_marks
from recordings.piece import marked, pieces_of, retasked, split, tagged, trimmed, without
from recordings.selection import select
from recordings.source import Source

CAMERAS = ("observation.images.cam_high", "observation.images.cam_low")


def pictures(folder):
    plain = PlainDataset(folder)
    return [
        [plain.pictures(episode, key) for key in CAMERAS] for episode in range(len(plain.episodes))
    ]


def test_deleting_leaves_the_others_with_their_rows_and_pictures(dataset, recorded):
    before, seen = contents(dataset), pictures(dataset)
    made = editing.edit(dataset, "delete 1 3", lambda all_: without(all_, [1, 3]))
    assert (made.episodes_before, made.episodes_after, made.deleted) == (5, 3, (1, 3))
    assert contents(dataset) == [before[0], before[2], before[4]]
    for now, then in zip(pictures(dataset), [seen[0], seen[2], seen[4]], strict=True):
        assert np.array_equal(now, then)


def test_a_task_that_nothing_shows_any_more_is_gone(dataset):
    editing.edit(dataset, "delete", lambda all_: without(all_, [1, 3]))
    with Dataset(dataset) as opened:
        assert opened.tasks == ["task 0"]


def test_what_was_deleted_can_be_taken_back_to_the_end(dataset):
    before, seen = contents(dataset), pictures(dataset)
    editing.edit(dataset, "delete", lambda all_: without(all_, [1]))
    assert [(each.edit, each.episode, each.task) for each in editing.trash(dataset)] == [
        (1, 1, "task 1")
    ]
    editing.restore(dataset, [(1, 1)])
    assert contents(dataset) == [before[i] for i in (0, 2, 3, 4, 1)]
    assert np.array_equal(pictures(dataset)[4], seen[1])
    assert editing.trash(dataset) == []
    with pytest.raises(ValueError, match="Expected episodes of the trash"):
        editing.restore(dataset, [(1, 1)])


def test_trimming_is_exact_to_the_frame_and_encodes_nothing(dataset):
    before, seen = contents(dataset), pictures(dataset)
    films = {path.name: path.stat().st_ino for path in (dataset / "videos").rglob("*.mp4")}
    editing.edit(dataset, "trim", lambda all_: trimmed(all_, 2, 3, 2))
    task, rows = before[2]
    assert contents(dataset)[2] == (task, rows[3:-2])
    for now, then in zip(pictures(dataset)[2], seen[2], strict=True):
        assert np.array_equal(now, then[3:-2])
    assert films == {path.name: path.stat().st_ino for path in (dataset / "videos").rglob("*.mp4")}
    with Dataset(dataset) as opened:
        columns = opened.rows(2)
        assert columns["time"][0] == 0
        ages = columns["time"] - columns["capture_time.cam_low"]
        assert (np.abs(ages) <= 0.021).all()
        assert np.array_equal(opened.frame(2, "cam_low", 0), seen[2][1][3])


def test_a_trimmed_episode_is_judged_by_the_rows_that_are_left(make_bench, tmp_path):
    folder, bench = tmp_path / "d", make_bench()
    bench.recorder.open_dataset(folder, fps=50)
    bench.recorder.start_episode("wait, then go on")
    bench.turn(5)
    bench.clock.seconds += 1.0
    bench.turn(30)
    bench.recorder.save_episode()
    bench.recorder.close()
    with Dataset(folder) as opened:
        assert opened.episodes()[0].quality.verdict == "poor"
    editing.edit(folder, "trim", lambda all_: trimmed(all_, 0, 6, 0))
    with Dataset(folder) as opened:
        card = opened.episodes()[0].quality
    assert (card.verdict, card.missed_ticks) == ("good", 0)
    assert card.rate_hz == pytest.approx(50, rel=1e-3)


def test_the_parts_of_an_episode_are_episodes_with_its_pictures(dataset):
    before, seen = contents(dataset), pictures(dataset)
    editing.edit(dataset, "split", lambda all_: split(all_, 3, [4, 9]))
    task, rows = before[3]
    parts = [(task, rows[:4]), (task, rows[4:9]), (task, rows[9:])]
    assert contents(dataset) == [*before[:3], *parts, before[4]]
    for camera in range(2):
        joined = np.concatenate([pictures(dataset)[part][camera] for part in (3, 4, 5)])
        assert np.array_equal(joined, seen[3][camera])


def test_other_words_for_an_episode_are_all_that_changes(dataset):
    before = contents(dataset)
    data = dataset / "data/chunk-000/file-001.parquet"
    untouched = data.stat().st_ino
    editing.edit(dataset, "retask", lambda all_: retasked(all_, [4], "stack the cups"))
    assert contents(dataset) == [*before[:4], (("stack the cups",), before[4][1])]
    assert data.stat().st_ino == untouched


def test_datasets_of_one_body_are_merged_and_the_other_stays(dataset, recorded, tmp_path):
    other = Path(shutil.copytree(recorded, tmp_path / "other"))
    editing.edit(other, "retask", lambda all_: retasked(all_, [0], "another task"))
    before, theirs = contents(dataset), contents(other)
    seen = pictures(other)
    editing.merge(dataset, [other])
    assert contents(dataset) == before + theirs
    assert contents(other) == theirs
    assert np.array_equal(pictures(dataset)[5], seen[0])
    with Dataset(dataset) as opened:
        assert opened.tasks == ["task 0", "task 1", "another task"]


def test_datasets_that_differ_are_not_merged(dataset, make_bench, tmp_path):
    bench = make_bench()
    bench.recorder.open_dataset(tmp_path / "fast", fps=50)
    bench.record(ticks=8)
    bench.recorder.close()
    with pytest.raises(ValueError, match="do not fit into this dataset: 50 fps instead of 25"):
        editing.merge(dataset, [tmp_path / "fast"])
    assert History(dataset).done() == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"action_convention": "delta_joints"}, "actions are"),
        ({"control_hz": 25.0}, "control at 25 Hz instead of 50"),
    ],
)
def test_datasets_of_bodies_that_differ_are_not_merged(fields, words, dataset, recorded, tmp_path):
    other = Path(shutil.copytree(recorded, tmp_path / "other"))
    path = other / "meta/embodiment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(ValueError, match=words):
        editing.merge(dataset, [other])


def test_a_film_from_elsewhere_gets_no_number_that_the_dataset_had(dataset, recorded, tmp_path):
    other = Source(shutil.copytree(recorded, tmp_path / "other"))
    there = {path.relative_to(dataset) for path in (dataset / "videos").rglob("*.mp4")}
    editing.edit(dataset, "x", lambda all_: (*without(all_, [4]), *pieces_of(other)[:1]))
    here = {path.relative_to(dataset) for path in (dataset / "videos").rglob("*.mp4")}
    assert {path.name for path in here - there} == {"file-005.mp4"}


def test_a_problem_of_an_episode_does_not_keep_others_from_being_mended(dataset):
    cards = dataset / "meta/quality.jsonl"
    whole = cards.read_text()
    cards.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    editing.edit(dataset, "mark", lambda all_: marked(all_, [0], success=True))
    assert check(dataset).problems == ["Episode 4: has no quality card"]
    editing.edit(dataset, "delete", lambda all_: without(all_, [4]))


def test_an_edit_that_would_make_a_problem_is_refused(dataset, recorded, tmp_path):
    other = Path(shutil.copytree(recorded, tmp_path / "other"))
    (other / "meta/quality.jsonl").unlink()
    with pytest.raises(ValueError, match="with problems: Episode 5: has no quality card"):
        editing.merge(dataset, [other])


def test_a_copy_is_a_dataset_of_its_own(dataset, tmp_path):
    before = contents(dataset)
    assert editing.copy(dataset, [4, 1], tmp_path / "some") == 2
    assert contents(tmp_path / "some") == [before[1], before[4]]
    assert check(tmp_path / "some").problems == []
    editing.edit(dataset, "mark", lambda all_: marked(all_, [1], success=True))
    editing.copy(dataset, [1], tmp_path / "marked")
    assert version_of(tmp_path / "marked") is None
    shutil.rmtree(dataset / "videos")
    assert check(tmp_path / "some").problems == []
    shutil.rmtree(dataset)
    shutil.copytree(tmp_path / "some", dataset)
    with pytest.raises(ValueError, match="Expected a new folder"):
        editing.copy(dataset, [0], tmp_path / "some")


def test_marks_and_tags_move_with_their_episode(dataset):
    editing.edit(dataset, "mark", lambda all_: marked(all_, [3], success=False))
    editing.edit(dataset, "tag", lambda all_: tagged(all_, [3, 4], ["slow", "left"], []))
    editing.edit(dataset, "tag", lambda all_: tagged(all_, [4], [], ["left"]))
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    said = {2: Marks(success=False, tags=("slow", "left")), 3: Marks(tags=("slow",))}
    assert read_marks(dataset) == said
    with Dataset(dataset) as opened:
        assert [each.marks for each in opened.episodes()] == [
            said.get(index, Marks()) for index in range(4)
        ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda all_: without(all_, [5]), "has 5 episodes, counted from 0; asked for"),
        (lambda all_: without(all_, range(5)), "would delete all 5 episodes"),
        (lambda all_: without(all_, []), "No episode was named"),
        (lambda all_: trimmed(all_, 0, 6, 4), "has 10 rows: cannot cut 6 and 4 off"),
        (lambda all_: split(all_, 0, [10]), "can be split at rows 1 to 9"),
        (lambda all_: split(all_, 0, []), "can be split at rows 1 to 9"),
        (lambda all_: retasked(all_, [0], " "), "Expected a task in words"),
        (lambda all_: tagged(all_, [0], [" "], []), "Expected tags"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_in_words(change, words, dataset):
    with pytest.raises(ValueError, match=words):
        editing.edit(dataset, "an edit", change)
    assert History(dataset).done() == []


def test_what_another_tool_says_of_episodes_and_rows_moves_with_them(dataset):
    for path in (dataset / "meta/episodes").rglob("*.parquet"):
        table = pq.read_table(path)
        remarks = [f"remark {index}" for index in table["episode_index"].to_pylist()]
        pq.write_table(table.append_column("remark", pa.array(remarks)), path)
    path = dataset / "meta/info.json"
    info = json.loads(path.read_text())
    del info["features"]["sent"], info["video_files_size_in_mb"]
    path.write_text(json.dumps(info))
    for path in (dataset / "data").rglob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["sent"]), path)
    (dataset / "meta/embodiment.json").unlink()
    times = PlainDataset(dataset).of(2, "time")
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    editing.edit(dataset, "trim", lambda all_: trimmed(all_, 1, 3, 0))
    plain = PlainDataset(dataset)
    assert [entry["remark"] for entry in plain.episodes] == [f"remark {i}" for i in (1, 2, 3, 4)]
    assert np.array_equal(plain.of(1, "time"), times[3:])


def test_a_generated_dataset_that_was_cut_forgets_its_recipe(dataset):
    recipe = dataset / "meta/generation.json"
    recipe.write_text("{}\n")
    editing.edit(dataset, "mark", lambda all_: marked(all_, [0], success=True))
    assert recipe.exists()
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    assert not recipe.exists()


@pytest.mark.parametrize(
    ("conditions", "indices"),
    [
        ([], [0, 1, 2, 3, 4]),
        (["secs<0.45"], [0, 1]),
        (["num_frames>=12", "task=task 1"], [3]),
        (["task~TASK", "index!=2"], [0, 1, 3, 4]),
        (["verdict=good", "dropped=0"], [0, 1, 2, 3, 4]),
        (["success=unknown", "tags=slow"], []),
    ],
)
def test_episodes_are_found_by_any_field(conditions, indices, recorded):
    assert select(Source(recorded), conditions) == indices


def test_a_condition_that_cannot_be_understood_says_what_can(recorded):
    for text, words in [
        ("secs", "Expected a condition such as"),
        ("sec<2", "There is no field 'sec'. Fields: .*'secs'"),
        ("secs<long", "Expected a number after secs"),
    ]:
        with pytest.raises(ValueError, match=words):
            select(Source(recorded), [text])
