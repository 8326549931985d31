import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bench import Bench

from recordings import editing, repair
from recordings.check import check
from recordings.dataset import Dataset
from recordings.piece import marked
from recordings.rescue import unsaved_in

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory):
    """A dataset whose recorder was killed 130 rows into its second episode."""
    folder = tmp_path_factory.mktemp("cut") / "d"
    environment = dict(os.environ, PYTHONPATH=f"{HERE}{os.pathsep}{HERE.parents[1]}")
    with subprocess.Popen(
        [sys.executable, HERE / "open_episode_process.py", folder],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "recorded\n"
        process.kill()
    return folder


@pytest.fixture
def dataset(cut_short, tmp_path):
    return Path(shutil.copytree(cut_short, tmp_path / "d"))


def test_what_was_recorded_before_a_kill_is_offered_and_rescued_to_the_last_second(
    dataset, make_bench
):
    assert check(dataset).problems == []
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=50)
    (unsaved,) = bench.recorder.unsaved()
    assert unsaved.head.task == "stack the cubes"
    assert unsaved.rows == 100
    assert bench.recorder.rescue(unsaved) == 1
    assert bench.recorder.unsaved() == []
    assert bench.record("after", ticks=5) == 2
    assert check(dataset).problems == []

    bench.turn(0)
    with Dataset(dataset) as rescued:
        assert rescued.episode_tasks(1) == ["stack the cubes"]
        rows = rescued.rows(1)
        expected = expected_actions(unsaved.rows)
        np.testing.assert_array_equal(rows["action"], expected)
        assert rescued.episodes()[1].quality.verdict == "good"


def expected_actions(count):
    """What the same bench sends."""
    with Bench() as bench:
        bench.turn(10 + count)
        return [tick.action for tick in bench.ticks[10:]]


def test_pictures_of_a_rescued_episode_are_those_of_its_rows(dataset, make_bench):
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=50)
    bench.recorder.rescue(bench.recorder.unsaved()[0])
    bench.turn(10 + 60)
    with Dataset(dataset) as rescued:
        for number in (0, 37, 59):
            shown = rescued.frame(1, "cam_low", number).astype(int)
            seen = bench.ticks[10 + number].observation.frames["cam_low"].image
            assert abs(shown - seen).max() <= 6


def test_repair_tells_of_an_unsaved_episode_and_saves_it_when_asked(dataset, capsys):
    assert repair.main(dataset) == 0
    assert "Never saved: 'stack the cubes'" in capsys.readouterr().out
    assert repair.main(dataset, unsaved="rescue") == 0
    assert "Rescued as episode 1" in capsys.readouterr().out
    report = check(dataset)
    assert report.problems == []
    assert [episode.task for episode in report.episodes] == ["before", "stack the cubes"]
    assert not list((dataset / ".open").glob("*"))


def test_an_unsaved_episode_outlives_the_repair_of_its_dataset(dataset):
    (dataset / "meta/stats.json").write_bytes(b"torn")
    assert repair.repair(dataset).kept == 1
    assert [each.head.task for each in unsaved_in(dataset)] == ["stack the cubes"]


def test_an_unsaved_episode_can_be_thrown_away(dataset):
    assert repair.main(dataset, unsaved="throw-away") == 0
    assert unsaved_in(dataset) == []
    assert len(check(dataset).episodes) == 1


def test_a_dataset_is_not_edited_while_an_episode_waits_for_rescue(dataset):
    def praise(pieces):
        return marked(pieces, [0], success=True)

    with pytest.raises(ValueError, match=r"waits for rescue: 'stack the cubes'.*--unsaved rescue"):
        editing.edit(dataset, "mark", praise)
    repair.main(dataset, unsaved="rescue")
    editing.edit(dataset, "mark", praise)


class PowerCut(BaseException):
    """Not an error that anything may handle."""


@pytest.mark.parametrize("appeared", [3, 5, 6])
def test_a_rescue_that_is_killed_neither_loses_nor_doubles_the_episode(
    dataset, make_bench, monkeypatch, appeared
):
    """Six files appear: two films, tasks, statistics, episode table, data; then info.json."""
    left = [appeared]

    def appear(temporary, path):
        if left[0] == 0:
            raise PowerCut
        left[0] -= 1
        temporary.replace(path)

    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=50)
    (unsaved,) = bench.recorder.unsaved()
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr("recordings.batch.appear", appear)
        bench.recorder.rescue(unsaved)
    bench.recorder.close()

    again = make_bench()
    again.recorder.open_dataset(dataset, fps=50)
    waiting = again.recorder.unsaved()
    assert len(waiting) + again.recorder.status().episode_index == 2
    for each in waiting:
        again.recorder.rescue(each)
    report = check(dataset)
    assert report.problems == []
    assert [episode.num_frames for episode in report.episodes] == [10, unsaved.rows]


def test_a_journal_that_outlived_its_saving_is_not_offered(dataset, make_bench, tmp_path):
    kept = Path(shutil.copytree(dataset / ".open", tmp_path / "journal"))
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=50)
    bench.recorder.rescue(bench.recorder.unsaved()[0])
    bench.recorder.close()
    (folder,) = kept.iterdir()
    (folder / "saving.json").write_text('{"episode_index": 1}')
    shutil.copytree(kept, dataset / ".open")

    again = make_bench()
    again.recorder.open_dataset(dataset, fps=50)
    assert again.recorder.unsaved() == []
    assert again.recorder.status().episode_index == 2


def test_a_film_that_cannot_be_read_for_a_while_costs_no_episode(dataset, make_bench, tmp_path):
    (film,) = (dataset / ".open").glob("*/cam_low.mp4")
    film.rename(tmp_path / "film")
    film.mkdir()  # cannot be opened as a file, as one whose disk does not answer
    with pytest.raises(OSError, match="Is a directory"):
        unsaved_in(dataset)
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=50)
    bench.recorder.close()
    film.rmdir()
    (tmp_path / "film").rename(film)
    assert [each.rows for each in unsaved_in(dataset)] == [100]
