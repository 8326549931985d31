import shutil
from pathlib import Path

import pytest
from plain_reading import PlainDataset, contents

from recordings import editing, export_aloha, export_mcap, export_v21
from recordings.assembly import Assembly
from recordings.check import check
from recordings.history import History
from recordings.piece import trimmed, without

EXPORTS = {
    "copy": lambda folder, target: editing.copy(folder, range(5), target),
    "v21": export_v21.export_v21,
    "mcap": export_mcap.export_mcap,
    "aloha": export_aloha.export_aloha,
}


def delete(folder):
    editing.edit(folder, "delete 0", lambda all_: without(all_, [0]))


def trim_and_undo(folder):
    editing.edit(folder, "trim 1", lambda all_: trimmed(all_, 1, 2, 0))
    editing.undo(folder)


@pytest.mark.parametrize("meddle", [delete, trim_and_undo])
@pytest.mark.parametrize("kind", EXPORTS)
def test_an_edit_meanwhile_is_noticed(kind, meddle, dataset, tmp_path, monkeypatch):
    """Somebody edits while the films are read: what was read may be of two versions."""
    module = {"copy": "assembly", "v21": "assembly", "mcap": "export_mcap", "aloha": "export_aloha"}
    name = {"copy": "write_tasks", "v21": "write_tasks", "mcap": "write_mcap"}
    name = name.get(kind, "write_aloha_file")
    target = f"recordings.{module[kind]}.{name}"
    real = getattr(__import__(f"recordings.{module[kind]}", fromlist=[name]), name)
    met = []

    def meddled(*arguments, **options):
        real(*arguments, **options)
        if not met:
            met.append(kind)
            meddle(dataset)

    monkeypatch.setattr(target, meddled)
    with pytest.raises(ValueError, match="was edited while it was read"):
        EXPORTS[kind](dataset, tmp_path / "out")
    assert met
    assert sorted(path.name for path in tmp_path.iterdir()) == [".d.history", "d"]


def test_an_episode_saved_meanwhile_is_left_out(bench, tmp_path, monkeypatch):
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record("wave", ticks=20)
    before = contents(tmp_path / "d")
    real = Assembly._write_data

    def meddled(assembly, *arguments):
        bench.record("wave again", ticks=22)
        real(assembly, *arguments)

    monkeypatch.setattr(Assembly, "_write_data", meddled)
    assert editing.copy(tmp_path / "d", [0], tmp_path / "copy") == 1
    assert contents(tmp_path / "copy") == before
    assert check(tmp_path / "copy").problems == []
    assert len(PlainDataset(tmp_path / "d").episodes) == 2


@pytest.mark.parametrize("meddle", [delete, trim_and_undo])
def test_an_edit_of_what_is_merged_is_noticed_and_nothing_is_merged(
    meddle, dataset, tmp_path, monkeypatch
):
    other, before = Path(shutil.copytree(dataset, tmp_path / "other")), contents(dataset)
    real, met = editing.build, []

    def meddled(*arguments):
        real(*arguments)
        if not met:
            met.append(meddle)
            meddle(other)

    monkeypatch.setattr("recordings.editing.build", meddled)
    with pytest.raises(ValueError, match=r"was edited while it was read.*/other"):
        editing.merge(dataset, [other])
    assert met
    assert contents(dataset) == before
    assert History(dataset).done() == []
    assert editing.merge(dataset, [dataset]).episodes_after == 10


def test_what_another_took_back_meanwhile_is_not_taken_back_twice(dataset, monkeypatch):
    delete(dataset)
    real, met = editing._claimed, []

    def claimed(folder):
        if not met:
            met.append(folder)
            editing.restore(dataset, [(1, 0)])
        return real(folder)

    monkeypatch.setattr("recordings.editing._claimed", claimed)
    with pytest.raises(ValueError, match="Expected episodes of the trash"):
        editing.restore(dataset, [(1, 0)])
    assert len(PlainDataset(dataset).episodes) == 5
