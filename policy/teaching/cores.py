"""A training job on every core of a processor: one process each, which share every batch.

On two cores that learns from half as many samples again as one process of two threads
(`docs/log.md`); the result is the same.
"""

import json
import sys
import threading
from pathlib import Path

import torch

from policy.recipe.machine import TOGETHER
from policy.recipe.processes import Command
from policy.train import train
from policy.training.request import TrainRequest

LOOK_SECS = 0.5


def processes(cores: int) -> int:
    """How many a job is shared out to: one where a GPU learns."""
    return 1 if torch.cuda.is_available() else min(cores, TOGETHER)


def train_on(folder: Path, cores: int, stop: threading.Event) -> None:
    """Run the job in `folder` until it is done or `stop` is set; say how it goes as it goes.

    There are as many processes as the threads that its request gives each leave cores for. Raises
    `ValueError` with what the job says when it fails.
    """
    threads = TrainRequest.load(folder / "request.json").threads or cores
    count = min(processes(cores), max(1, cores // threads))
    if count == 1:
        train(folder, stop)
        return
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count))
    log = folder / "train.txt"
    command = Command([*launch, "-m", "policy.train", str(folder)], log, gpu=False)
    try:
        with log.open(errors="replace") as said:
            running = True
            while running:
                running = command.code is None and not stop.wait(LOOK_SECS)
                sys.stdout.write(said.read())
                sys.stdout.flush()
    finally:
        command.stop()
    if command.code and not stop.is_set():
        status = folder / "status.json"
        error = json.loads(status.read_text()).get("error") if status.exists() else None
        raise ValueError(f"{error or command.last_words()} Log: {log}")
