"""A network of a few thousand parameters, its tokenizer, and a dataset of simulated scenes."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hardware.aloha import START, aloha_embodiment
from hardware.interfaces import Frame, Observation
from policy.model.action_space import NormStats, Quantiles
from policy.model.checkpoint import Checkpoint
from policy.model.config import DecoderConfig
from policy.model.presets import preset
from policy.model.processor import Processor
from policy.model.prompt import camera_tag
from policy.model.qwen_vla import QwenVLA
from policy.model.words import train_tokenizer, vocabulary
from recordings.demonstration import Recipe
from recordings.generate import generate

CAMERAS = ("cam_high", "cam_left_wrist")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def pretrained_nano():
    return Path(__file__).parents[2] / "policy/pretrained/nano"


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer([], [tag for name in CAMERAS for tag in camera_tag(name)])


@pytest.fixture(scope="session")
def config(tokenizer):
    return dataclasses.replace(
        preset("nano", CAMERAS, vocabulary(tokenizer)),
        decoder=DecoderConfig(width=32, blocks=2, heads=2, feed_forward=64),
        image_sizes={"cam_high": (32, 48), "cam_left_wrist": (16, 32)},
    )


@pytest.fixture(scope="session")
def processor(config, tokenizer):
    return Processor(config, tokenizer)


@pytest.fixture
def model(config):
    torch.manual_seed(0)
    network = QwenVLA(config)
    for parameter in network.decoder.parameters():  # AdaLN-zero would hide every influence
        torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture
def seen(model, processor, config):
    """A network with a context, a state, a mask of 3 channels and noise, for two samples."""
    torch.manual_seed(0)
    pictures = [
        {name: torch.randint(0, 255, (*size, 3)).to(torch.uint8).numpy() for name, size in sizes}
        for sizes in [config.image_sizes.items()] * 2
    ]
    inputs = processor(["pick up the red cube", "lift the blue one, please"], pictures)
    mask = torch.zeros(2, config.horizon, config.channels)
    mask[..., :3] = 1
    with torch.no_grad():
        context = model.eval().see(inputs)
    return context, torch.rand(2, config.channels), mask, torch.randn_like(mask), inputs


@pytest.fixture
def body():
    return aloha_embodiment(CAMERAS)


@pytest.fixture
def checkpoint(model, tokenizer, body):
    limits = Quantiles(body.action_low, body.action_high)
    return Checkpoint(model, tokenizer, NormStats(limits, limits), body, ("pick up the red cube",))


@pytest.fixture
def observation():
    rng = np.random.default_rng(0)
    pictures = {name: rng.integers(0, 255, (48, 64, 3), np.uint8) for name in CAMERAS}
    return Observation(5.0, START.copy(), {n: Frame(p, 4.99) for n, p in pictures.items()})


@pytest.fixture(scope="session")
def demonstrations(tmp_path_factory):
    """Two picks by the scripted expert, recorded by the recorder."""
    folder = tmp_path_factory.mktemp("data") / "picks"
    recipe = Recipe(
        tasks=("pick_red_cube_left", "pick_blue_cube_right"),
        seed=1,
        fps=10,
        height=120,
        width=160,
        cameras=("cam_high",),
        disturbed=0.0,
        wordings="canonical",
    )
    generate(folder, recipe, 2, workers=0)
    return folder


@pytest.fixture
def job(tmp_path, demonstrations):
    """Writes a job folder: a small one on the demonstrations, changed by `fields`."""

    def write(name, **fields):
        folder = tmp_path / name
        folder.mkdir()
        request = {"dataset": str(demonstrations), "steps": 4, "batch_size": 2, "threads": 1}
        request |= {"workers": 0} | fields
        (folder / "request.json").write_text(json.dumps(request))
        return folder

    return write


@pytest.fixture
def metrics():
    """Reads the lines of a job's metrics."""

    def read(folder):
        return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]

    return read
