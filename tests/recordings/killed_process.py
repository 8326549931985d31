"""Records, edits or repairs a dataset until it is killed, and says what is done.

As a program it forks a process for each line it reads, KIND FOLDER SEED, and says its number:
what such a process needs is loaded once. Each says what it has done in the file `said` beside its
dataset, where every word is on the disk before the next deed.
"""

import os
import random
import sys
from pathlib import Path

from bench import Bench
from editing_process import edit_until_killed

from recordings import repair
from recordings.disk import flush


class Diary:
    def __init__(self, path):
        self.path, self.file = path, path.open("ab", buffering=0)

    def say(self, *words):
        self.file.write((" ".join(map(str, words)) + "\n").encode())
        flush(self.path)


def record_until_killed(folder, seed):
    """Rescue what waits, then record, save, discard, and keep what was held, without end."""
    chance, diary = random.Random(seed), Diary(folder.with_name("said"))
    with Bench(realtime=False) as bench:
        recorder = bench.recorder
        recorder.open_dataset(folder, fps=50)
        diary.say("opened", recorder.status().episode_index)
        for unsaved in recorder.unsaved():
            diary.say("rescues", unsaved.rows)
            diary.say("saved", recorder.rescue(unsaved), unsaved.rows)
        recorder.look_back(0.5)
        while True:
            rows = chance.randrange(4, 130)
            if chance.random() < 0.2:
                bench.turn(rows)
                diary.say("keeps")
                index = recorder.keep_last(f"task {chance.randrange(3)}")
                diary.say("saved", index)
                continue
            diary.say("records", rows)
            recorder.start_episode(f"task {chance.randrange(3)}")
            bench.turn(rows)
            if chance.random() < 0.1:
                diary.say("discards")
                recorder.discard_episode()
                continue
            diary.say("saves", rows)
            diary.say("saved", recorder.save_episode(), rows)


def repair_until_killed(folder, _seed):
    diary = Diary(folder.with_name("said"))
    diary.say("repairs")
    repair.repair(folder)
    diary.say("repaired")
    while True:
        os.sched_yield()


KINDS = {
    "record": record_until_killed,
    "edit": edit_until_killed,
    "repair": repair_until_killed,
}


def serve():
    for line in sys.stdin:
        kind, folder, seed = line.split(maxsplit=2)
        pid = os.fork()
        if not pid:
            try:
                KINDS[kind](Path(folder), int(seed))
            finally:
                os._exit(1)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write("killed\n" if os.WIFSIGNALED(status) else "ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
