"""Chunks recorded for a GPU: what a recording may rest on, and which are kept."""

import dataclasses

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from policy.model.graphs import Recorder, chunk_function, tensors_of
from policy.model.sampling import Previous, Sampling


class Nothing(TorchDispatchMode):
    """Refuses every number of the processor's own: a graph could not have it."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = tree_leaves((args, kwargs or {}))
        tensors = [x for x in found if isinstance(x, torch.Tensor)]
        assert not [x for x in tensors if x.device.type != "meta"], func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("way", ["overwrite", "trained"])
def test_a_chunk_never_makes_a_gpu_wait(model, seen, way):
    """On a device without numbers whatever asks for one fails, as it would in a CUDA graph."""
    _, state, mask, noise, inputs = seen
    model.config = dataclasses.replace(model.config, longest_prefix=4)
    layout = model.layouts.of(model.backbone.model, inputs)
    far = dataclasses.replace(
        layout,
        positions=layout.positions.to("meta"),
        places=layout.places.to("meta"),
        vision={k: v.to("meta") if hasattr(v, "to") else v for k, v in layout.vision.items()},
        masks={k: None if v is None else v.to("meta") for k, v in layout.masks.items()},
    )
    previous = Previous(torch.rand(mask.shape), 2, 6)
    values = [v.to("meta") for v in tensors_of(inputs, state, mask, noise, previous)]
    model.to("meta")
    model.layouts.of = lambda *_: far
    inputs = inputs.to(torch.device("meta"))
    function = chunk_function(model, inputs, Sampling(3, way), previous)
    with torch.no_grad(), Nothing():
        assert function(*values).shape == mask.shape


def test_what_a_graph_would_record_is_what_is_predicted(model, seen):
    _, state, mask, noise, inputs = seen
    for previous in (None, Previous(torch.rand_like(mask), 2, 6)):
        sampling = Sampling(3, "overwrite")
        plain = model.predict(inputs, state, mask, noise, sampling=sampling, previous=previous)
        function = chunk_function(model, inputs, sampling, previous)
        with torch.no_grad():
            recorded = function(*tensors_of(inputs, state, mask, noise, previous))
        torch.testing.assert_close(recorded, plain)


def test_without_a_gpu_a_recorder_plans_the_plain_way(model, seen):
    _, state, mask, noise, inputs = seen
    torch.testing.assert_close(
        Recorder(model).predict(inputs, state, mask, noise),
        model.predict(inputs, state, mask, noise),
    )


class Played:
    """A recording without a GPU: the function itself."""

    def __init__(self, function, _values):
        self.function = function

    def __call__(self, *values):
        return self.function(*values)


@pytest.mark.parametrize("way", ["overwrite", "trained"])
def test_one_recording_serves_however_much_of_the_old_chunk_is_left(model, seen, way, monkeypatch):
    monkeypatch.setattr("policy.model.graphs.Recording", Played)
    model.config = dataclasses.replace(model.config, longest_prefix=4)
    _, state, mask, noise, inputs = seen
    recorder, old = Recorder(model), torch.rand_like(mask)
    for known in (5, 9, 12):
        previous = Previous(old, 2, known)
        played = recorder._play(inputs, state, mask, noise, Sampling(3, way), previous)
        plain = model.predict(
            inputs, state, mask, noise, sampling=Sampling(3, way), previous=previous
        )
        torch.testing.assert_close(played, plain)
    assert recorder.recordings == 1


def test_the_recording_not_played_for_longest_makes_room(model, seen, monkeypatch):
    made = []

    class Counted(Played):
        def __init__(self, function, values):
            super().__init__(function, values)
            made.append(function)

    monkeypatch.setattr("policy.model.graphs.Recording", Counted)
    monkeypatch.setattr("policy.model.graphs.KEPT", 2)
    _, state, mask, noise, inputs = seen
    recorder = Recorder(model)
    for steps in (1, 2, 1, 3, 1, 2):
        recorder._play(inputs, state, mask, noise, Sampling(steps), None)
    assert len(made) == 4  # 1, 2, 3, and 2 once more: 1 was in use all the time
    assert recorder.recordings == 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_recording_outlives_the_layout_it_was_made_with(model, seen):
    _, state, mask, noise, inputs = seen
    device = torch.device("cuda")
    model.to(device)
    given = (inputs.to(device), state.to(device), mask.to(device), noise.to(device))
    recorder = Recorder(model)
    first = recorder.predict(*given)
    model.layouts = type(model.layouts)()
    torch.cuda.empty_cache()
    scribbled = [torch.full((n,), 7, device=device) for n in (8, 64, 512, 4096) for _ in range(99)]
    torch.testing.assert_close(recorder.predict(*given), first)
    assert scribbled and recorder.recordings == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_recording_plays_back_what_is_computed(model, seen):
    _, state, mask, noise, inputs = seen
    device = torch.device("cuda")
    model.to(device)
    given = (inputs.to(device), state.to(device), mask.to(device))
    recorder = Recorder(model)
    for drawn in (noise, torch.randn_like(noise)):
        plain = model.predict(*given, drawn.to(device))
        torch.testing.assert_close(recorder.predict(*given, drawn.to(device)), plain)
    assert recorder.recordings == 1
