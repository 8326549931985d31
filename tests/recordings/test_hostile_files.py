"""Torn, swapped and hostile files: each is refused in words, and none ends the program."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import swap

from recordings.check import check
from recordings.dataset import Dataset
from recordings.source import Source

FILM = "videos/observation.images.cam_high/chunk-000/file-000.mp4"
TABLE = "meta/episodes/chunk-000/file-000.parquet"
ROWS = "data/chunk-000/file-000.parquet"


@pytest.fixture
def torn(recorded, tmp_path):
    """A copy that may be left in any state."""
    folder = tmp_path / "d"
    subprocess.run(["cp", "-r", recorded, folder], check=True)
    return folder


def change_info(folder, **fields):
    path = folder / "meta/info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def change_column(path, name, values, kind=None):
    with pq.ParquetFile(path) as file:
        table = file.read()
    column = pa.array(list(values(table[name].to_pylist())), kind)
    pq.write_table(table.set_column(table.column_names.index(name), name, column), path)


def read(folder):
    with Dataset(folder) as dataset:
        dataset.episodes()
        for episode in range(len(dataset)):
            rows = len(dataset.rows(episode)["index"])
            dataset.frames([(episode, c, n) for c in dataset.cameras for n in (0, rows - 1)])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fps": 0}, r"expected fps above 0 and up to 1000, got 0"),
        ({"fps": "30"}, r"expected fps above 0"),
        ({"fps": float("nan")}, r"expected fps above 0"),
        ({"total_episodes": -1}, r"expected total_episodes as a whole number from 0 on, got -1"),
        ({"total_episodes": 10**30}, r"expected total_episodes as a whole number"),
        ({"total_episodes": 6}, r"Expected 6 episodes in meta/episodes, got 5.*recordings.repair"),
        ({"total_frames": [1]}, r"expected total_frames as a whole number from 0 on, got \[1\]"),
        ({"features": []}, r"expected features as an object"),
        ({"features": {"a/../b": {"dtype": "float32", "shape": [1]}}}, r"the name of a feature"),
        ({"features": {"a": {"dtype": "float32", "shape": [10**9]}}}, r"whole numbers up to"),
        ({"data_path": "../../etc/{chunk_index}"}, r"expected data_path as a path inside"),
        ({"data_path": "/etc/{chunk_index}"}, r"expected data_path as a path inside"),
        ({"data_path": "{chunk_index:999999999d}"}, r"expected data_path as a path inside"),
        ({"data_path": "{chunk_index.__class__}"}, r"expected data_path as a path inside"),
        ({"video_path": None}, r"expected video_path as a path inside"),
        ({"codebase_version": "v2.1"}, r"Expected a LeRobotDataset v3.0, got 'v2.1'"),
    ],
    ids=str,
)
def test_hostile_info_is_refused_with_what_was_expected(torn, fields, said):
    change_info(torn, **fields)
    for opened in (Dataset, Source):
        with pytest.raises(ValueError, match=said):
            opened(torn)
    assert len(check(torn).problems) == 1


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("length", lambda v: ["x"] * len(v), r"expected numbers in length, got string"),
        ("length", lambda v: [-1] * len(v), r"expected 0 to .* in length, got -1 to -1"),
        ("data/file_index", lambda v: [None, *v[1:]], r"a number in every row of data/file_index"),
        ("tasks", lambda v: [1] * len(v), r"expected lists of words as tasks"),
        (
            "videos/observation.images.cam_high/from_timestamp",
            lambda v: [float("nan")] * len(v),
            r"expected 0 to .*from_timestamp",
        ),
    ],
    ids=["words", "negative", "nothing", "no words", "no number"],
)
def test_a_hostile_table_of_episodes_names_the_column(torn, name, values, said):
    for path in (torn / TABLE).parent.iterdir():
        change_column(path, name, values)
    for opened in (Dataset, Source):
        with pytest.raises(ValueError, match=said + r".*recordings.repair"):
            opened(torn)


def test_tables_of_episodes_that_do_not_fit_together_are_told(torn):
    change_column(torn / TABLE, "length", lambda v: ["x"] * len(v))
    with pytest.raises(ValueError, match=r"meta/episodes do not fit together.*recordings.repair"):
        Dataset(torn)


def test_a_gap_in_the_table_of_episodes_is_told(torn):
    with pq.ParquetFile(torn / TABLE) as file:
        table = file.read()
    pq.write_table(table.slice(1), torn / TABLE)
    with pytest.raises(ValueError, match=r"Expected 5 episodes in meta/episodes, got 4"):
        Dataset(torn)


def test_rows_that_are_words_are_refused(torn):
    change_column(torn / ROWS, "timestamp", lambda v: ["x"] * len(v))
    with pytest.raises(ValueError, match=r"episode 0: Expected float32 of shape .*of timestamp"):
        read(torn)


@pytest.mark.parametrize("size", [0, 200, -40])
@pytest.mark.parametrize("name", [FILM, TABLE, ROWS, "meta/tasks.parquet", "meta/info.json"])
def test_a_truncated_file_is_named(torn, name, size):
    path = torn / name
    size += path.stat().st_size // 2 if size < 0 else 0
    os.truncate(path, size)
    with pytest.raises(ValueError, match=rf"{Path(name).name}|meta/info.json"):
        read(torn)
    assert check(torn).problems


def test_films_of_other_lengths_and_tables_in_their_place_are_noticed(torn):
    swap(torn / FILM, (torn / FILM).with_name("file-004.mp4"))
    assert any("There is no frame 10" in problem for problem in check(torn).problems)
    swap(torn / ROWS, torn / TABLE)
    with pytest.raises(ValueError, match="meta/episodes cannot be read: expected a number in ev"):
        read(torn)


@pytest.mark.parametrize("text", ["[]", '{"success": 1, "episode_index": 0}', "[" * 99_999, "\0"])
@pytest.mark.parametrize("name", ["marks", "quality"])
def test_a_line_that_is_none_names_its_file(torn, name, text):
    (torn / f"meta/{name}.jsonl").write_text(text + "\n")
    with pytest.raises(ValueError, match=rf"File: .*{name}\.jsonl"):
        read(torn)


def test_random_damages_end_in_words():
    script = Path(__file__).with_name("measure_fuzz.py")
    done = subprocess.run(
        [sys.executable, script, "30", "1000"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": "."},
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["crashed"], found["refused unclearly"], sum(found.values())) == (0, 0, 30)


@pytest.mark.parametrize(
    "fields",
    [
        *({"operator": None}, {"operator": ["x"]}, {"operator": "x" * 999}, {"operator": "a\nb"}),
        *({"spans": "none"}, {"spans": [{"from_secs": 0.0, "driver": "policy", "policy": ["x"]}]}),
        *({"spans": [{"from_secs": "0", "driver": "policy"}]}, {"spans": [7]}, {"plans": "../x"}),
        *({"begins_secs": "soon"}, {"begins_secs": [1]}),
    ],
    ids=str,
)
def test_who_drove_is_refused_where_it_is_not_said_as_we_do(torn, fields):
    line = {"episode_index": 0, "spans": [], "plans": "", "begins_secs": 0.0, "operator": "Ann"}
    path = torn / "meta/drives.jsonl"
    path.write_text(json.dumps(line) + "\n")
    with Dataset(torn) as dataset:
        assert dataset.episodes()[0].operator == "Ann"
    path.write_text(json.dumps(line | fields) + "\n")
    with (
        Dataset(torn) as dataset,
        pytest.raises(ValueError, match=r"delete the line\. File: .*dri"),
    ):
        dataset.episodes()
    with pytest.raises(ValueError, match=r"delete the line\. File: .*drives\.jsonl"):
        Source(torn)
