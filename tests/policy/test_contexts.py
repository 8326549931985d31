"""Contexts of a frozen backbone: computed once, then mapped, and anew when they differ."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from policy.training import contexts
from policy.training.contexts import StoredContexts
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest

CPU = torch.device("cpu")


@pytest.fixture
def made(job):
    folder = job("frozen", freeze_backbone=True)
    return TrainingJob(folder, TrainRequest.load(folder / "request.json"))


def stored(made, folder):
    return StoredContexts(
        *(made.model, made.mixture.processor, made.mixture.sources),
        folder=folder,
        device=CPU,
        bf16=False,
    )


def test_what_is_stored_is_what_the_backbone_says(made, tmp_path):
    source = made.mixture.sources[0]
    last = len(source) - 1
    kept = stored(made, tmp_path).of(torch.tensor([[0, 3], [0, last]]))
    items = [source.item(n, np.random.default_rng([0, n])) for n in (3, last)]
    looks = zip(*((item.prompt, item.pictures) for item in items), strict=True)
    inputs = made.mixture.processor(*looks)
    with torch.inference_mode():
        seen = made.model.see(inputs)
    torch.testing.assert_close(kept.hidden, seen.hidden, rtol=1e-2, atol=1e-2)
    assert torch.equal(kept.positions, seen.positions)
    assert torch.equal(kept.attention_mask, seen.attention_mask.long())


def test_they_are_computed_once(made, tmp_path, monkeypatch):
    stored(made, tmp_path)
    looks = []
    see = type(made.model).see
    monkeypatch.setattr(
        type(made.model), "see", lambda self, inputs: (looks.append(1), see(self, inputs))[1]
    )
    again = stored(made, tmp_path)
    assert not looks and again.of(torch.tensor([[0, 0]])).hidden.isfinite().all()
    with torch.no_grad():
        next(made.model.backbone.parameters()).add_(1.0)
    stored(made, tmp_path)
    assert looks and len(list(tmp_path.glob("contexts-*"))) == 2  # the stale ones are gone


def test_a_full_disk_is_said_before_anything_is_lost(made, tmp_path, monkeypatch):
    usage = SimpleNamespace(free=int(contexts.SPARE) + 10)
    monkeypatch.setattr(contexts.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ValueError, match=r"takes .* GB\. .* free.*Make room"):
        stored(made, tmp_path)
    assert not list(tmp_path.glob("*.npz"))
