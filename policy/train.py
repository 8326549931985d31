"""Run a training job in its folder: `python -m policy.train JOB`.

Reads `request.json`; writes `metrics.jsonl`, `status.json`, `checkpoints/last` and the state to
go on from. Run again in the same folder, it goes on where it stopped.
"""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import torch
import tyro

from policy.data.loader import set_sharing
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest
from policy.training.rl.job import RLJob
from policy.training.status import Status

logger = logging.getLogger(__name__)

PRIMITIVES = "256"
"""Kernels that oneDNN keeps, one for each size of a product met, in place of 1024: sentences have
many lengths. As quick, and gigabytes smaller in a long training (`docs/log.md`)."""


def train(folder: Path, stop: threading.Event) -> None:
    """Run the job in `folder` until it is done or stopped, and say in status.json how it went.

    Raises `ValueError` for a request that cannot be met, before anything is learnt, and whatever
    ends the training early; the last whole checkpoint is kept either way.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", PRIMITIVES)
    status = Status(folder)
    try:
        request = TrainRequest.load(folder / "request.json")
        job = RLJob(folder, request) if request.stage == "rl" else TrainingJob(folder, request)
    except torch.OutOfMemoryError as error:
        advice = (
            "Out of memory before the first step: network, masters and average do not fit. "
            'Freeze parts, set "lora_rank", or "ema": 0.'
        )
        status.write("failed", error=advice)
        raise ValueError(advice) from error
    except Exception as error:
        status.write("failed", error=in_words(error))
        raise
    status.write("running", job.step, request.steps)
    try:
        finished = job.run(stop)
    except torch.OutOfMemoryError as error:
        advice = f"Out of memory at step {job.step}. {job.what_fits()}"
        status.write("failed", job.step, request.steps, error=advice, checkpoint=job.checkpoint)
        raise ValueError(advice) from error
    except Exception as error:
        failed = in_words(error)
        status.write("failed", job.step, request.steps, error=failed, checkpoint=job.checkpoint)
        raise
    ended = "succeeded" if finished else "cancelled"
    status.write(ended, job.step, request.steps, checkpoint=job.checkpoint)
    job.accelerator.end_training()  # threads of a process group must not outlive the program


def in_words(error: Exception) -> str:
    """An expected error as it is, another with its kind."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def main(folder: Annotated[Path, tyro.conf.Positional]) -> None:
    """Train in a job folder that holds `request.json`; run again, it goes on where it stopped.

    Ctrl-C (or SIGTERM) saves a whole checkpoint first. On several GPUs or machines, start the
    same command by `accelerate launch -m policy.train JOB` or `torchrun -m policy.train JOB`.

    Args:
        folder: The job folder. Its request.json holds fields of
            `policy.training.request.TrainRequest`.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if not folder.is_dir():
        raise SystemExit(f"Cannot train: there is no folder {folder}.")
    set_sharing()
    try:
        train(folder, stop)
    except ValueError as error:
        raise SystemExit(f"Cannot train: {error}") from error


if __name__ == "__main__":
    tyro.cli(main)
