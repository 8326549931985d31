import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from recordings import disk
from recordings.check import check
from recordings.dataset import Dataset

HERE = Path(__file__).parent
KILLS = 3


def record_until_killed(folder, secs):
    """Return the index of the last episode that was reported as saved."""
    environment = dict(os.environ, PYTHONPATH=f"{HERE}{os.pathsep}{HERE.parents[1]}")
    process = subprocess.Popen(
        [sys.executable, HERE / "recording_process.py", folder],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        first = process.stdout.readline()
        time.sleep(secs)
        process.kill()
        said = [first, *process.stdout.read().split("\n")]
    return int([line for line in said if line][-1])


def require_loadable_by_anyone(folder):
    """What stock LeRobot relies on: readable files, and rows that the episode table knows."""
    with Dataset(folder) as dataset:
        for episode in dataset.episodes():
            rows = dataset.rows(episode.index)
            assert rows["index"][0] == 6 * episode.index
            assert rows["frame_index"].tolist() == list(range(6))
            for camera in dataset.cameras:
                dataset.frame(episode.index, camera, 5)
        known = sum(len(pq.read_table(p)) for p in (folder / "meta/episodes").rglob("*.parquet"))
        stored = sum(len(pq.read_table(p)) for p in (folder / "data").rglob("*.parquet"))
        assert 6 * len(dataset) <= stored <= 6 * known
        return len(dataset)


def test_a_killed_recording_loses_no_saved_episode_and_goes_on(tmp_path):
    chance, folder = random.Random(0), tmp_path / "d"
    for _ in range(KILLS):
        reported = record_until_killed(folder, secs=chance.random() * 0.3)
        assert require_loadable_by_anyone(folder) > reported


class PowerCut(BaseException):
    """Not an error that anything may handle."""


def cut_power_before_file(number, monkeypatch):
    """Let `number` more files appear, then nothing."""
    left = [number]

    def appear(temporary, path):
        if left[0] == 0:
            raise PowerCut
        left[0] -= 1
        disk.appear(temporary, path)

    monkeypatch.setattr("recordings.batch.appear", appear)


FILES_OF_A_SAVE = 7
"""Tasks, two films, statistics, episode table, data, info.json."""


@pytest.mark.parametrize("number", range(FILES_OF_A_SAVE))
def test_power_cut_before_any_file_of_a_save_leaves_a_dataset_that_loads(
    number, make_bench, tmp_path, monkeypatch
):
    bench, folder = make_bench(), tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    for task in ("task 0", "task 1"):
        bench.record(task, ticks=6)
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        cut_power_before_file(number, patch)
        bench.record("task 2", ticks=6)
    bench.recorder.close()

    assert require_loadable_by_anyone(folder) == 2
    again = make_bench()
    again.recorder.open_dataset(folder, fps=50)
    assert check(folder).problems == []
    kept = again.recorder.status().episode_index
    assert kept == (3 if number == FILES_OF_A_SAVE - 1 else 2)
    assert again.record("task 3", ticks=6) == kept
    assert require_loadable_by_anyone(folder) == kept + 1


def test_a_failed_save_can_be_followed_by_a_good_one(bench, tmp_path, monkeypatch):
    folder = tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    for number in range(FILES_OF_A_SAVE):
        with monkeypatch.context() as patch, pytest.raises(PowerCut):
            cut_power_before_file(number, patch)
            bench.record(f"lost {number}", ticks=6)
        assert bench.record(f"task {number}", ticks=6) == number
        assert require_loadable_by_anyone(folder) == number + 1
