import dataclasses

import numpy as np
import pytest
import torch

from policy.model.sampling import Previous, Sampling, guidance_weight, integrate, soft_weights

SHAPE = (2, 8, 4)


def test_euler_recovers_the_actions_under_the_true_velocity():
    clean, noise = torch.randn(SHAPE), torch.randn(SHAPE)

    recovered = integrate(lambda _y, _i: noise - clean, noise, torch.ones(SHAPE), Sampling(4))
    torch.testing.assert_close(recovered, clean)


def test_euler_asks_from_noise_to_clean():
    assert [Sampling(4).time(step) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="at least 1 step"):
        Sampling(0)


def test_what_is_computed_once_changes_no_number(model, seen):
    context, state, mask, noise, _ = seen
    with torch.no_grad():
        quick = model.sample(context, state, mask, noise, Sampling(3))
        y = noise * mask
        for step in range(3):
            tau = torch.full((2,), 1 - step / 3)
            y = (y - model.velocity(context, y, tau, state) / 3) * mask
    assert y.abs().max() > 0.1
    torch.testing.assert_close(quick, y, atol=1e-5, rtol=1e-4)


def test_a_plan_is_the_same_in_a_batch_as_alone(model, seen):
    context, state, mask, noise, _ = seen
    alone = [x[1:] for x in (state, mask, noise)]
    with torch.no_grad():
        both = model.sample(context, state, mask, noise, Sampling(3))
        one = model.sample(context.take(torch.tensor([1])), *alone, Sampling(3))
    torch.testing.assert_close(both[1:], one, atol=1e-5, rtol=1e-4)


def test_predicting_is_seeing_and_then_sampling(model, seen):
    context, state, mask, noise, inputs = seen
    with torch.no_grad():
        sampled = model.sample(context, state, mask, noise, Sampling(model.config.euler_steps))
    torch.testing.assert_close(model.predict(inputs, state, mask, noise), sampled)


@pytest.mark.parametrize("way", [None, "overwrite", "guide", "trained"])
def test_padded_channels_cannot_influence_what_is_sampled(model, seen, way):
    context, state, mask, noise, _ = seen
    model.config = dataclasses.replace(model.config, longest_prefix=4)
    old = torch.rand_like(mask)
    sampled = []
    for drawn, rows in ((noise, old), (torch.randn_like(noise), torch.randn_like(old))):
        noisy, known = torch.where(mask > 0, noise, drawn), torch.where(mask > 0, old, rows)
        previous = None if way is None else Previous(known, 3, 9)
        with torch.no_grad():
            sampled.append(
                model.sample(context, state, mask, noisy, Sampling(3, way or "guide"), previous)
            )
    first, second = sampled
    assert torch.equal(first, second) and not first[mask == 0].any()


@pytest.mark.parametrize("way", ["overwrite", "guide", "trained"])
def test_a_chunk_begins_with_the_rows_already_committed(model, seen, way):
    context, state, mask, noise, _ = seen
    model.config = dataclasses.replace(model.config, longest_prefix=4)
    previous = Previous(torch.rand_like(mask), 3, 9)
    with torch.no_grad():
        chunk = model.sample(context, state, mask, noise, Sampling(3, way), previous)
    torch.testing.assert_close(chunk[:, :3], (previous.actions * mask)[:, :3])
    assert not chunk[mask == 0].any()


@pytest.mark.parametrize("way", ["overwrite", "guide", "trained"])
def test_what_is_unknown_of_the_old_chunk_is_not_looked_at(model, seen, way):
    context, state, mask, noise, _ = seen
    model.config = dataclasses.replace(model.config, longest_prefix=4)
    old = torch.rand_like(mask)
    torn = old.clone()
    torn[:, 9:] = torch.nan
    with torch.no_grad():
        chunks = [
            model.sample(context, state, mask, noise, Sampling(3, way), Previous(rows, 3, 9))
            for rows in (old, torn)
        ]
    torch.testing.assert_close(*chunks)


def test_the_guidance_pulls_to_the_old_chunk_and_less_the_later():
    old, noise, mask = torch.zeros(SHAPE), torch.randn(SHAPE), torch.ones(SHAPE)
    clean = torch.ones(SHAPE)

    def velocity(y, step):  # foresees `clean`, held back by how far away it is
        return 0.5 * (y - clean)

    sampling = Sampling(8, "guide")
    free = integrate(velocity, noise, mask, sampling)
    held = integrate(velocity, noise, mask, sampling, Previous(old, 2, 6))
    moved = (held - free).abs().mean(dim=(0, 2))
    assert not held[:, :2].any()
    assert moved[2] > moved[3] > moved[4] > moved[5] > 0
    torch.testing.assert_close(held[:, 6:], free[:, 6:])


