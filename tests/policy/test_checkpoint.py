"""A checkpoint folder: whole whenever its writer is killed, and refused where it is torn."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from policy.model.checkpoint import Checkpoint
from policy.model.config import QwenVLAConfig
from policy.model.weights import INDEX, WHOLE, read_weights

KILLS = 30
FORK = multiprocessing.get_context("fork")


def save_for_ever(checkpoint, folder):
    number = 0
    while True:
        number += 1
        checkpoint.save(folder, f"save {number}")


def save_and_die_between(checkpoint, folder):
    """Killed when the old folder has left its name and the new one has not taken it."""
    rename = Path.rename

    def killing(path, target):
        if path.name.endswith(".partial"):
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(path, target)

    Path.rename = killing
    checkpoint.save(folder, "never there")


def killed(target, *args, after=None):
    process = FORK.Process(target=target, args=args)
    process.start()
    if after is not None:
        time.sleep(after)
        process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def test_whenever_saving_is_killed_a_checkpoint_is_left(checkpoint, tmp_path):
    folder = tmp_path / "last"
    checkpoint.save(folder, "first")
    rng = np.random.default_rng(0)
    for _ in range(KILLS):
        killed(save_for_ever, checkpoint, folder, after=float(rng.uniform(0.01, 0.15)))
        loaded = Checkpoint.load(folder)
    assert loaded.tasks == checkpoint.tasks


def test_killed_between_the_names_the_old_one_is_read_and_then_replaced(checkpoint, tmp_path):
    folder = tmp_path / "last"
    checkpoint.save(folder, "first")
    killed(save_and_die_between, checkpoint, folder)

    assert not folder.exists()
    assert Checkpoint.load(folder).tasks == checkpoint.tasks
    killed(save_and_die_between, checkpoint, folder)  # the only whole one is not deleted
    assert Checkpoint.load(folder).tasks == checkpoint.tasks
    checkpoint.save(folder, "second")
    assert (folder / "README.md").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_checkpoint_looks_at_cameras_that_its_body_has(checkpoint, body):
    assert set(checkpoint.image_sizes) == {"cam_high", "cam_left_wrist"}
    one_eyed = Checkpoint(
        *(checkpoint.model, checkpoint.tokenizer, checkpoint.norm_stats),
        *(body.with_cameras(("cam_high",)), checkpoint.tasks),
    )
    assert one_eyed.image_sizes == {"cam_high": (32, 48)}


@pytest.mark.parametrize("index", [{}, {"weight_map": {}}, {"weight_map": 3}, [1]])
def test_an_index_without_files_is_refused(index, checkpoint, tmp_path):
    checkpoint.save(tmp_path / "nano", "card")
    (tmp_path / "nano" / WHOLE).unlink()
    (tmp_path / "nano" / INDEX).write_text(json.dumps(index))
    with pytest.raises(ValueError, match="weight_map that names files"):
        read_weights(tmp_path / "nano")
    with pytest.raises(ValueError, match="torn"):
        Checkpoint.load(tmp_path / "nano")


def test_a_config_survives_the_disk(config, tmp_path):
    config.save(tmp_path / "config.json")
    assert QwenVLAConfig.load(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "perhaps"}, "state: .*'off', 'text' or 'decoder'"),
        ({"action_hz": 0}, "action_hz must be above 0"),
        ({"action_hz": float("nan")}, "action_hz must be above 0"),
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"euler_steps": 0}, "euler_steps must be at least 1"),
        ({"horizon": "many"}, "horizon"),
        ({"image_sizes": {"cam_high": [32]}}, "image_sizes.cam_high"),
        ({"decoder": {"widht": 3}}, "decoder.widht"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_config_with_a_wrong_field_is_refused_by_name(changed, words, config, tmp_path):
    path = tmp_path / "config.json"
    config.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(ValueError, match=f"Not a Qwen-VLA config: .*{words}.*File: "):
        QwenVLAConfig.load(path)
