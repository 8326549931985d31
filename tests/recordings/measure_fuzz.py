"""Reads damaged datasets, each in a process of its own, and counts how that ended.

Run from the repository: PYTHONPATH=. python tests/recordings/measure_fuzz.py [CASES] [FIRST]

A case is a function of its number. It is read by the reader, the editor's source and the checker.
A crash is any end but an answer or a ValueError: another exception, a signal, a minute of one core,
or more than MEMORY. An answer is "right" when the checker names what is wrong, or found nothing,
and an error is clear when it names a file, a folder or a part of the dataset, and has a sentence.
"""

import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import pandas  # noqa: F401 - PyArrow loads it at the first conversion: once here, not in each child
from bench import Bench
from hostile import damage

from recordings.check import card, check
from recordings.dataset import Dataset
from recordings.marks import Marks, mark
from recordings.selection import fields_of, select
from recordings.source import Source

CPU_SECS = 60
MEMORY = 3 * 2**30
NAMED = re.compile(r"/|meta|data|info\.json|frame|file|column|episode", re.IGNORECASE)

ENDS = ("problems named", "refused clearly", "nothing wrong", "refused unclearly", "crashed")


def record(folder):
    """Five episodes of two cameras in a process of its own: no thread is to live before forks."""
    child = os.fork()
    if not child:
        with Bench() as bench:
            bench.recorder.open_dataset(folder, fps=25)
            for number in range(5):
                bench.record(f"task {number % 2}", ticks=20 + 2 * number)
        mark(folder, 1, Marks(success=True, tags=("slow",)))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("No dataset could be recorded.")


def read_all(folder):
    """Read everything there is; return whether the checker found something wrong."""
    errors = []
    for read in (read_as_dataset, read_as_source):
        try:
            read(folder)
        except ValueError as error:
            errors.append(str(error))
    report = check(folder)
    card(report)
    json.dumps(report.to_json())
    for said in [*errors, *report.problems]:
        if len(said) < 20 or not NAMED.search(said):
            return "refused unclearly", said
    if errors:
        return "refused clearly", errors[0]
    return ("problems named", report.problems[0]) if report.problems else ("nothing wrong", "")


def read_as_dataset(folder):
    with Dataset(folder) as dataset:
        dataset.episodes()
        for episode in range(min(len(dataset), 50)):
            length = len(dataset.rows(episode)["index"])
            dataset.frames(
                [(episode, camera, n) for camera in dataset.cameras for n in (0, length - 1)]
            )


def read_as_source(folder):
    source = Source(folder)
    try:
        for episode in range(min(len(source.entries), 50)):
            fields_of(source, episode)
            source.table(episode)
            for key in source.film_keys:
                source.film(key, episode), source.first_frame(key, episode)
        select(source, ["secs<2", "verdict!=poor", "tags~s"])
        source.schema, source.has_statistics  # noqa: B018
    finally:
        source.close()


def run(number, recorded, place):
    """Damage a copy and read it in a child; return how that ended, and the words."""
    folder = place / f"{number}"
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.close(told)
        report(tell, one_case, number, recorded, folder)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    shutil.rmtree(folder, ignore_errors=True)
    if status:
        ended = signal.Signals(status & 127).name if status & 127 else f"exit {status >> 8}"
        return {"end": "crashed", "words": f"{ended} {said.decode(errors='replace')}"}
    return json.loads(said)


def report(tell, work, *arguments):
    """Tell what `work` returned, and end this process."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECS, CPU_SECS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 2)
    try:
        said = work(*arguments)
    except BaseException as error:  # noqa: BLE001 - told, not swallowed
        frames = [f"{f.name} {f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]]
        said = {"end": "crashed", "words": f"{type(error).__name__}: {error!s:.300} {frames}"}
    os.write(tell, json.dumps(said).encode())
    os._exit(0)


def one_case(number, recorded, folder):
    shutil.copytree(recorded, folder)
    done = damage(folder, np.random.default_rng(number))
    end, words = read_all(folder)
    return {"end": end, "words": words, "done": done}


def measure(cases, first=0):
    found, wrong = Counter(dict.fromkeys(ENDS, 0)), []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        record(place / "recorded")
        for number in range(first, first + cases):
            told = run(number, place / "recorded", place)
            found[told["end"]] += 1
            if told["end"] in ENDS[3:]:
                wrong.append({"case": number} | told)
                sys.stderr.write(json.dumps(wrong[-1]) + "\n")
            if number % 25 == 24:
                sys.stderr.write(f"up to {number}: {dict(found)}\n")
    return dict(found), wrong


def main(cases=1000, first=0):
    found, _ = measure(cases, first)
    sys.stdout.write(json.dumps(found) + "\n")
    return int(any(found[end] for end in ENDS[3:]))


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:])))
