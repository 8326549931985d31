"""Kills recordings, saves, edits and repairs at random instants, and counts what was lost.

Run from the repository: PYTHONPATH=. python tests/recordings/measure_kills.py RESULTS [KILLS]
[--stock STOCK/bin/python]

RESULTS is a file with a line for each kill; run again, this goes on after the last. After every
kill, before anything mends it, the dataset must be whole by our checker and hold all that was
said to be saved. With --stock (see stock_lerobot.py) the datasets as the kills left them are also
loaded by the real LeRobot, every row and picture.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import test_repair
from editing_process import story
from plain_reading import contents
from test_killed_editing import record_five, require_old_or_new

from recordings import repair
from recordings.check import check

HERE = Path(__file__).parent
KINDS = ("record", "edit", "record", "repair")
LONGEST_SECS = {"record": 0.5, "edit": 0.6, "repair": 0.8}
KILLS_PER_DATASET = 6
"""A dataset is recorded into, killed, and continued so often."""
STOCK_BATCH = 40
DAMAGES = [
    test_repair.torn_film,
    test_repair.deleted_film,
    test_repair.torn_data,
    test_repair.torn_table,
    test_repair.torn_info,
    test_repair.torn_tasks,
    test_repair.torn_stats,
    test_repair.old_info,
]


@contextmanager
def program():
    paths = os.pathsep.join(map(str, (HERE, HERE.parents[1])))
    with subprocess.Popen(
        [sys.executable, HERE / "killed_process.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=dict(os.environ, PYTHONPATH=paths),
    ) as process:
        yield process


def kill(process, kind, folder, seed):
    """Return what was said until the kill, at an instant that `seed` tells."""
    said = folder.with_name("said")
    said.write_bytes(b"")
    process.stdin.write(f"{kind} {folder} {seed}\n")
    pid = int(process.stdout.readline())
    while not said.read_bytes():
        time.sleep(0.002)
    time.sleep(random.Random(seed).random() * LONGEST_SECS[kind])
    os.kill(pid, signal.SIGKILL)
    assert process.stdout.readline() == "killed\n", "it ended by itself"
    return said.read_text()


class Killing:
    def __init__(self, place, stock):
        self.place, self.stock = place, stock
        self.recorded = place / "recorded"
        record_five(self.recorded)
        self.five = contents(self.recorded)
        self.saved, self.left = {}, []

    def record(self, process, number):
        """Kill a recorder, and require every episode that it said to be saved, since the first."""
        folder = self.place / f"grown-{number // (len(KINDS) * KILLS_PER_DATASET)}" / "d"
        folder.parent.mkdir(exist_ok=True)
        said = [line.split() for line in kill(process, "record", folder, number).splitlines()]
        expected = self.saved.setdefault(folder, {})
        before = int(dict(line for line in said if line[0] == "opened")["opened"])
        assert before - len(expected) in (0, 1), f"opened with {before}, said {expected}"
        if before > len(expected):  # all but info.json was there; opening it completed the save
            expected[before - 1] = None
        for word, *numbers in said:
            if word == "saved":
                index, *rows = map(int, numbers)
                expected[index] = rows[0] if rows else None
        report = check(folder)
        lengths = [episode.num_frames for episode in report.episodes]
        lost = [
            index
            for index, rows in expected.items()
            if index >= len(lengths) or rows not in (None, lengths[index])
        ]
        assert not lost, f"lost {lost} of {expected}, has {lengths}"
        assert len(lengths) - len(expected) in (0, 1), f"has {lengths}, said {expected}"
        if len(lengths) > len(expected):  # saved, and killed before it could say so
            expected[len(lengths) - 1] = lengths[-1]
        assert report.problems == [], report.problems
        self.keep_for_stock(folder, number)
        return {"hit": said[-1][0], "saved": len(lengths)}

    def edit(self, process, number):
        folder = Path(shutil.copytree(self.recorded, self.place / f"{number}" / "d"))
        done = len(kill(process, "edit", folder, number))
        allowed = [state for state, _ in islice(story(self.five, number), done, done + 2)]
        self.keep_for_stock(folder, number)
        found = require_old_or_new(folder, allowed)
        shutil.rmtree(folder.parent)
        return {"hit": "edits", "done": found}

    def repair(self, process, number):
        """Kill a repair; another must bring what one that was not killed brings."""
        damage = random.Random(number).choice(DAMAGES)
        calm = Path(shutil.copytree(self.recorded, self.place / f"{number}" / "calm" / "d"))
        folder = Path(shutil.copytree(self.recorded, self.place / f"{number}" / "killed" / "d"))
        for each in (calm, folder):
            damage(each)
        films = {path.read_bytes() for path in folder.rglob("*.mp4")}
        repair.repair(calm)
        said = kill(process, "repair", folder, number)
        repair.repair(folder)
        assert check(folder).problems == []
        assert contents(folder) == contents(calm), damage.__name__
        kept = {path.read_bytes() for path in folder.parent.rglob("*.mp4")}
        assert films <= kept, "a film is gone"
        self.keep_for_stock(folder, number)
        shutil.rmtree(folder.parents[1])
        return {"hit": said.split()[-1], "damage": damage.__name__}

    def keep_for_stock(self, folder, number):
        if self.stock and check(folder).episodes:
            copy = self.place / "left" / f"{number}"
            shutil.copytree(folder, copy)
            self.left.append(copy)

    def load_by_stock(self):
        """Return how many of the datasets left by kills were loaded, and what failed."""
        told = subprocess.run(
            [self.stock, HERE / "stock_lerobot.py", *self.left],
            capture_output=True,
            text=True,
            env=dict(os.environ, PYTHONPATH=str(HERE.parents[1])),
            check=False,
        )
        loaded = [line for line in told.stdout.splitlines() if "rows equal" in line]
        failed = len(self.left) - len(loaded)
        if failed:
            sys.stderr.write(told.stdout[-2000:] + told.stderr[-2000:])
        for folder in self.left:
            shutil.rmtree(folder)
        self.left.clear()
        return {"stock_loaded": len(loaded), "stock_failed": failed}


def measure(results, kills, stock):
    done = len(results.read_text().splitlines()) if results.exists() else 0
    done -= done % (len(KINDS) * KILLS_PER_DATASET)  # a dataset that grew is not there any more
    with tempfile.TemporaryDirectory() as name, program() as process, results.open("a") as file:
        killing = Killing(Path(name), stock)
        for number in range(done, kills):
            kind = KINDS[number % len(KINDS)]
            line = {"number": number, "kind": kind}
            try:
                line |= getattr(killing, kind)(process, number)
            except (AssertionError, ValueError, OSError) as error:
                line |= {"failure": repr(error)[:500]}
                sys.stderr.write(f"{line}\n")
            if stock and (len(killing.left) >= STOCK_BATCH or number == kills - 1):
                line |= killing.load_by_stock()
            file.write(json.dumps(line) + "\n")
            file.flush()


def summary(results):
    lines = {}
    for text in results.read_text().splitlines():
        line = json.loads(text)
        lines[line["number"]] = line
    found = list(lines.values())
    return {
        "kills": len(found),
        "hit": dict(Counter(line.get("hit", "failed") for line in found)),
        "failures": [line for line in found if "failure" in line],
        "stock_loaded": sum(line.get("stock_loaded", 0) for line in found),
        "stock_failed": sum(line.get("stock_failed", 0) for line in found),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("results", type=Path)
    parser.add_argument("kills", type=int, nargs="?", default=1000)
    parser.add_argument("--stock")
    chosen = parser.parse_args()
    measure(chosen.results, chosen.kills, chosen.stock)
    found = summary(chosen.results)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    sys.exit(bool(found["failures"] or found["stock_failed"]))
