"""Two processes learn what one does: DDP and FSDP2 over gloo, on a processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

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
    assert done.returncode == 0, done.stderr[-12000:]


@pytest.fixture(scope="module")
def start_job(tmp_path_factory, demonstrations):
    """Writes jobs that move far, on a mixture whose kinds do not divide by two."""

    def write(name, **fields):
        folder = tmp_path_factory.mktemp(name)
        parts = [
            {"kind": "actions", "dataset": str(demonstrations), "weight": 3},
            {"kind": "questions", "weight": 1},
            {"kind": "grounding", "weight": 2},
        ]
        request = {"mixture": parts, "scenes": 8, "batch_size": 6, "steps": 4, "warmup": 0}
        request |= {"learning_rate": 3e-3, "ema": 0.0, "threads": 1, "workers": 0} | fields
        (folder / "request.json").write_text(json.dumps(request))
        return folder

    return write


@pytest.fixture(scope="module")
def alone(start_job):
    folder = start_job("alone")
    run(folder)
    return folder


@pytest.fixture(scope="module")
def started(start_job):
    """After the first step of the same job."""
    folder = start_job("started", steps=1)
    run(folder)
    return weights(folder)


def weights(folder):
    return Checkpoint.load(folder / "checkpoints/last").model.state_dict()


def distance(ours, theirs):
    return sum(float((ours[name] - theirs[name]).square().sum()) for name in theirs) ** 0.5


def check_same(together, alone, started, metrics, kinds=()):
    assert json.loads((together / "status.json").read_text())["status"] == "succeeded"
    ours, theirs = metrics(together)[-1], metrics(alone)[-1]
    for kind in kinds:
        assert ours[kind] == pytest.approx(theirs[kind], rel=2e-2), kind
    moved = distance(weights(alone), started)
    assert moved > 1
    assert distance(weights(together), weights(alone)) < 0.1 * moved


@pytest.mark.parametrize("launch", LAUNCHES)
def test_two_processes_learn_what_one_does(start_job, metrics, alone, started, launch):
    together = start_job("together")
    run(together, LAUNCHES[launch])
    kinds = ("loss", "actions", "questions", "grounding", "arm")
    check_same(together, alone, started, metrics, kinds)


def test_a_sharded_network_learns_the_same_and_goes_on(start_job, metrics, alone, started):
    together = start_job("together", save_every=2)
    run(together, LAUNCHES["torchrun"], (str(SHARDED), "--stop-after-saving"))
    assert json.loads((together / "status.json").read_text())["step"] == 2
    run(together, LAUNCHES["torchrun"], (str(SHARDED),))

    # Its last line speaks for the steps since it went on, the other's for all: weights decide.
    check_same(together, alone, started, metrics)
