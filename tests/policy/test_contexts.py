"""Contexts of a frozen backbone: computed once, then mapped, and anew when they differ."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from policy.training import contexts
from policy.training.contexts import ContextStore
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest

CPU = torch.device("cpu")
GO_ON = threading.Event()


@pytest.fixture
def made(job, demonstrations, base):
    """Two sources with instructions of unequal length, and a network that points."""
    part = {"kind": "actions", "dataset": str(demonstrations)}
    folder = job("frozen", dataset=None, mixture=[part, part], base=str(base), freeze_backbone=True)
    return TrainingJob(folder, TrainRequest.load(folder / "request.json"))


@pytest.fixture
def base(job):
    folder = job("base", dataset=None, stage="grounding", scenes=8, steps=1, pointer=True)
    TrainingJob(folder, TrainRequest.load(folder / "request.json")).run(threading.Event())
    return folder / "checkpoints/last"


@pytest.fixture
def store(made, tmp_path):
    folder = tmp_path / "contexts"
    return ContextStore(made.model, made.mixture.processor, folder, device=CPU, bf16=False)


def computed(store, made):
    store.compute(made.mixture.sources, GO_ON)
    return store.load(made.mixture.sources)


def test_what_is_stored_is_what_the_backbone_says(made, store):
    sources = made.mixture.sources
    words = ["lift the cube", "would you please lift up the red cube on the left", "lift it"]
    for source in sources:
        source._prompt = lambda row, *rest, **more: words[row % 3]
    kept = computed(store, made)
    keys = [(0, 3), (1, 4), (0, len(sources[0]) - 1)]
    for number, index in keys:
        item = sources[number].item(index, np.random.default_rng([0, index]))
        inputs = made.mixture.processor([item.prompt], [item.pictures])
        with torch.inference_mode():
            seen = made.model.see(inputs)
        found = kept.of(torch.tensor([(number, index)]))
        torch.testing.assert_close(found.hidden, seen.hidden, rtol=2e-2, atol=2e-2)
        torch.testing.assert_close(found.pointed, seen.pointed, rtol=1e-3, atol=1e-3)
        assert torch.equal(found.positions, seen.positions)
    together = kept.of(torch.tensor(keys))
    lengths = together.attention_mask.sum(dim=1)
    assert len(set(lengths.tolist())) > 1 and together.hidden.shape[1] == lengths.max()
    for row, key in enumerate(keys):
        alone = kept.of(torch.tensor([key])).hidden[0]
        assert torch.equal(together.hidden[row, : len(alone)], alone)


def test_they_are_computed_once_and_anew_for_other_weights_or_words(made, store, monkeypatch):
    computed(store, made)
    looks = []
    see = type(made.model).see
    monkeypatch.setattr(
        type(made.model), "see", lambda self, inputs: (looks.append(1), see(self, inputs))[1]
    )
    computed(store, made)
    assert not looks
    episode = made.mixture.sources[0]._samples.episodes[1]
    object.__setattr__(episode, "task", "lift something else")
    computed(store, made)
    assert looks
    looks.clear()
    with torch.no_grad():
        next(made.model.backbone.parameters()).add_(1.0)
    folder = store._folder
    other = ContextStore(made.model, made.mixture.processor, folder, device=CPU, bf16=False)
    computed(other, made)
    assert looks and len(list(folder.glob("*.npz"))) == 2  # no stale ones
    other.forget()
    assert not folder.exists()


def test_processes_share_the_work(made, store):
    sources = made.mixture.sources
    sources[1].name = "another"
    store.compute(sources, GO_ON, share=1, shares=2)
    assert store.load(sources) is None
    store.compute(sources, GO_ON, share=0, shares=2)
    assert store.load(sources) is not None


def test_whole_sources_stay_when_stopped(made, store):
    stop = threading.Event()
    stop.set()
    store.compute(made.mixture.sources, stop)
    assert store.load(made.mixture.sources) is None
    assert not list(store._folder.iterdir())


def test_a_full_disk_is_said_before_anything_is_lost(made, store, monkeypatch):
    usage = SimpleNamespace(free=int(contexts.SPARE) + 10)
    monkeypatch.setattr(contexts.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"rows of .* takes .* GB\. .* free.*Make room"):
        store.compute(made.mixture.sources, GO_ON)
    assert not list(store._folder.iterdir())


def test_a_job_that_is_done_keeps_none_and_passes_the_heads_on(made, base):
    assert made.run(threading.Event())
    assert not (made.folder / "contexts").exists()
    beside = (base / "grounding.safetensors").read_bytes()
    assert (made.checkpoint_folder / "grounding.safetensors").read_bytes() == beside
    assert json.loads((made.checkpoint_folder / "config.json").read_text())["pointer"]
