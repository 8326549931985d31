import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from plain_reading import PlainDataset

from recordings import editing
from recordings.check import check
from recordings.features import ADDED_LATER


@pytest.fixture
def older(recorded, tmp_path):
    """A dataset as it was recorded before there were some columns."""
    folder = Path(shutil.copytree(recorded, tmp_path / "older"))
    info = json.loads((folder / "meta/info.json").read_text())
    for name in ADDED_LATER:
        del info["features"][name]
    (folder / "meta/info.json").write_text(json.dumps(info))
    for path in (folder / "data").rglob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(list(ADDED_LATER)), path)
    for path in (folder / "meta/episodes").rglob("*.parquet"):
        table = pq.read_table(path)
        gone = [
            name
            for name in table.column_names
            if name.split("/")[1:2] and name.split("/")[1] in ADDED_LATER
        ]
        pq.write_table(table.drop_columns(gone), path)
    stats = json.loads((folder / "meta/stats.json").read_text())
    for name in ADDED_LATER:
        stats.pop(name)
    (folder / "meta/stats.json").write_text(json.dumps(stats))
    assert check(folder).problems == []
    return folder


def test_an_older_dataset_is_continued_as_it_is(older, bench):
    bench.recorder.open_dataset(older, fps=25)
    assert bench.record(ticks=20) == 5
    assert check(older).problems == []
    assert not set(ADDED_LATER) & set(PlainDataset(older).info["features"])


def test_older_episodes_are_merged_into_a_dataset_of_now_with_nobody_intervening(dataset, older):
    editing.merge(dataset, [older])
    plain = PlainDataset(dataset)
    assert len(plain.episodes) == 10
    assert not np.asarray(plain.of(7, "intervention")).any()


def test_episodes_of_now_are_merged_into_an_older_dataset_without_the_columns(dataset, older):
    editing.merge(older, [dataset])
    assert check(older).problems == []
    PlainDataset(older).require_right()
    assert not set(ADDED_LATER) & set(PlainDataset(older).info["features"])
