"""Adapters, frozen parts and recomputed activations, on a network of a few thousand parameters."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from policy.model.checkpoint import Checkpoint
from policy.model.qwen_vla import QwenVLA
from policy.model.weights import load_network, save_weights
from policy.training.lora import LANGUAGE, VISION, apply_lora, merged_state
from policy.training.parts import count, freeze, parameters_of, part_of


@pytest.fixture
def inputs(processor, config):
    rng = np.random.default_rng(0)
    sizes = config.image_sizes.items()
    pictures = [{n: rng.integers(0, 255, (*s, 3), np.uint8) for n, s in sizes} for _ in range(2)]
    return processor(["pick up the red cube", "lift the blue one"], pictures)


def loss_of(network, inputs):
    generator = torch.Generator().manual_seed(0)
    shape = (2, network.config.horizon, network.config.channels)
    actions = torch.rand(shape, generator=generator)
    noise = torch.randn((2, 1, *shape[1:]), generator=generator)
    state, tau = torch.zeros(2, shape[2]), torch.full((2, 1), 0.5)
    context = network.see(inputs)
    return network.action_loss(context, state, actions, torch.ones(shape), noise, tau).mean()


def teach(network, inputs, optimizer, steps):
    for _ in range(steps):
        loss_of(network, inputs).backward()
        optimizer.step()
        optimizer.zero_grad()


def optimizer_of(network):
    return torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 1e-2)


def names(network, *, trained):
    return {n for n, p in network.named_parameters() if p.requires_grad is trained}


def snapshot(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_only_adapters_and_the_decoder_train(model, inputs):
    said = apply_lora(model, rank=4, alpha=8.0)
    before = snapshot(model)
    teach(model, inputs, optimizer_of(model), 2)
    changed = {name for name, value in model.state_dict().items() if value.ne(before[name]).any()}

    assert changed <= names(model, trained=True)
    assert {part_of(name) for name in changed} == {"language", "decoder"}
    assert all(".lora_" in name for name in changed if part_of(name) == "language")
    assert said == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert count(model)["vision"][0] == 0


def test_every_linear_layer_of_the_language_tower_gets_an_adapter(model):
    apply_lora(model, rank=2, alpha=2.0)
    tower = model.backbone.model.language_model
    bare = {
        name
        for name, module in tower.named_modules()
        if type(module) is torch.nn.Linear and "base_layer" not in name and "lora_" not in name
    }
    assert bare == set()


def test_adapters_change_nothing_until_they_are_trained(model, inputs):
    with torch.no_grad():
        before = model.eval().see(inputs).hidden
        apply_lora(model, rank=4, alpha=8.0, targets=LANGUAGE + VISION)
        torch.testing.assert_close(model.see(inputs).hidden, before)


def test_a_merged_checkpoint_is_a_plain_one_that_does_the_same(model, inputs, checkpoint, tmp_path):
    apply_lora(model, rank=4, alpha=8.0, targets=LANGUAGE + VISION)
    teach(model, inputs, optimizer_of(model), 3)
    adapted = dataclasses.replace(checkpoint, model=model)
    adapted.save(tmp_path / "merged", "card", merged_state(model))
    merged = Checkpoint.load(tmp_path / "merged").model

    assert merged.state_dict().keys() == QwenVLA(model.config).state_dict().keys()
    with torch.no_grad():
        ours, theirs = merged.see(inputs).hidden, model.eval().see(inputs).hidden
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_adapters_are_not_saved_as_weights(model, tmp_path):
    apply_lora(model, rank=4, alpha=8.0)
    with pytest.raises(ValueError, match="are adapters"):
        save_weights(model.state_dict(), model.config, tmp_path)


def test_going_on_from_a_saved_state_is_not_having_stopped(model, inputs, config):
    apply_lora(model, rank=4, alpha=8.0)
    optimizer = optimizer_of(model)
    teach(model, inputs, optimizer, 1)
    weights, moments = snapshot(model), copy.deepcopy(optimizer.state_dict())

    other = QwenVLA(config)
    apply_lora(other, rank=4, alpha=8.0)
    other.load_state_dict(weights)
    again = optimizer_of(other)
    again.load_state_dict(moments)
    teach(model, inputs, optimizer, 1)
    teach(other, inputs, again, 1)
    theirs = other.state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, theirs[name]), name


def test_wrong_adapters_are_refused(model):
    with pytest.raises(ValueError, match=r"None of .* is a linear layer of this backbone"):
        apply_lora(model, rank=4, alpha=8.0, targets=("c_attn",))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        apply_lora(model, rank=0, alpha=8.0)
    apply_lora(model, rank=4, alpha=8.0)
    with pytest.raises(ValueError, match="has adapters already"):
        apply_lora(model, rank=4, alpha=8.0)


def test_frozen_parts_stay_as_they_are(model, inputs):
    freeze(model, ("vision", "language"))
    before = snapshot(model)
    teach(model, inputs, optimizer_of(model), 1)
    after = model.state_dict()

    assert {part_of(name) for name in names(model, trained=True)} == {"decoder"}
    assert {part_of(n) for n in after if after[n].ne(before[n]).any()} == {"decoder"}
    assert count(model)["decoder"][0] == sum(p.numel() for p in model.decoder.parameters())


def test_every_parameter_belongs_to_a_part(model):
    for part, module in (
        ("vision", model.backbone.model.visual),
        ("language", model.backbone.model.language_model),
        ("decoder", model.decoder),
    ):
        own = {id(parameter) for parameter in module.parameters()}
        assert {id(parameter) for parameter in parameters_of(model, part)} == own


def test_freezing_what_is_not_there_or_everything_is_refused(model):
    with pytest.raises(ValueError, match=r"unknown: \['head'\]"):
        freeze(model, ("head",))
    with pytest.raises(ValueError, match="nothing left to train"):
        freeze(model, ("vision", "language", "decoder"))


@pytest.mark.parametrize("adapted", [False, True])
def test_recomputed_activations_give_the_same_gradients(model, inputs, adapted):
    if adapted:
        apply_lora(model, rank=4, alpha=8.0)
    model.train()
    gradients = []
    for enabled in (False, True, False):
        model.gradient_checkpointing(enabled=enabled)
        loss_of(model, inputs).backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        model.zero_grad()
    for plain, recomputed, last in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)
        torch.testing.assert_close(last, plain)


def test_weights_come_back_from_shards(model, tmp_path):
    save_weights(model.state_dict(), model.config, tmp_path, shard="200KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1

    loaded = load_network(model.config, tmp_path).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded[name]), name


def test_a_missing_shard_is_named(model, tmp_path):
    save_weights(model.state_dict(), model.config, tmp_path, shard="200KB")
    sorted(tmp_path.glob("model-*.safetensors"))[1].unlink()
    with pytest.raises(ValueError, match="Weights are missing: model-00002"):
        load_network(model.config, tmp_path)
