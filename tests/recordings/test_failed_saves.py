import errno
import os

import numpy as np
import pytest

from hardware.interfaces import Frame
from recordings.check import check
from recordings.disk import RecordingError


def refuse_to_show_info(patch):
    """Fail when the last file of a save appears, as a disk does that fails there."""

    def appear(temporary, path):
        if path.name == "info.json":
            raise OSError(errno.EIO, "Input/output error")
        temporary.replace(path)

    patch.setattr("recordings.batch.appear", appear)


def test_what_could_not_be_kept_outlives_the_next_episode_and_the_next_opening(
    bench, make_bench, tmp_path, monkeypatch
):
    folder = tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    bench.recorder.look_back(1.0)
    bench.turn(60)
    with monkeypatch.context() as patch, pytest.raises(RecordingError, match="Input/output"):
        refuse_to_show_info(patch)
        bench.recorder.keep_last("caught it")
    assert bench.record("wave", ticks=5) == 0
    bench.recorder.close()

    again = make_bench()
    again.recorder.open_dataset(folder, fps=50)
    (unsaved,) = again.recorder.unsaved()
    assert (unsaved.head.task, unsaved.rows) == ("caught it", 50)
    assert again.recorder.rescue(unsaved) == 1
    assert check(folder).problems == []


def test_a_rescue_that_failed_can_be_tried_again_after_another_episode(
    bench, make_bench, tmp_path, monkeypatch
):
    folder = tmp_path / "d"
    bench.recorder.open_dataset(folder, fps=50)
    bench.recorder.start_episode("stack the cubes")
    bench.turn(60)
    bench.recorder._episode.finish()
    bench.recorder.close()

    second = make_bench()
    second.recorder.open_dataset(folder, fps=50)
    with monkeypatch.context() as patch, pytest.raises(RecordingError, match="Input/output"):
        refuse_to_show_info(patch)
        second.recorder.rescue(second.recorder.unsaved()[0])
    assert second.record("wave", ticks=5) == 0
    second.recorder.close()

    third = make_bench()
    third.recorder.open_dataset(folder, fps=50)
    (unsaved,) = third.recorder.unsaved()
    assert third.recorder.rescue(unsaved) == 1
    assert [each.num_frames for each in check(folder).episodes] == [5, 60]


def test_a_disk_without_hard_links_loses_no_film_to_a_failed_save(bench, tmp_path, monkeypatch):
    def link(_file, _target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("stack the cubes")
    bench.turn(20)
    with monkeypatch.context() as patch, pytest.raises(RecordingError, match="It is kept"):
        refuse_to_show_info(patch)
        bench.recorder.save_episode()
    assert bench.recorder.save_episode() == 0
    report = check(tmp_path / "d")
    assert report.problems == []
    assert [each.num_frames for each in report.episodes] == [20]


def test_an_episode_that_lost_a_camera_waits_for_rescue_up_to_there(
    bench, make_bench, tmp_path, monkeypatch
):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("stack the cubes")
    bench.turn(30)
    small = Frame(np.zeros((16, 48, 3), np.uint8), 0.0)
    monkeypatch.setattr(bench.robot._cameras["cam_low"], "read_latest", lambda: small)
    bench.turn(3)
    with pytest.raises(RecordingError, match="cannot be saved"):
        bench.recorder.save_episode()
    bench.recorder.close()

    again = make_bench()
    again.recorder.open_dataset(tmp_path / "d", fps=50)
    (unsaved,) = again.recorder.unsaved()
    assert unsaved.rows == 30
    assert again.recorder.rescue(unsaved) == 0
    assert check(tmp_path / "d").problems == []


def test_an_episode_that_the_disk_refused_outlives_the_end_of_the_program(
    bench, make_bench, tmp_path, monkeypatch
):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("stack the cubes")
    bench.turn(20)
    with monkeypatch.context() as patch, pytest.raises(RecordingError, match="It is kept"):
        refuse_to_show_info(patch)
        bench.recorder.save_episode()
    bench.recorder.close()

    again = make_bench()
    again.recorder.open_dataset(tmp_path / "d", fps=50)
    assert [each.rows for each in again.recorder.unsaved()] == [20]
