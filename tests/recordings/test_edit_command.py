import numpy as np
import tyro
from plain_reading import PlainDataset, contents

from recordings import edit, editing
from recordings.idleness import Idle, idle_part, ranges_of
from recordings.piece import without
from recordings.selection import select
from recordings.source import Source


def command(dataset, *words):
    return tyro.cli(edit.main, args=[str(dataset), *words], config=edit.PLAIN)


class Waiter:
    """Stands, moves for a while, and stands again."""

    def reset(self): ...

    def act(self, observation):
        ticks = round((observation.timestamp - 100.0) * 50)
        return np.full(4, np.clip((ticks - 60) / 60, 0, 1), np.float32)


def test_waiting_at_both_ends_is_found_and_trimmed(make_bench, tmp_path, capsys):
    folder, bench = tmp_path / "d", make_bench(drive=False)
    bench.loop.drive(Waiter())
    bench.recorder.open_dataset(folder, fps=50)
    bench.record("wait and go", ticks=200)
    bench.recorder.close()
    source = Source(folder)
    idle = idle_part(source, 0, ranges_of(source))
    assert abs(idle.head - 50) <= 2
    assert abs(idle.tail - 70) <= 3
    assert command(folder, "idle") == 0
    assert f"trim 0 --head {idle.head} --tail {idle.tail}" in capsys.readouterr().out
    assert command(folder, "idle", "--apply") == 0
    source = Source(folder)
    assert source.length(0) == 200 - idle.head - idle.tail
    assert idle_part(source, 0, ranges_of(source)) == Idle(0, 0)
    PlainDataset(folder).require_right()


def test_the_command_does_what_it_says_and_takes_it_back(dataset, tmp_path, capsys):
    before = contents(dataset)
    assert command(dataset, "delete", "--where", "num_frames<12") == 0
    assert command(dataset, "trim", "0", "--head", "2") == 0
    assert command(dataset, "split", "0", "--at", "3") == 0
    assert command(dataset, "retask", "1", "--task", "new words") == 0
    assert command(dataset, "tag", "1", "--add", "slow") == 0
    assert command(dataset, "mark", "--where", "tags=slow", "--success", "no") == 0
    assert command(dataset, "copy", "--where", "success=no", "--to", str(tmp_path / "bad")) == 0
    assert command(dataset, "merge", str(tmp_path / "bad")) == 0
    assert command(dataset, "trash") == 0
    assert "1:0     0.4 s  task 0\n1:1     0.4 s  task 1\n" in capsys.readouterr().out
    assert command(dataset, "restore", "1:1") == 0
    assert command(dataset, "list", "--where", "task=new words") == 0
    assert capsys.readouterr().out.count("success no       new words  #slow\n") == 2
    assert contents(dataset)[-1] == before[1]
    assert command(dataset, "history") == 0
    assert capsys.readouterr().out.count("\n") == 8
    for _ in range(8):
        assert command(dataset, "undo") == 0
    assert contents(dataset) == before
    assert command(dataset, "undo") == 1
    assert "There is no edit to undo" in capsys.readouterr().err
    assert command(dataset, "redo") == 0
    assert command(dataset, "purge") == 0


def test_conditions_hold_of_the_version_that_is_edited(dataset, monkeypatch):
    before = contents(dataset)

    def select_then_be_overtaken(*arguments):
        found = select(*arguments)
        editing.edit(dataset, "delete", lambda all_: without(all_, [0]))
        return found

    monkeypatch.setattr("recordings.choice.select", select_then_be_overtaken)
    assert command(dataset, "delete", "--where", "num_frames=11") == 1
    assert contents(dataset) == before[1:]


def test_a_dataset_behind_a_link_is_edited_where_it_is(dataset, tmp_path):
    (tmp_path / "links").mkdir()
    link = tmp_path / "links/l"
    link.symlink_to(dataset)
    before = contents(dataset)
    editing.edit(link, "delete", lambda all_: without(all_, [0]))
    assert link.is_symlink()
    assert contents(dataset) == before[1:]
    editing.undo(link)
    assert contents(dataset) == before
