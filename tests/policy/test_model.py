import dataclasses

import numpy as np
import pytest
import torch
from transformers import Qwen2VLImageProcessorPil

from policy.model.attention import attend
from policy.model.config import DecoderConfig
from policy.model.decoder import ActionDecoder
from policy.model.processor import Processor, patches
from policy.model.qwen_vla import QwenVLA


def look(processor, count=2):
    rng = np.random.default_rng(1)
    sizes = processor.config.image_sizes.items()
    pictures = [
        {name: rng.integers(0, 255, (*size, 3), np.uint8) for name, size in sizes} for _ in range(2)
    ]
    prompts = ["pick up the red cube", "lift the blue one, please"]
    return processor(prompts[:count], pictures[:count])


def draw(config, draws):
    """Noise and flow times of two samples."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, draws, config.horizon, config.channels)
    return torch.randn(shape, generator=generator), torch.rand(shape[:2], generator=generator)


def test_patches_are_those_of_the_official_image_processor():
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    official = Qwen2VLImageProcessorPil(
        patch_size=16,
        merge_size=2,
        temporal_patch_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size={"shortest_edge": 32 * 32, "longest_edge": 128 * 128},
    )
    theirs = official(images=[image], return_tensors="np")["pixel_values"]

    ours = patches(torch.from_numpy(image)[None], patch=16, merge=2, temporal=2)[0].numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_every_picture_gets_its_tokens(processor):
    inputs = look(processor)

    expected = sum(processor.num_image_tokens(name) for name in processor.config.image_sizes)
    assert (inputs.mm_token_type_ids.sum(dim=1) == expected).all()


def test_a_camera_size_that_is_no_multiple_of_a_cell_is_refused(config, tokenizer):
    wrong = dataclasses.replace(config, image_sizes={"cam_high": (30, 48)})
    with pytest.raises(ValueError, match="multiples of 16"):
        Processor(wrong, tokenizer)


def test_packed_attention_keeps_pictures_apart(model, processor):
    model.eval()
    together = look(processor)
    alone = look(processor, count=1)

    with torch.no_grad():
        both, one = model.see(together), model.see(alone)
    length = int(alone.attention_mask.sum())
    torch.testing.assert_close(both.hidden[:1, :length], one.hidden, atol=1e-4, rtol=1e-3)


def test_plain_attention_is_the_fused_one():
    q, k, v = torch.randn(3, 2, 4, 5, 8)
    mask = torch.rand(2, 1, 1, 5) > 0.3
    mask[..., 0] = True

    fused = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(attend(q, k, v, mask), fused)


def test_the_words_reach_the_actions(model, processor, config):
    model.eval()
    inputs = look(processor)
    pixels = inputs.pixel_values
    half = len(pixels) // 2
    same = dataclasses.replace(inputs, pixel_values=torch.cat([pixels[:half]] * 2))
    state, mask = torch.zeros(2, config.channels), torch.ones(2, 16, config.channels)

    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(0))
    actions = model.predict(same, state, mask, noise)
    again = model.predict(same, state, mask, noise)
    assert torch.equal(actions, again)
    assert not torch.allclose(actions[0] - noise[0], actions[1] - noise[1], atol=1e-4)


def test_padded_channels_cannot_influence_active_ones(model, processor, config):
    context = model.see(look(processor))
    state = torch.zeros(2, config.channels)
    actions, mask = torch.randn(2, 16, config.channels), torch.ones(2, 16, config.channels)
    mask[..., 14:] = 0
    other = actions.clone()
    other[..., 14:] = 1e3

    noise, tau = draw(config, draws=2)
    losses = [
        model.action_loss(context, state, given, mask, noise, tau) for given in (actions, other)
    ]
    torch.testing.assert_close(losses[0], losses[1])


def test_a_fresh_decoder_predicts_no_velocity(config):
    decoder = ActionDecoder(
        DecoderConfig(width=32, blocks=1, heads=2, feed_forward=64),
        hidden=16,
        channels=8,
        sections=[3, 3, 2],
        theta=1e4,
    )
    velocity = decoder(
        torch.randn(1, 5, 16),
        torch.arange(5).expand(3, 1, 5),
        torch.ones(1, 5),
        torch.randn(1, 4, 8),
        torch.rand(1),
        torch.randn(1, 8),
    )
    assert not velocity.any()


def test_the_block_has_the_papers_size():
    with torch.device("meta"):
        decoder = ActionDecoder(
            DecoderConfig(), hidden=2560, channels=64, sections=[11, 11, 10], theta=1e7
        )
    block = sum(p.numel() for p in decoder.blocks[0].parameters())
    assert round(block / 1e6, 1) == 70.8
    assert round(sum(p.numel() for p in decoder.from_backbone.parameters()) / 1e6, 1) == 3.9
    assert round(sum(p.numel() for p in decoder.time.parameters()) / 1e6, 1) == 2.8
    assert round(sum(p.numel() for p in decoder.modulation.parameters()) / 1e6, 1) == 4.7


def test_learning_lowers_the_loss(processor, config):
    torch.manual_seed(0)
    network = QwenVLA(config)
    inputs = look(processor)
    state, mask = torch.zeros(2, config.channels), torch.ones(2, 16, config.channels)
    actions = torch.full((2, 16, config.channels), 0.5)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        noise, tau = torch.randn(2, 2, 16, config.channels), torch.rand(2, 2)
        loss = network.action_loss(network.see(inputs), state, actions, mask, noise, tau).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_two_networks_of_one_config_have_the_same_parts(config):
    first, second = QwenVLA(config), QwenVLA(config)
    assert first.state_dict().keys() == second.state_dict().keys()
