"""A network that points tells its decoder where, and its heads learn nothing from the decoder."""

import json
import threading
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from policy.data.kinds import LABELS
from policy.model.checkpoint import HEADS, Checkpoint
from policy.model.pointer import POINTED, Pointer, first_picture
from policy.model.qwen_vla import QwenVLA
from policy.model.sampling import Sampling
from policy.train import train
from policy.training.grounding import GroundingHeads, point_as, take_up
from policy.training.rl.experience import join, moved


@pytest.fixture
def pointing(config):
    """A small network with a pointer, every influence of which shows."""
    torch.manual_seed(0)
    network = QwenVLA(replace(config, pointer=True))
    for parameter in network.decoder.parameters():  # AdaLN-zero would hide it
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def test_the_token_that_is_meant_is_said_with_its_place_and_arm():
    pointer = Pointer(4, (1, 3))
    with torch.no_grad():
        for parameter in pointer.parameters():
            parameter.zero_()
        pointer.named.weight[0, 0] = 50.0  # the first feature says: this one
        pointer.offset[2].bias[:] = torch.tensor([-0.25, 0.25])
        pointer.arm.bias[1] = 50.0
    hidden = torch.zeros(2, 6, 4)
    hidden[0, 3, 0], hidden[0, 5, 0] = 1.0, 2.0  # the second is beyond the first picture
    picture = torch.tensor([[0, 1, 1, 1, 0, 0], [0] * 6], dtype=torch.bool)
    said = pointer(hidden, picture)
    torch.testing.assert_close(said[0], torch.tensor([2 * 2.25 / 3 - 1, 0.5, 0.0, 1.0, 1.0]))
    assert said.shape == (2, POINTED) and not said[1].any()  # nothing is seen: nothing is said


def test_the_first_picture_is_the_leading_image_tokens():
    kinds = torch.tensor([[0, 1, 1, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0]])
    assert first_picture(kinds, 3).int().tolist() == [
        [0, 1, 1, 0, 1, 0, 0],
        [0, 0, 1, 1, 1, 0, 0],
    ]


def test_the_first_picture_is_the_last_image_tokens_where_it_comes_last():
    kinds = torch.tensor([[0, 1, 1, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0, 0, 0]])
    assert first_picture(kinds, 3, last=True).int().tolist() == [
        [0, 0, 0, 0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0, 0, 0],
    ]


def test_what_is_pointed_at_changes_the_chunk(pointing, seen, config):
    _, state, mask, noise, inputs = seen
    with torch.no_grad():
        context = pointing.eval().see(inputs)
        there = pointing.sample(context, state, mask, noise, Sampling(2))
        elsewhere = replace(context, pointed=-context.pointed)
        moved = pointing.sample(elsewhere, state, mask, noise, Sampling(2))
    assert context.pointed.shape == (2, POINTED)
    assert (there - moved).abs().max() > 1e-4


def test_the_flow_loss_leaves_the_pointer_alone(pointing, seen):
    _, state, mask, noise, inputs = seen
    context = pointing.see(inputs)
    tau = torch.full((2, 1), 0.5)
    still = torch.zeros_like(mask)
    pointing.action_loss(context, state, still, mask, noise[:, None], tau).sum().backward()
    assert all(parameter.grad is None for parameter in pointing.pointer.parameters())
    assert pointing.decoder.state_in[0].weight.grad.abs().sum() > 0


def test_a_pointer_needs_the_state_token(config):
    with pytest.raises(ValueError, match='goes with state "decoder"'):
        QwenVLA(replace(config, pointer=True, state="off"))


def test_heads_that_pointed_beside_a_network_go_on_in_it(job, metrics):
    seeing = job("seeing", touch_weight=1.0, action_weight=0.0, freeze=["decoder"], steps=2)
    train(seeing, threading.Event())
    base = seeing / "checkpoints/last"
    folder = job("pointing", base=str(base), pointer=True, touch_weight=1.0, steps=2, ema=0.0)
    train(folder, threading.Event())
    learnt = Checkpoint.load(folder / "checkpoints/last").model
    assert learnt.config.pointer
    before = load_file(base / HEADS)["pointer.named.weight"]
    after = learnt.pointer.named.weight.detach()
    assert 0 < (after - before).abs().max() < 0.01  # gone on with, not begun anew
    beside = load_file(folder / "checkpoints/last" / HEADS)
    assert not any(name.startswith("pointer.") for name in beside)


def test_a_pointer_that_nothing_teaches_is_refused(job):
    with pytest.raises(ValueError, match="Set touch_weight, or leave pointer out"):
        train(job("blind", pointer=True), threading.Event())


def test_a_pointer_outlives_another_horizon(job):
    seeing = job("seeing", pointer=True, touch_weight=1.0, action_weight=0.0, steps=1)
    train(seeing, threading.Event())
    base = seeing / "checkpoints/last"
    folder = job("longer", base=str(base), horizon=8, steps=1, learning_rate=0.0, ema=0.0)
    request = json.loads((folder / "request.json").read_text())
    request |= {"freeze": ["vision", "language", "pointer"]}
    (folder / "request.json").write_text(json.dumps(request))
    train(folder, threading.Event())
    before, after = (Checkpoint.load(f) for f in (base, folder / "checkpoints/last"))
    assert before.tasks == () and after.tasks  # who saw without driving cannot be told to drive
    assert (before.model.config.horizon, after.model.config.horizon) == (16, 8)
    for name, value in before.model.pointer.state_dict().items():
        torch.testing.assert_close(after.model.pointer.state_dict()[name], value)


def test_heads_that_said_places_otherwise_are_not_gone_on_with(tmp_path):
    heads, pointer = GroundingHeads(8, LABELS, (6, 8)), Pointer(8, (6, 8))
    save_file(heads.state_dict(), tmp_path / HEADS)
    again = GroundingHeads(8, LABELS, (6, 8))
    take_up(again, tmp_path)
    assert point_as(pointer, tmp_path)
    torch.testing.assert_close(again.state_dict(), heads.state_dict())
    torch.testing.assert_close(pointer.state_dict(), heads.pointer.state_dict())

    before = {name.replace("offset", "where"): v for name, v in heads.state_dict().items()}
    save_file(before, tmp_path / HEADS)
    new = {name: v.clone() for name, v in pointer.state_dict().items()}
    fresh = GroundingHeads(8, LABELS, (6, 8))
    untaught = {name: v.clone() for name, v in fresh.state_dict().items()}
    take_up(fresh, tmp_path)
    assert not point_as(pointer, tmp_path)
    torch.testing.assert_close(pointer.state_dict(), new)
    torch.testing.assert_close(fresh.state_dict(), untaught)


def test_contexts_that_are_kept_keep_what_is_pointed_at(pointing, seen):
    *_, inputs = seen
    with torch.no_grad():
        context = pointing.eval().see(inputs)
    both = join([context.take(torch.tensor([1])), moved(context, torch.device("cpu"))])
    torch.testing.assert_close(both.pointed, context.pointed[torch.tensor([1, 0, 1])])
