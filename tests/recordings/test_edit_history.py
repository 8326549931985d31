"""Edits are taken back and done again, and a cut or failing one leaves the dataset whole."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from plain_reading import PlainDataset, contents

from recordings import editing
from recordings.disk import RecordingError
from recordings.history import History
from recordings.piece import marked, split, trimmed, without
from recordings.source import Source

CAMERAS = ("observation.images.cam_high", "observation.images.cam_low")


def pictures(folder):
    plain = PlainDataset(folder)
    return [
        [plain.pictures(episode, key) for key in CAMERAS] for episode in range(len(plain.episodes))
    ]


def test_every_edit_can_be_taken_back_and_done_again(dataset):
    states = [contents(dataset)]
    for change in (
        lambda all_: without(all_, [0]),
        lambda all_: trimmed(all_, 1, 2, 0),
        lambda all_: split(all_, 3, [5]),
    ):
        editing.edit(dataset, "an edit", change)
        states.append(contents(dataset))
    for state in reversed(states[:-1]):
        editing.undo(dataset)
        assert contents(dataset) == state
    with pytest.raises(ValueError, match="no edit to undo"):
        editing.undo(dataset)
    for state in states[1:]:
        editing.redo(dataset)
        assert contents(dataset) == state
    with pytest.raises(ValueError, match="no edit to do again"):
        editing.redo(dataset)


def test_what_was_recorded_after_an_edit_is_not_lost_by_taking_it_back(dataset, make_bench):
    editing.edit(dataset, "delete", lambda all_: without(all_, [2]))
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=25)
    assert bench.record("after the edit", ticks=20) == 4
    with pytest.raises(ValueError, match="Another program writes"):
        editing.undo(dataset)
    bench.recorder.close()
    recorded = contents(dataset)
    with pytest.raises(ValueError, match="were recorded since this edit"):
        editing.undo(dataset)
    assert contents(dataset) == recorded
    editing.restore(dataset, [(1, 2)])
    assert len(contents(dataset)) == 6


def test_recording_goes_on_after_any_edit(dataset, make_bench):
    editing.edit(dataset, "trim", lambda all_: trimmed(all_, 4, 1, 1))
    editing.edit(dataset, "delete", lambda all_: without(all_, [0, 3]))
    seen, bench = pictures(dataset), make_bench()
    bench.recorder.open_dataset(dataset, fps=25)
    assert bench.record("task 1", ticks=20) == 3
    bench.recorder.close()
    for now, then in zip(pictures(dataset)[:3], seen, strict=True):
        assert np.array_equal(now, then)


def test_nothing_is_edited_while_somebody_records(dataset, make_bench):
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=25)
    with pytest.raises(ValueError, match="Another program writes to this dataset"):
        editing.edit(dataset, "delete", lambda all_: without(all_, [0]))


def test_a_disk_that_refuses_leaves_everything_as_it_was(dataset, monkeypatch):
    before = contents(dataset)

    def refuse(path, groups):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("recordings.assembly.write_groups", refuse)
        with pytest.raises(RecordingError, match="The dataset is as it was"):
            editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    assert contents(dataset) == before
    assert list((dataset.parent / ".d.history").iterdir()) == []


def test_an_edit_that_fails_leaves_what_was_undone_to_be_done_again(dataset):
    before = contents(dataset)
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    editing.undo(dataset)
    film = Source(dataset).film(CAMERAS[0], 4)
    film.rename(film.with_name("away"))
    with pytest.raises(ValueError, match="A file of the dataset is lacking"):
        editing.edit(dataset, "delete", lambda all_: without(all_, [1]))
    film.with_name("away").rename(film)
    assert editing.redo(dataset).words == "delete"
    assert contents(dataset) == before[1:]


def test_what_was_undone_is_gone_once_another_edit_is_done(dataset):
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    editing.undo(dataset)
    editing.edit(dataset, "mark", lambda all_: marked(all_, [0], success=True))
    assert [edit.words for edit in History(dataset).done()] == ["mark"]
    assert History(dataset).undone() == []
    editing.undo(dataset)
    assert editing.redo(dataset).words == "mark"


def test_a_file_system_that_cannot_exchange_folders_will_do(dataset, monkeypatch):
    monkeypatch.setattr("recordings.exchange._exchanged_at_once", lambda *_paths: False)
    before = contents(dataset)
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    assert contents(dataset) == before[1:]
    editing.undo(dataset)
    assert contents(dataset) == before


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_exchange_by_renames_that_was_cut_short_is_settled(number, dataset, monkeypatch):
    before = contents(dataset)
    monkeypatch.setattr("recordings.exchange._exchanged_at_once", lambda *_paths: False)

    class PowerCut(BaseException):
        """Not an error that anything may handle."""

    real, left = Path.rename, [number]

    def rename(path, target):
        if path.name in ("d", "dataset", "aside"):
            if left[0] == 0:
                raise PowerCut
            left[0] -= 1
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        patch.setattr(History, "forget_unfinished", lambda *_arguments: None)
        with pytest.raises(PowerCut):
            editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    editing.edit(dataset, "mark", lambda all_: marked(all_, [0], success=True))
    assert contents(dataset) == (before[1:] if number == 2 else before)


def test_a_recording_goes_on_in_a_dataset_whose_exchange_was_cut_short(
    dataset, make_bench, monkeypatch
):
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    editing.undo(dataset)
    home = dataset.parent / ".d.history/000001"
    dataset.rename(home / "aside")  # as the first of the three renames does
    bench = make_bench()
    bench.recorder.open_dataset(dataset, fps=25)
    assert bench.record("task 1", ticks=20) == 5


def test_what_took_the_place_of_a_dataset_is_not_taken_for_it(dataset):
    editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    aside = dataset.parent / ".d.history/000001/aside"
    shutil.copytree(dataset, aside)
    with pytest.raises(ValueError, match=r"another folder took its place.*aside"):
        editing.undo(dataset)
    shutil.rmtree(aside)
    editing.undo(dataset)


def test_what_is_purged_cannot_be_taken_back(dataset):
    for _ in range(3):
        editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
    assert [edit.number for edit in editing.purge(dataset, 1)] == [1, 2]
    assert [(each.edit, each.episode) for each in editing.trash(dataset)] == [(3, 0)]
    editing.undo(dataset)
    with pytest.raises(ValueError, match="no edit to undo"):
        editing.undo(dataset)
