import numpy as np
import torch

from policy.model.config import TimeLaw
from policy.model.flow import draw_times, interpolate, masked_loss, prefix_times


def test_time_one_is_noise_and_time_zero_is_clean():
    clean, noise = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)

    assert torch.equal(interpolate(clean, noise, torch.ones(2)), noise)
    assert torch.equal(interpolate(clean, noise, torch.zeros(2)), clean)


def test_rows_given_clean_stay_clean():
    clean, noise = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    tau = prefix_times(torch.tensor([0.5, 1.0]), torch.tensor([2, 0]), horizon=3)

    assert tau.tolist() == [[0, 0, 0.5], [1, 1, 1]]
    noisy = interpolate(clean, noise, tau)
    assert not noisy[0, :2].any() and (noisy[0, 2] == 0.5).all() and (noisy[1] == 1).all()


def test_the_default_law_leans_to_noise_and_flipped_to_clean():
    rng = np.random.default_rng(0)
    assert abs(draw_times(TimeLaw(), 20000, rng).mean() - 0.6) < 0.01
    assert abs(draw_times(TimeLaw(flip=True), 20000, rng).mean() - 0.4) < 0.01


def test_the_logit_normal_law_is_symmetric():
    times = draw_times(TimeLaw("logit_normal"), 20000, np.random.default_rng(0))
    assert abs(times.mean() - 0.5) < 0.01 and times.min() > 0 and times.max() < 1


def test_times_are_drawn_alike_from_the_same_seed():
    once, again = (draw_times(TimeLaw(), 5, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_every_active_channel_weighs_the_same():
    predicted, target = torch.zeros(1, 4, 3), torch.zeros(1, 4, 3)
    target[0, :, 0] = 2.0  # squared error 4 in all four rows
    target[0, 0, 1] = 4.0  # squared error 16 in its only row
    mask = torch.zeros(1, 4, 3)
    mask[0, :, 0] = 1
    mask[0, 0, 1] = 1

    assert masked_loss(predicted, target, mask).item() == (4 + 16) / 2


def test_padding_weighs_nothing():
    predicted, target, mask = torch.zeros(1, 4, 3), torch.ones(1, 4, 3), torch.ones(1, 4, 3)
    mask[..., 1:] = 0
    far = target.clone()
    far[..., 1:] = 1e6

    assert masked_loss(predicted, far, mask).item() == masked_loss(predicted, target, mask).item()
