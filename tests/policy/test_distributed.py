"""Two processes learn what one does: DDP and FSDP2 over gloo, on a processor."""

import json
import subprocess
import sys

import numpy as np
import pytest

from policy.model.checkpoint import Checkpoint

LAUNCHES = {
    "torchrun": ("torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
    "accelerate": (
        *("accelerate.commands.launch", "--cpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--main_process_port", "0"),
    ),
    "fsdp2": (
        *("accelerate.commands.launch", "--cpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--main_process_port", "0", "--use_fsdp", "--fsdp_version", "2"),
        *("--fsdp_auto_wrap_policy", "NO_WRAP", "--fsdp_state_dict_type", "FULL_STATE_DICT"),
    ),
}


def run(folder, *launcher):
    command = [sys.executable, "-m", *launcher, "-m", "policy.train", str(folder)]
    if not launcher:
        command = [sys.executable, "-m", "policy.train", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture
def alone(job):
    folder = job("alone", batch_size=4)
    run(folder)
    return folder


@pytest.mark.parametrize("launch", LAUNCHES)
def test_two_processes_learn_what_one_does(job, metrics, alone, launch):
    together = job("together", batch_size=4)
    run(together, *LAUNCHES[launch])

    assert json.loads((together / "status.json").read_text())["status"] == "succeeded"
    assert len(metrics(together)) == len(metrics(alone))
    assert metrics(together)[-1]["actions"] == pytest.approx(metrics(alone)[-1]["actions"], 1e-2)
    ours = Checkpoint.load(together / "checkpoints/last").model.state_dict()
    theirs = Checkpoint.load(alone / "checkpoints/last").model.state_dict()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name].numpy(), value.numpy(), atol=2e-3, err_msg=name)
