"""Two processes learn what one does: DDP and FSDP2 over gloo, on a processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from policy.model.checkpoint import Checkpoint

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
LAUNCHES = {
    "torchrun": ("torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
    "accelerate": (
        *("accelerate.commands.launch", "--cpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--main_process_port", "0"),
    ),
}


SHARDED = Path(__file__).with_name("sharded_process.py")


def run(folder, launcher=(), program=("-m", "policy.train")):
    launch = ("-m", *launcher) if launcher else ()
    command = [sys.executable, *launch, *program, str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=200, cwd=ROOT, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr[-4000:]


def check_same(together, alone, metrics):
    assert json.loads((together / "status.json").read_text())["status"] == "succeeded"
    assert len(metrics(together)) == len(metrics(alone))
    assert metrics(together)[-1]["actions"] == pytest.approx(metrics(alone)[-1]["actions"], 1e-2)
    ours = Checkpoint.load(together / "checkpoints/last").model.state_dict()
    theirs = Checkpoint.load(alone / "checkpoints/last").model.state_dict()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name].numpy(), value.numpy(), atol=2e-3, err_msg=name)


@pytest.fixture
def alone(job):
    folder = job("alone", batch_size=4)
    run(folder)
    return folder


@pytest.mark.parametrize("launch", LAUNCHES)
def test_two_processes_learn_what_one_does(job, metrics, alone, launch):
    together = job("together", batch_size=4)
    run(together, LAUNCHES[launch])
    check_same(together, alone, metrics)


def test_a_sharded_network_learns_the_same_and_goes_on(job, metrics, alone):
    together = job("together", batch_size=4, save_every=2)
    run(together, LAUNCHES["torchrun"], (str(SHARDED), "--stop-after-saving"))
    assert json.loads((together / "status.json").read_text())["step"] == 2
    run(together, LAUNCHES["torchrun"], (str(SHARDED),))

    check_same(together, alone, metrics)
