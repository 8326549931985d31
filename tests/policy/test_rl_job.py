"""A job of reinforcement learning: resumed, stopped, and refused."""

import dataclasses
import json
import math
import threading
from pathlib import Path

import pytest
import torch

from hardware.bodies import body_named
from hardware.simulation.tasks.holding import Pick
from hardware.simulation.tasks.placing import Sort
from policy.model.checkpoint import Checkpoint
from policy.train import train
from policy.training.request import TrainRequest
from policy.training.rl.job import RLJob, tasks_of
from policy.training.rl.rollouts import Rollouts, _actor, limit_secs
from policy.training.rl.rounds import updates
from policy.training.rl_options import RLOptions


@pytest.fixture
def rl_job(tmp_path, checkpoint):
    """Writes a job of two rounds of two short episodes, and the base it starts from."""
    checkpoint.save(tmp_path / "base", "card")

    def write(name, **options):
        folder = tmp_path / name
        folder.mkdir()
        rl = {
            "tasks": ["pick_red_cube_left"],
            "episodes": 2,
            "seconds": 0.8,
            "workers": 0,
            "epochs": 2,
        }
        request = {
            "stage": "rl",
            "base": str(tmp_path / "base"),
            "steps": 8,
            "batch_size": 2,
            "save_every": 1,
            "learning_rate": 1e-3,
            "threads": 1,
            "rl": rl | options,
        }
        (folder / "request.json").write_text(json.dumps(request))
        return folder

    return write


def test_a_resumed_job_learns_the_same_wherever_it_is_simulated(rl_job, metrics):
    whole = rl_job("whole")
    train(whole, threading.Event())
    lines = metrics(whole)
    assert lines[-1]["step"] == 8 and 0 <= lines[-1]["success"] <= 1 and lines[-1]["value"] >= 0

    parted = rl_job("parted", workers=1)
    stop = threading.Event()
    first = RLJob(parted, TrainRequest.load(parted / "request.json"))
    save = first.save
    first.save = lambda: (save(), stop.set())
    assert not first.run(stop) and first.step == 4  # a whole round, however often it is to save
    request = json.loads((parted / "request.json").read_text())
    request["rl"]["workers"] = 0
    (parted / "request.json").write_text(json.dumps(request))
    train(parted, threading.Event())

    ours = Checkpoint.load(parted / "checkpoints/last").model.state_dict()
    theirs = Checkpoint.load(whole / "checkpoints/last").model.state_dict()
    before = Checkpoint.load(whole.parent / "base").model.state_dict()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, atol=1e-6, rtol=0, msg=name)
    changed = {name for name in before if not torch.equal(before[name], theirs[name])}
    assert changed and all(name.startswith("decoder.") for name in changed)


def test_an_episode_may_take_as_long_as_its_task_gives():
    own, set_to = RLOptions(), RLOptions(seconds=2.0)
    assert limit_secs("sort", own) == Sort.limit_secs > Pick.limit_secs
    assert limit_secs("pick_red_cube_left", own) == limit_secs("pick", own) == Pick.limit_secs
    assert limit_secs("sort", set_to) == 2.0
    rollouts = Rollouts(Path(), own, ("pick", "sort"), 0)
    assert rollouts.longest_secs == Sort.limit_secs
    request = TrainRequest(stage="rl", base="b", batch_size=50, rl=RLOptions(episodes=2, epochs=3))
    assert updates(request, rollouts.longest_secs) == 3 * math.ceil(2 * Sort.limit_secs / 0.4 / 50)


def test_every_episode_begins_at_time_0_however_late_it_is(tmp_path, checkpoint):
    checkpoint.save(tmp_path / "base", "card")
    torch.save({}, tmp_path / "acting.pt")
    options = RLOptions(episodes=2, seconds=0.6, workers=0)
    rollouts = Rollouts(tmp_path / "base", options, ("pick_red_cube_left",), 0)
    for episode in rollouts.round(0, tmp_path / "acting.pt", threading.Event()):
        assert episode.seconds == pytest.approx(0.6)
        assert [decision.rows for decision in episode.decisions] == [7, 3]
    seen = _actor(tmp_path / "base", options)._explorer._made
    assert [time for time, _ in seen] == [0.0, 0.4]


def test_a_job_told_to_stop_while_it_rolls_out_leaves_a_checkpoint(rl_job):
    folder = rl_job("stopped")
    job = RLJob(folder, TrainRequest.load(folder / "request.json"))
    stop = threading.Event()
    stop.set()
    assert not job.run(stop) and job.step == 0
    Checkpoint.load(folder / "checkpoints/last")


def test_what_cannot_be_tried_out_is_refused(checkpoint, rl_job):
    with pytest.raises(ValueError, match=r"Name those to try in rl\.tasks"):
        tasks_of((), dataclasses.replace(checkpoint, tasks=("sing",)))
    with pytest.raises(ValueError, match="pick_red_cube_left"):
        tasks_of(("sing",), checkpoint)
    franka = dataclasses.replace(checkpoint, embodiment=body_named("franka"))
    with pytest.raises(ValueError, match=r"Only .*aloha.* can be tried out"):
        tasks_of((), franka)
    with pytest.raises(ValueError, match=r"rl\.noise must be above 0"):
        RLJob(Path(), TrainRequest.load(rl_job("quiet", noise=0.0) / "request.json"))
