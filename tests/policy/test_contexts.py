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


def test_a_decoder_is_told_the_truth_where_the_pointer_is_wrong(job, demonstrations, base):
    part = {"kind": "actions", "dataset": str(demonstrations)}
    asked = {"mixture": [part], "dataset": None, "base": str(base), "freeze_backbone": True}
    folders = [job("as-it-points", **asked), job("told", correct_pointing=True, **asked)]
    plain, told = (TrainingJob(f, TrainRequest.load(f / "request.json")) for f in folders)
    stores = [
        ContextStore(each.model, each.mixture.processor, f / "contexts", device=CPU, bf16=False)
        for each, f in zip((plain, told), folders, strict=True)
    ]
    (source,), (labelled,) = plain.mixture.sources, told.mixture.sources
    assert source.fingerprint != labelled.fingerprint
    keys = torch.tensor([(0, number) for number in range(len(source))])
    pointed, corrected = (
        computed(store, each).of(keys).pointed
        for store, each in zip(stores, (plain, told), strict=True)
    )
    wrong = 0
    for number in range(len(source)):
        place = labelled.item(number, np.random.default_rng(0)).place
        if place.cell < 0:
            assert torch.equal(corrected[number], pointed[number])
            continue
        off = np.linalg.norm((pointed[number, :2].numpy() + 1) / 2 - place.centre)
        wrong += off > contexts.WRONG
        expected = 2 * place.centre - 1 if off > contexts.WRONG else pointed[number, :2].numpy()
        np.testing.assert_allclose(corrected[number, :2], expected, atol=1e-6)
        assert int(corrected[number, 2:4].argmax()) == place.arm
        assert corrected[number, 4] == pointed[number, 4]
    assert wrong > len(source) / 4, "a network of one step points wrong"
    assert told.run(threading.Event())


def test_a_decoder_that_learns_beside_its_backbone_is_told_the_truth_too(job, base, monkeypatch):
    asked = {"base": str(base), "touch_weight": 1.0, "augment": 0.0}
    given = {}
    for correct in (True, False):
        folder = job(f"told-{correct}", correct_pointing=correct, **asked)
        made = TrainingJob(folder, TrainRequest.load(folder / "request.json"))
        batches, seen = [made.mixture.batch(number) for number in range(12)], []
        loss = made.model.action_loss
        monkeypatch.setattr(
            made.model,
            "action_loss",
            lambda context, *rest, loss=loss, seen=seen: (
                seen.append(context.pointed) or loss(context, *rest)
            ),
        )
        for batch in batches:
            made.learner(batch)["loss"].backward()
        given[correct] = torch.cat(seen).detach()
    cell, centre, arm = (
        torch.cat([getattr(batch.places, part) for batch in batches])
        for part in ("cell", "centre", "arm")
    )
    known = cell >= 0
    pointed, there = given[False][known, :2], 2 * centre[known] - 1
    off = torch.linalg.vector_norm(pointed - there, dim=1) > 2 * contexts.WRONG
    guessed = given[False][known, 2:4].argmax(dim=1)
    assert off.any() and (guessed != arm[known]).any(), "one step points wrong"
    torch.testing.assert_close(given[True][known, :2], torch.where(off[:, None], there, pointed))
    assert (given[True][known, 2:4].argmax(dim=1) == arm[known]).all()


def test_what_cannot_be_corrected_is_refused(job, base):
    asked = {"touch_weight": 1.0, "correct_pointing": True, "augment": 0.0}
    for name, fields in (("blind", {}), ("still", {"base": str(base), "action_weight": 0.0})):
        folder = job(name, **asked, **fields)
        with pytest.raises(ValueError, match="for a network with a pointer that learns actions"):
            TrainingJob(folder, TrainRequest.load(folder / "request.json"))


def test_a_backbone_that_nothing_teaches_to_point_is_not_corrected(job):
    with pytest.raises(ValueError, match="set touch_weight or freeze_backbone beside it"):
        TrainRequest.load(job("not-taught", correct_pointing=True) / "request.json")


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
