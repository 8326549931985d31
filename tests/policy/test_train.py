"""Training from a folder to a folder: resumed, refused, and from real demonstrations."""

import json
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from policy.data.kinds import KINDS
from policy.data.samples import load_samples
from policy.data.scene_drawing import label_cells
from policy.data.scenes import Scenes, draw_scenes
from policy.model.checkpoint import Checkpoint
from policy.train import train
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest

SIZES = {"cam_high": (96, 128)}


def test_samples_are_what_was_recorded(demonstrations, tmp_path):
    samples = load_samples(demonstrations, SIZES, tmp_path / "cache")

    assert len(samples.episodes) == 2 and samples.fps == 10
    assert samples.pictures["cam_high"].shape == (len(samples), 96, 128, 3)
    assert samples.pictures["cam_high"].mean() > 20
    first = samples.episodes[0]
    assert "red" in first.task and "left" in first.task
    moved = np.ptp(samples.state[first.start : first.stop], axis=0)
    assert moved[:7].max() > 0.3 > moved[7:].max()  # the left arm moves, the right one rests


def test_a_chunk_ends_with_its_episode_and_is_interpolated(demonstrations, tmp_path):
    samples = load_samples(demonstrations, SIZES, tmp_path / "cache")
    last = samples.episodes[0].stop - 1

    np.testing.assert_array_equal(samples.chunk(last, 16, 10.0), samples.action[last : last + 1])
    assert len(samples.chunk(0, 16, 10.0)) == 16
    between = samples.chunk(0, 3, 20.0)[1]
    np.testing.assert_allclose(between, samples.action[:2].mean(axis=0), atol=1e-6)


def test_what_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Not a LeRobot v3.0 dataset"):
        load_samples(tmp_path, SIZES, tmp_path / "cache")


def test_a_camera_the_dataset_lacks_is_named(demonstrations, tmp_path):
    with pytest.raises(ValueError, match=r"looks at cameras \['cam_low'\].* has \['cam_high'\]"):
        load_samples(demonstrations, {"cam_low": (96, 128)}, tmp_path / "cache")


def test_a_job_ends_with_a_checkpoint_that_loads(job, metrics):
    folder = job("plain")
    train(folder, threading.Event())

    status = json.loads((folder / "status.json").read_text())
    assert status["status"] == "succeeded" and status["step"] == 4
    checkpoint = Checkpoint.load(folder / "checkpoints/last")
    assert any("red" in task for task in checkpoint.tasks)
    assert [c.name for c in checkpoint.embodiment.cameras] == ["cam_high"]
    assert metrics(folder)[-1]["step"] == 4


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"optimizer": "muon"},
        {"optimizer": "muon", "dataset": None, "stage": "grounding", "scenes": 8},
    ],
)
def test_going_on_gives_the_losses_of_not_having_stopped(job, fields):
    whole = job("whole", **fields)
    train(whole, threading.Event())

    parted = job("parted", save_every=2, **fields)
    stop = threading.Event()
    first = TrainingJob(parted, TrainRequest.load(parted / "request.json"))
    save = first.save
    first.save = lambda: (save(), stop.set())
    assert not first.run(stop) and first.step == 2
    train(parted, threading.Event())

    ours = Checkpoint.load(parted / "checkpoints/last").model.state_dict()
    theirs = Checkpoint.load(whole / "checkpoints/last").model.state_dict()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name].numpy(), value.numpy(), atol=1e-6, err_msg=name)


def test_a_frozen_backbone_stays_as_it_was(job):
    base = job("base", steps=1)
    train(base, threading.Event())
    frozen = job("frozen", base=str(base / "checkpoints/last"), freeze_backbone=True)
    train(frozen, threading.Event())

    before = Checkpoint.load(base / "checkpoints/last").model.state_dict()
    after = Checkpoint.load(frozen / "checkpoints/last").model.state_dict()
    changed = {n for n in before if not np.array_equal(before[n].numpy(), after[n].numpy())}
    assert changed and all(name.startswith("decoder.") for name in changed)


