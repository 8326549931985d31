"""A frozen vision tower looks at each picture once, and the network does not notice."""

from dataclasses import replace

import torch

from policy.model.qwen_vla import QwenVLA
from policy.model.seen_pictures import SeenPictures


def hidden(network, inputs):
    """Of real tokens: what stands in padding means nothing."""
    return network.see(inputs).hidden[inputs.attention_mask.bool()]


def test_the_network_sees_the_same_and_learns_the_same(config, seen):
    torch.manual_seed(0)
    network, inputs = QwenVLA(config), seen[-1]
    for parameter in network.backbone.model.visual.parameters():
        parameter.requires_grad_(False)  # noqa: FBT003 - torch's own
    words = network.backbone.model.language_model
    plain = hidden(network, inputs)
    plain.square().sum().backward()
    expected = [p.grad.clone() for p in words.parameters() if p.grad is not None]
    network.zero_grad()
    network.pictures = SeenPictures(network.backbone.model.visual)
    for _ in range(2):  # looked at, then remembered
        network.zero_grad()
        again = hidden(network, inputs)
        torch.testing.assert_close(again, plain, rtol=2e-2, atol=2e-2)
        again.square().sum().backward()
        found = [p.grad for p in words.parameters() if p.grad is not None]
        assert len(found) == len(expected) > 10
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=5e-2, atol=5e-2 * float(other.abs().max()))


def test_each_picture_is_looked_at_once(config, seen, monkeypatch):
    network, inputs = QwenVLA(config), seen[-1]
    tower, looked = network.backbone.model.visual, []
    forward = tower.forward

    def watched(pixels, **rest):
        looked.append(len(pixels))
        return forward(pixels, **rest)

    monkeypatch.setattr(tower, "forward", watched)
    pictures = SeenPictures(tower)
    first = pictures(inputs.pixel_values, inputs.image_grid_thw)
    assert torch.equal(pictures(inputs.pixel_values, inputs.image_grid_thw), first)
    assert looked == [len(inputs.pixel_values)] and len(pictures) == len(inputs.image_grid_thw)
    changed = replace(inputs, pixel_values=inputs.pixel_values.clone())
    changed.pixel_values[0] += 0.1
    other = pictures(changed.pixel_values, inputs.image_grid_thw)
    assert len(looked) == 2 and looked[1] == int(inputs.image_grid_thw[0].prod())
    assert not torch.equal(other, first)


def test_what_does_not_fit_is_looked_at_each_time(config, seen):
    network, inputs = QwenVLA(config), seen[-1]
    pictures = SeenPictures(network.backbone.model.visual, largest=10)
    first = pictures(inputs.pixel_values, inputs.image_grid_thw)
    assert len(pictures) == 0
    assert torch.equal(pictures(inputs.pixel_values, inputs.image_grid_thw), first)
