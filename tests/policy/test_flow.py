import torch

from policy.model.config import TimeLaw
from policy.model.flow import draw_times, interpolate, masked_loss, sample


def test_time_one_is_noise_and_time_zero_is_clean():
    clean, noise = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)

    assert torch.equal(interpolate(clean, noise, torch.ones(2)), noise)
    assert torch.equal(interpolate(clean, noise, torch.zeros(2)), clean)


def test_euler_recovers_the_actions_under_the_true_velocity():
    clean, noise = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    mask = torch.ones(2, 3, 4)

    recovered = sample(lambda _noisy, _tau: noise - clean, noise, mask, steps=4)
    torch.testing.assert_close(recovered, clean)


def test_euler_asks_from_noise_to_clean():
    asked = []

    def velocity(noisy, tau):
        asked.append(float(tau[0]))
        return torch.zeros_like(noisy)

    sample(velocity, torch.randn(1, 2, 2), torch.ones(1, 2, 2), steps=4)
    assert asked == [1.0, 0.75, 0.5, 0.25]


def test_the_default_law_leans_to_noise_and_flipped_to_clean():
    torch.manual_seed(0)
    assert abs(draw_times(TimeLaw(), 20000, torch.device("cpu")).mean() - 0.6) < 0.01
    assert abs(draw_times(TimeLaw(flip=True), 20000, torch.device("cpu")).mean() - 0.4) < 0.01


def test_the_logit_normal_law_is_symmetric():
    torch.manual_seed(0)
    times = draw_times(TimeLaw("logit_normal"), 20000, torch.device("cpu"))
    assert abs(times.mean() - 0.5) < 0.01 and times.min() > 0 and times.max() < 1


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
