import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from bench import Bench
from editing_process import story
from plain_reading import contents

from recordings import editing
from recordings.check import check
from recordings.history import History
from recordings.piece import marked, without
from recordings.source import Source

HERE = Path(__file__).parent
KILLS = 4
"""More of them: measure_kills.py."""
LONGEST_SECS = 0.6
"""More than an edit takes."""


def record_five(folder):
    """Five episodes of 10 to 14 rows, two per data file."""
    with pytest.MonkeyPatch.context() as patch, Bench() as bench:
        patch.setattr("recordings.parquet_tail.EPISODES_PER_FILE", 2)
        bench.recorder.open_dataset(folder, fps=25)
        for number in range(5):
            bench.record(f"task {number % 2}", ticks=20 + 2 * number)


@contextmanager
def editors():
    """A program that forks a process for every dataset to be edited until it is killed."""
    paths = os.pathsep.join(map(str, (HERE, HERE.parents[1])))
    with subprocess.Popen(
        [sys.executable, HERE / "editing_process.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=dict(os.environ, PYTHONPATH=paths),
    ) as program:
        yield program


def kill_while_editing(program, folder, before, seed, secs):
    """Return what may be there after a kill: what was before the edit that it hit, and after it."""
    said = folder.with_name("said")
    said.write_bytes(b"")
    program.stdin.write(f"{folder} {seed}\n")
    pid = int(program.stdout.readline())
    while not said.read_bytes():  # one edit done: whatever is loaded late is
        time.sleep(0.005)
    time.sleep(secs)
    os.kill(pid, signal.SIGKILL)
    assert program.stdout.readline() == "gone\n"
    done = len(said.read_bytes())
    return [state for state, _ in islice(story(before, seed), done, done + 2)]


def require_old_or_new(folder, allowed):
    """Return whether a killed edit was done; it must be that or undone, and can be gone on from."""
    found = contents(folder)
    assert found in allowed
    assert check(folder).problems == []
    editing.edit(folder, "go on", lambda all_: all_)
    editing.undo(folder)
    assert contents(folder) == found
    return found == allowed[1]


def test_a_killed_edit_leaves_the_dataset_as_it_was_or_as_it_shall_be(tmp_path):
    recorded, chance = tmp_path / "recorded", random.Random(7)
    record_five(recorded)
    before = contents(recorded)
    with editors() as program:
        for seed in range(KILLS):
            folder = Path(shutil.copytree(recorded, tmp_path / f"{seed}" / "d"))
            secs = chance.random() * LONGEST_SECS
            allowed = kill_while_editing(program, folder, before, seed, secs)
            require_old_or_new(folder, allowed)
    while History(folder).done():
        editing.undo(folder)
    assert contents(folder) == before


class PowerCut(BaseException):
    """Not an error that anything may handle."""


def cut_power_at_flush(number, monkeypatch):
    """Let `number` more files and folders reach the disk, then nothing."""
    left = [number]

    def flush(path):
        if left[0] == 0:
            raise PowerCut
        left[0] -= 1

    for module in ("disk", "assembly", "exchange", "history"):
        monkeypatch.setattr(f"recordings.{module}.flush", flush)
    monkeypatch.setattr(History, "forget_unfinished", lambda *_arguments: None)


EVERY = 3
"""Of the flushes of an edit, how many are tried."""


def test_power_cut_at_any_flush_of_an_edit_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    folder, flushes, cut = tmp_path / "d", 0, True
    record_five(folder)
    old = contents(folder)
    while cut:
        try:
            with monkeypatch.context() as patch:
                cut_power_at_flush(flushes, patch)
                editing.edit(folder, "delete", lambda all_: without(all_, [0]))
            cut = False
        except PowerCut:
            flushes += EVERY
            assert contents(folder) in (old, old[1:])
            if History(folder).done():
                assert contents(folder) == old[1:]
                editing.undo(folder)
            assert contents(folder) == old
    assert contents(folder) == old[1:]
    assert flushes > 20


def record_two(folder):
    with Bench() as bench:
        bench.recorder.open_dataset(folder, fps=25)
        for number in range(2):
            bench.record(f"task {number}", ticks=8)


def test_power_cut_at_any_flush_of_a_second_edit_is_not_taken_for_an_edit(tmp_path, monkeypatch):
    folder, flushes, cut = tmp_path / "d", 0, True
    record_two(folder)
    editing.edit(folder, "mark", lambda all_: marked(all_, [0], success=True))
    while cut:
        try:
            with monkeypatch.context() as patch:
                cut_power_at_flush(flushes, patch)
                editing.edit(folder, "delete", lambda all_: without(all_, [0]))
            cut = False
        except PowerCut:
            flushes += 1
            done = [edit.words for edit in History(folder).done()]
            if len(Source(folder).entries) == 1:
                assert done == ["mark", "delete"]
                editing.undo(folder)
            else:
                assert done == ["mark"]
                assert editing.trash(folder) == []
    assert [edit.words for edit in History(folder).done()] == ["mark", "delete"]
    assert flushes > 10
    editing.undo(folder)
    editing.undo(folder)
    with pytest.raises(ValueError, match="no edit to undo"):
        editing.undo(folder)
