import random
import shutil
import time
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import pytest
from bench import Bench
from editing_process import edit_until_killed, story
from plain_reading import contents

from recordings import editing
from recordings.check import check
from recordings.history import History

KILLS = 12
LONGEST_SECS = 1.0
"""More than an edit takes."""


def record_five(folder):
    """Five episodes of 10 to 14 rows, two per data file."""
    with pytest.MonkeyPatch.context() as patch, Bench() as bench:
        patch.setattr("recordings.parquet_tail.EPISODES_PER_FILE", 2)
        bench.recorder.open_dataset(folder, fps=25)
        for number in range(5):
            bench.record(f"task {number % 2}", ticks=20 + 2 * number)


def editors():
    """Where processes come from that have imported everything already."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["editing_process"])
    return context


def kill_while_editing(context, folder, before, seed, secs):
    """Return what may be there after a kill: what was before the edit that it hit, and after it."""
    said = folder.with_name("said")
    said.write_bytes(b"")
    process = context.Process(target=edit_until_killed, args=(folder, before, seed, said))
    process.start()
    while not said.read_bytes():  # one edit done: whatever had to be loaded is
        assert process.is_alive()
        time.sleep(0.005)
    time.sleep(secs)
    process.kill()
    process.join()
    process.close()
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
    recorded, chance, context = tmp_path / "recorded", random.Random(7), editors()
    record_five(recorded)
    before = contents(recorded)
    for seed in range(KILLS):
        folder = Path(shutil.copytree(recorded, tmp_path / f"{seed}" / "d"))
        secs = chance.random() * LONGEST_SECS
        allowed = kill_while_editing(context, folder, before, seed, secs)
        require_old_or_new(folder, allowed)
        while History(folder).done():
            editing.undo(folder)
        assert contents(folder) == before
