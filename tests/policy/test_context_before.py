"""A decoder that is done with its context before the noisy actions."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from policy.model.config import DecoderConfig
from policy.model.decoder import ActionDecoder
from policy.model.qwen_vla import QwenVLA
from policy.model.sampling import Sampling, StepVelocity

SAMPLES, DRAWS, LENGTH, HORIZON, CHANNELS = 2, 3, 7, 4, 5


@pytest.fixture(params=["before", "read"])
def decoder(request):
    torch.manual_seed(0)
    made = ActionDecoder(
        DecoderConfig(width=32, blocks=3, heads=2, feed_forward=48, context=request.param),
        hidden=16,
        channels=CHANNELS,
        sections=[3, 3, 2],
        theta=1e4,
    )
    for parameter in made.parameters():  # AdaLN-zero would let nothing through
        torch.nn.init.normal_(parameter, std=0.2)
    return made.eval()


def context() -> tuple[Tensor, Tensor, Tensor]:
    """Hidden states, positions and a mask: the second sample is shorter."""
    hidden = torch.randn(SAMPLES, LENGTH, 16)
    positions = torch.arange(LENGTH).expand(3, SAMPLES, LENGTH)
    mask = torch.ones(SAMPLES, LENGTH, dtype=torch.long)
    mask[1, -2:] = 0
    return hidden, positions, mask


def test_several_draws_of_a_sample_are_what_each_would_be_alone(decoder):
    hidden, positions, mask = context()
    state = torch.randn(SAMPLES, CHANNELS)
    noisy = torch.randn(SAMPLES, DRAWS, HORIZON, CHANNELS)
    tau = torch.rand(SAMPLES, DRAWS)
    rows = torch.ones(SAMPLES, HORIZON, dtype=torch.bool)
    rows[0, -1] = False
    together = decoder(
        *(hidden, positions, mask, noisy.flatten(0, 1), tau.flatten(), state),
        rows.repeat_interleave(DRAWS, 0),
    ).view_as(noisy)
    for n in range(DRAWS):
        alone = decoder(hidden, positions, mask, noisy[:, n], tau[:, n], state, rows)
        torch.testing.assert_close(together[:, n], alone)


def test_rows_given_clean_have_their_own_flow_time(decoder):
    hidden, positions, mask = context()
    noisy, state = torch.randn(SAMPLES, HORIZON, CHANNELS), torch.randn(SAMPLES, CHANNELS)
    flat = torch.full((SAMPLES,), 0.6)
    given = flat[:, None].repeat(1, HORIZON)
    same = decoder(hidden, positions, mask, noisy, given, state)
    torch.testing.assert_close(same, decoder(hidden, positions, mask, noisy, flat, state))
    given[:, 0] = 0
    other = decoder(hidden, positions, mask, noisy, given, state)
    assert not torch.allclose(other[:, 0], same[:, 0], atol=1e-3)


def test_an_euler_step_gives_the_velocity_that_was_trained(decoder):
    hidden, positions, mask = context()
    noisy, state = torch.randn(SAMPLES, HORIZON, CHANNELS), torch.randn(SAMPLES, CHANNELS)
    rows = torch.ones(SAMPLES, HORIZON, dtype=torch.bool)
    sampling = Sampling(4)
    with torch.no_grad():
        stream = decoder.stream(hidden, positions, mask, state, rows)
        velocity = StepVelocity(decoder, stream, sampling, 0)(noisy, 1)
        trained = decoder(hidden, positions, mask, noisy, torch.full((SAMPLES,), 0.75), state)
    torch.testing.assert_close(velocity, trained)


@pytest.mark.parametrize("form", ["before", "read"])
def test_the_loss_of_several_draws_is_the_mean_of_each_alone(config, seen, form):
    torch.manual_seed(0)
    decoder_config = replace(config.decoder, context=form)
    network = QwenVLA(replace(config, decoder=decoder_config, pointer=True)).eval()
    for parameter in network.decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    _, state, mask, _, inputs = seen
    actions = torch.rand_like(mask) * mask
    noise, tau = torch.randn(2, DRAWS, *mask.shape[1:]), torch.rand(2, DRAWS)
    prefix = torch.tensor([[0, 1, 2], [1, 0, 0]])
    with torch.no_grad():
        seen_by = network.see(inputs)
        together = network.action_loss(seen_by, state, actions, mask, noise, tau, prefix)
        alone = [
            network.action_loss(
                *(seen_by, state, actions, mask, noise[:, n : n + 1], tau[:, n : n + 1]),
                prefix[:, n : n + 1],
            )
            for n in range(DRAWS)
        ]
        chunk = network.predict(inputs, state, mask, noise[:, 0])
    torch.testing.assert_close(together, torch.stack(alone).mean(dim=0))
    assert chunk.shape == mask.shape and torch.isfinite(chunk).all()


def test_computing_activations_twice_gives_the_same_gradients(decoder):
    hidden, positions, mask = context()
    noisy, state = torch.randn(SAMPLES, HORIZON, CHANNELS), torch.randn(SAMPLES, CHANNELS)
    found = []
    for twice in (False, True):
        decoder.train().zero_grad()
        decoder.checkpointing = twice
        decoder(hidden, positions, mask, noisy, torch.full((SAMPLES,), 0.5), state).sum().backward()
        found.append([p.grad.clone() for p in decoder.parameters() if p.grad is not None])
    assert len(found[0]) == len(found[1]) > 10
    for plain, checkpointed in zip(*found, strict=True):
        torch.testing.assert_close(plain, checkpointed)
