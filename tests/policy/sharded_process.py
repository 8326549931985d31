"""`policy.train JOB` sharded by FSDP2 over gloo; `--stop-after-saving` leaves after the first save.

Accelerate shards on GPUs only; here its `prepare` is done by hand with torch's own `fully_shard`,
so that everything after it (averaging, clipping, gathering, resuming) runs on real shards.
"""

import sys
import threading
from pathlib import Path

import accelerate
import torch
from torch.distributed.fsdp import fully_shard

from policy.train import train
from policy.training.job import TrainingJob

PLAIN_PREPARE = accelerate.Accelerator.prepare


def sharded_prepare(self, learner, optimizer):
    names = {parameter: name for name, parameter in learner.named_parameters()}
    groups = [[names[p] for p in group["params"]] for group in optimizer.param_groups]
    for block in learner.model.decoder.blocks:
        fully_shard(block)
    fully_shard(learner)
    shards = dict(learner.named_parameters())
    for group, own in zip(optimizer.param_groups, groups, strict=True):
        group["params"] = [shards[name] for name in own]
    assert all(isinstance(p, torch.distributed.tensor.DTensor) for p in shards.values())
    return learner, PLAIN_PREPARE(self, optimizer)


def save_and_stop(job):
    PLAIN_SAVE(job)
    stop.set()


PLAIN_SAVE = TrainingJob.save
stop = threading.Event()

if __name__ == "__main__":  # scenes are drawn by processes that import this file
    accelerate.Accelerator.prepare = sharded_prepare
    if sys.argv[1] == "--stop-after-saving":
        TrainingJob.save = save_and_stop
    train(Path(sys.argv[-1]), stop)
