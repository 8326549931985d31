"""Random edits of a dataset, told in advance by a seed: carried out, or only foreseen.

As a program it forks a process that carries out the edits of each line it reads, FOLDER SEED, and
says its number: what such a process needs is loaded once.
"""

import os
import random
import sys
from pathlib import Path

from recordings import editing
from recordings.disk import flush
from recordings.piece import retasked, split, trimmed, without
from recordings.source import Source

KINDS = ("delete", "trim", "split", "retask", "undo", "redo")


def drawn(chance, lengths):
    """One edit that fits episodes of `lengths`: its kind, episode and arguments."""
    kind, episode = chance.choice(KINDS), chance.randrange(len(lengths))
    if (kind == "delete" and len(lengths) < 3) or (kind != "delete" and lengths[episode] < 4):
        kind = "retask"
    half, word = lengths[episode] // 2, chance.randrange(5)
    arguments = {"trim": (1, 1), "split": ([half],), "retask": (f"task {word}",)}
    return kind, episode, arguments.get(kind, ())


def edited(state, kind, episode, arguments):
    """What an edit makes of `state`, a list of (tasks, rows) for each episode."""
    task, rows = state[episode]
    half = len(rows) // 2
    parts = {
        "delete": [],
        "trim": [(task, rows[1:-1])],
        "split": [(task, rows[:half]), (task, rows[half:])],
        "retask": [(arguments, rows)],
    }
    return [*state[:episode], *parts[kind], *state[episode + 1 :]]


def story(state, seed):
    """Yield what the dataset is, and the edit that comes next, without end."""
    chance, past, future = random.Random(seed), [], []
    while True:
        kind, episode, arguments = drawn(chance, [len(rows) for _, rows in state])
        if (kind == "undo" and not past) or (kind == "redo" and not future):
            continue
        yield state, (kind, episode, arguments)
        if kind == "undo":
            future.append(state)
            state = past.pop()
        elif kind == "redo":
            past.append(state)
            state = future.pop()
        else:
            past.append(state)
            future.clear()
            state = edited(state, kind, episode, arguments)


CHANGES = {
    "delete": lambda pieces, episode: without(pieces, [episode]),
    "trim": trimmed,
    "split": split,
    "retask": lambda pieces, episode, task: retasked(pieces, [episode], task),
}


def edit_until_killed(folder, seed):
    """Carry out the edits of `seed`; append a byte to the file `said` beside it after each."""
    source, said = Source(folder), folder.with_name("said")
    lengths = [(None, range(source.length(i))) for i in range(len(source.entries))]
    with said.open("wb", buffering=0) as file:
        for _, (kind, episode, arguments) in story(lengths, seed):
            carry_out(folder, kind, episode, arguments)
            file.write(b".")
            flush(said)


def carry_out(folder, kind, episode, arguments):
    if kind == "undo":
        editing.undo(folder)
    elif kind == "redo":
        editing.redo(folder)
    else:
        editing.edit(folder, kind, lambda all_: CHANGES[kind](all_, episode, *arguments))


def serve():
    for line in sys.stdin:
        folder, seed = line.rsplit(maxsplit=1)
        pid = os.fork()
        if not pid:
            edit_until_killed(Path(folder), int(seed))
            os._exit(1)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        os.waitpid(pid, 0)
        sys.stdout.write("gone\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
