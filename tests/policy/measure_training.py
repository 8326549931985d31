"""What the pipeline costs beside the network: `python tests/policy/measure_training.py JOB`.

Trains for some steps as `policy.train` does, and the same steps by a plain PyTorch loop over the
same tensors, already in memory; in turns, so that a busy machine slows both alike.
"""

import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn

from policy.data.loader import Loader, set_sharing
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest
from policy.training.trainer import quick_bf16

ROUNDS, STEPS = 6, 12


def plain_loop(job: TrainingJob, optimizer: torch.optim.Optimizer, start: int) -> float:
    """Seconds for `STEPS` steps over batches that are there."""
    batches = [job.mixture.batch(step) for step in range(start, start + STEPS)]
    began = time.perf_counter()
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=quick_bf16(torch.device("cpu"))):
            loss = job.learner(batch)["loss"]
        loss.backward()
        nn.utils.clip_grad_norm_(job.learner.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return time.perf_counter() - began


def pipeline(job: TrainingJob, start: int) -> tuple[float, float]:
    """Seconds for `STEPS` steps of the trainer on a running loader, and of them waiting."""
    loader = Loader(job.mixture, workers=job.request.workers)
    steps = loader.steps(start, start + STEPS + 1)
    job.trainer._train_step(next(steps))  # workers start once in a training, not once a round
    waited, began = loader.waited, time.perf_counter()
    for step in steps:
        job.trainer._train_step(step)
    return time.perf_counter() - began, loader.waited - waited


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    set_sharing()
    folder = Path(sys.argv[1])
    job = TrainingJob(folder, TrainRequest.load(folder / "request.json"))
    optimizer = torch.optim.AdamW(
        [p for p in job.learner.parameters() if p.requires_grad], betas=(0.9, 0.95)
    )
    plain_loop(job, optimizer, 0)
    ratios, waits = [], []
    for number in range(ROUNDS):
        plain = plain_loop(job, optimizer, number * STEPS)
        whole, waited = pipeline(job, number * STEPS)
        ratios.append(whole / plain)
        waits.append(waited / whole)
        rate = job.request.batch_size * STEPS
        say(f"samples/s: plain {rate / plain:.1f}, pipeline {rate / whole:.1f}")
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    say(f"pipeline / plain: median {statistics.median(ratios):.3f} of {ROUNDS}, {spread}")
    say(f"waiting for data: median {statistics.median(waits):.2%}, most {max(waits):.2%}")


if __name__ == "__main__":
    main()
