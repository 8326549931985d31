"""Kills edits of a dataset at random instants and counts what was lost: 1,000 by default.

Run from the repository: PYTHONPATH=. python tests/recordings/measure_kills.py [KILLS] [SEED]
"""

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from plain_reading import contents
from test_killed_editing import (
    LONGEST_SECS,
    editors,
    kill_while_editing,
    record_five,
    require_old_or_new,
)


def measure(kills, seed, place):
    recorded, chance = place / "recorded", random.Random(seed)
    record_five(recorded)
    before = contents(recorded)
    done = failures = 0
    with editors() as program:
        for number in range(kills):
            folder = Path(shutil.copytree(recorded, place / f"{number}" / "d"))
            secs = chance.random() * LONGEST_SECS
            allowed = kill_while_editing(program, folder, before, seed * 10000 + number, secs)
            try:
                done += require_old_or_new(folder, allowed)
            except (AssertionError, ValueError, OSError) as error:
                failures += 1
                sys.stderr.write(f"Kill {number}: {error!r}\n")
            else:
                shutil.rmtree(folder.parent)
            if number % 50 == 49:
                sys.stderr.write(f"{number + 1} kills, {failures} failures\n")
    return {"kills": kills, "edit_done": done, "edit_not_done": kills - done - failures} | {
        "neither_old_nor_new": failures
    }


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as name:
        found = measure(*(numbers + [1000, 0][len(numbers) :]), Path(name))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.exit(found["neither_old_nor_new"] > 0)