def test_a_base_of_another_body_is_refused(job, checkpoint, tmp_path):
    checkpoint.save(tmp_path / "two_cameras", "card")
    with pytest.raises(ValueError, match=r"otherwise than .*cameras lacking: \['cam_left_wrist'\]"):
        train(job("other", base=str(tmp_path / "two_cameras")), threading.Event())


def test_a_pretrained_backbone_is_not_wrecked_by_default(tmp_path):
    (tmp_path / "request.json").write_text('{"backbone": "Qwen/Qwen3.5-4B", "dataset": "x"}')
    request = TrainRequest.load(tmp_path / "request.json")
    assert (request.learning_rate, request.backbone_learning_rate) == (1e-4, 1e-5)


def test_an_unknown_field_of_a_request_is_named(tmp_path):
    (tmp_path / "request.json").write_text('{"scenes": 1, "lerning_rate": 1}')
    with pytest.raises(ValueError, match="lerning_rate is not a field"):
        TrainRequest.load(tmp_path / "request.json")


def test_a_checkpoint_is_replaced_whole(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "first")
    checkpoint.save(tmp_path / "nano", "second")

    assert (tmp_path / "nano/README.md").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["nano"]


def test_a_torn_checkpoint_says_so(checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")
    weights = tmp_path / "nano/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(ValueError, match="torn"):
        Checkpoint.load(tmp_path / "nano")


def test_scenes_are_labelled_with_what_they_show(tmp_path):
    scenes = draw_scenes(4, 100_000, SIZES, 16, workers=1)
    again = draw_scenes(4, 100_000, SIZES, 16, workers=1)

    np.testing.assert_array_equal(scenes.pictures["cam_high"], again.pictures["cam_high"])
    assert scenes.seen.any(axis=1).all()
    red_things = [number for number, kind in enumerate(KINDS) if kind.colour == "red"]
    row, number = next((r, n) for r in range(4) for n in red_things if scenes.seen[r, n])
    x, y = scenes.centres[row, number]
    red, green, blue = scenes.pictures["cam_high"][row, int(y * 96), int(x * 128)].astype(int)
    assert red > 2 * green and red > 2 * blue
    scenes.save(tmp_path / "scenes.npz")
    np.testing.assert_array_equal(Scenes.load(tmp_path / "scenes.npz").centres, scenes.centres)


def test_a_cell_shows_what_covers_most_of_it():
    picture = np.zeros((4, 4), int)
    picture[:2, :2] = 2
    picture[2:, 3] = 1
    assert label_cells(picture, 2, 2).tolist() == [2, 0, 0, 1]


def test_a_killed_job_is_cancelled_with_a_whole_checkpoint(job):
    folder = job("killed", steps=100_000)
    process = subprocess.Popen([sys.executable, "-m", "policy.train", str(folder)])
    deadline = time.monotonic() + 240
    while not (folder / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)

    assert process.wait(120) == 0
    assert json.loads((folder / "status.json").read_text())["status"] == "cancelled"
    Checkpoint.load(folder / "checkpoints/last")


def test_a_job_that_cannot_start_says_why(tmp_path):
    (tmp_path / "request.json").write_text('{"dataset": "/nowhere"}')
    done = subprocess.run(
        [sys.executable, "-m", "policy.train", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "Not a LeRobot v3.0 dataset" in done.stderr
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["status"] == "failed" and "nowhere" in status["error"]


def test_a_card_tells_of_every_stage(job):
    base = job("first", steps=1, seed=11)
    train(base, threading.Event())
    second = job("second", steps=1, seed=22, base=str(base / "checkpoints/last"))
    train(second, threading.Event())

    card = (second / "checkpoints/last/README.md").read_text()
    assert '"seed": 11' in card and '"seed": 22' in card