def test_predict_can_differentiate_to_guide(model, seen):
    _, state, mask, noise, inputs = seen
    previous = Previous(torch.rand_like(mask), 2, 10)
    guided, free = (
        model.predict(inputs, state, mask, noise, sampling=Sampling(3, "guide"), previous=old)
        for old in (previous, None)
    )
    far = (free - previous.actions * mask)[:, 2:4].abs().mean()
    assert (guided - previous.actions * mask)[:, 2:4].abs().mean() < far
    assert not guided.requires_grad
    assert all(p.grad is None for p in model.parameters())


def test_soft_weights_are_one_then_fall_then_zero():
    weights = soft_weights(8, committed=2, known=6)
    assert weights[:2].tolist() == [1, 1] and not weights[6:].any()
    assert 1 > weights[2] > weights[3] > weights[4] > weights[5] > 0


def test_the_guidance_weight_is_that_of_the_paper():
    assert guidance_weight(1.0, 5.0) == 5.0  # infinite at noise, clipped
    assert guidance_weight(0.5, 5.0) == pytest.approx(2.0)
    assert guidance_weight(0.25, 5.0) == pytest.approx((0.0625 + 0.5625) / 0.1875)


def test_more_committed_rows_than_were_trained_are_refused(model, seen):
    context, state, mask, noise, _ = seen
    with pytest.raises(ValueError, match="at most 0 rows"), torch.no_grad():
        model.sample(
            *(context, state, mask, noise, Sampling(3, "trained")),
            Previous(torch.zeros_like(mask), 2, 5),
        )
    with pytest.raises(ValueError, match="committed <= known"):
        Previous(torch.zeros(SHAPE), 5, 3)


def test_the_backbone_sees_the_same_with_its_layout_kept(model, seen):
    context, _, _, _, inputs = seen
    plain = model.see(inputs)  # with gradients: transformers' own forward
    real = inputs.attention_mask.bool()
    torch.testing.assert_close(context.hidden[real], plain.hidden[real], atol=1e-5, rtol=1e-4)
    assert torch.equal(context.positions, plain.positions)


def test_layouts_are_told_apart(model, processor, config):
    sizes = config.image_sizes
    black = {name: np.zeros((*size, 3), np.uint8) for name, size in sizes.items()}
    prompts = ["pick up the red cube", "lift it", "pick up the red cube"]
    with torch.no_grad():
        hidden = [model.see(processor([prompt], [black])).hidden for prompt in prompts]
        words = model.see(processor(["pick up the red cube"], [{}])).hidden
    assert torch.equal(hidden[0], hidden[2])
    assert len({tuple(h.shape) for h in (*hidden, words)}) == 3


def test_bfloat16_plans_nearly_the_same(model, seen):
    _, state, mask, noise, inputs = seen
    exact = model.predict(inputs, state, mask, noise)
    rough = model.cast(torch.bfloat16).predict(inputs, state, mask, noise)
    assert rough.dtype == torch.float32
    assert (rough - exact).abs().max() < 0.1 * exact.abs().max()


def test_rows_given_clean_are_not_in_the_loss(model, seen):
    context, state, mask, noise, _ = seen
    actions = torch.rand_like(mask) * mask
    tau, prefix = torch.tensor([[0.4], [0.7]]), torch.tensor([[3], [0]])
    losses, times = [], []
    with torch.no_grad():
        for given in (noise, noise.clone()):
            if times:
                given[0, :3] = 9.0  # the noise of rows given clean is never used
            times.append(given)
            losses.append(
                model.action_loss(context, state, actions, mask, given[:, None], tau, prefix)
            )
        free = model.action_loss(context, state, actions, mask, noise[:, None], tau)
    torch.testing.assert_close(*losses)
    assert losses[0][0] != free[0]
    torch.testing.assert_close(losses[0][1], free[1])  # the other sample has no prefix


def test_training_teaches_to_go_on_from_clean_rows(model, seen):
    """A chunk is a constant that only its clean rows tell: after learning, the rest follows."""
    context, state, mask, _, _ = seen
    model.config = dataclasses.replace(model.config, longest_prefix=4)
    generator = torch.Generator().manual_seed(0)
    many = context.repeat(16)
    optimizer = torch.optim.AdamW(model.decoder.parameters(), 3e-3)
    wide = mask.repeat_interleave(16, 0)
    for _ in range(120):
        level = torch.rand(32, 1, 1, generator=generator) * 2 - 1
        noise = torch.randn(32, 1, *mask.shape[1:], generator=generator)
        tau = torch.rand(32, 1, generator=generator)
        prefix = torch.full((32, 1), 3)
        loss = model.action_loss(many, state.repeat(16, 1), level * wide, wide, noise, tau, prefix)
        loss.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    chunks = []
    for level in (-0.8, 0.8):
        previous = Previous(torch.full_like(mask, level), 3, 3)
        noise = torch.randn(mask.shape, generator=generator)
        with torch.no_grad():
            chunk = model.sample(context, state, mask, noise, Sampling(5, "trained"), previous)
        chunks.append(float(chunk[:, 3:, :3].mean()))
    assert chunks[0] < -0.4 and chunks[1] > 0.4
