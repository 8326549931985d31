"""Times lists of a catalogue of 10,000 episodes, in SQLite and in a PostgreSQL server of its own.

Run: PYTHONPATH=. python tests/recordings/measure_catalogue.py [EPISODES] [TIMES]

CPU is this program's; the server's work is in the time alone.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from postgres import NOT_FOUND, programs, server

from recordings.catalogue import Catalogue
from recordings.dataset import EpisodeSummary
from recordings.episode_notes import note_episodes
from recordings.episode_search import FIGURES, Search
from recordings.marks import Marks
from recordings.quality import Quality

SEARCHES = {
    "list all": Search("many"),
    "list a page": Search("many", descending=True, limit=100),
    "filter by words": Search("many", ["task~task 7"]),
    "filter by quality": Search("many", ["verdict=poor", "missed_ticks>=3"]),
    "filter by marks": Search("many", ["success=yes", "tags=slow"]),
    "filter, all hold": Search("many", ["secs>5", "rate_hz<60", "success!=no"]),
    "sort by words": Search("many", sort="task"),
    "sort by a figure": Search("many", sort="rate_hz", descending=True),
    "filter and sort a page": Search("many", ["verdict=good"], sort="late_p99_secs", limit=100),
}


def summaries(count):
    chance = np.random.default_rng(0)
    return [summary(index, chance) for index in range(count)]


def summary(index, chance):
    card = {name: float(chance.gamma(2.0, 2.0)) for name in FIGURES}
    card |= {"duplicated": {"high": 1, "low": int(chance.integers(9))}, "dropped": {"high": 0}}
    card |= {
        "standstill_secs": {"high": float(chance.random())},
        "rate_hz": 40 + 20 * chance.random(),
    }
    verdict = "poor" if chance.random() < 0.1 else "good"
    quality = Quality.from_json(
        card | {"verdict": verdict, "reason": "It was." * (verdict == "poor")}
    )
    marks = Marks([True, False, None][index % 3], ("slow", "left")[: index % 4])
    frames = int(chance.integers(50, 600))
    task = f"do task {chance.integers(40)} with the {['left', 'right'][index % 2]} arm"
    return EpisodeSummary(index, task, frames, frames / 50, quality, marks)


def timed(run, times):
    spent, busy = [], []
    for _ in range(times):
        started = time.perf_counter(), time.process_time()
        found = run()
        spent.append(1000 * (time.perf_counter() - started[0]))
        busy.append(1000 * (time.process_time() - started[1]))
    half, most = np.percentile(spent, [50, 99])
    return {
        "p50_ms": round(float(half), 1),
        "p99_ms": round(float(most), 1),
        "cpu_p50_ms": round(float(np.median(busy)), 1),
        "found": len(found),
    }


def measure(url, episodes, times, folder):
    catalogue = Catalogue(url, folder)
    given = summaries(episodes)
    note(catalogue, given)
    found = {
        name: timed(lambda each=search: catalogue.search(each), times)
        for name, search in SEARCHES.items()
    }
    found["datasets"] = timed(catalogue.datasets, times)
    more = iter(range(episodes, episodes + times))
    chance = np.random.default_rng(1)

    def note_one_more():
        given.append(summary(next(more), chance))
        note(catalogue, given)
        return given

    found["note one more"] = timed(note_one_more, min(times, 10))
    catalogue.close()
    return found


def note(catalogue, given):
    with catalogue._session.begin() as session:
        note_episodes(session, "many", given)


def main(episodes=10_000, times=30):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {"sqlite": measure(f"sqlite:///{folder / 'c.db'}", episodes, times, folder)}
        if programs() is None:
            sys.stderr.write(NOT_FOUND + "\n")
        else:
            with server() as running:
                found["postgresql"] = measure(running.new_database(), episodes, times, folder)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
