"""Reinforcement learning: the noisy sampler, its likelihood, PPO, and rounds in simulation."""

import dataclasses

import numpy as np
import pytest
import torch

from policy.model.qwen_vla import Context
from policy.model.sampling import Sampling
from policy.training.rl.advantages import advantages
from policy.training.rl.critic import Critic
from policy.training.rl.experience import Scores, collate, join
from policy.training.rl.explorer import Explorer
from policy.training.rl.ppo import PPOLearner, policy_loss, value_loss
from policy.training.rl.sde import deviation, log_probability, mean
from policy.training.rl_options import RLOptions


def marginals(noise, steps, about=0.7, spread=0.3):
    """Mean and variance that each step leaves, of actions that are Gaussian when clean.

    The velocity of the flow to N(about, spread^2) is known and linear, so each step is too.
    """
    sampling = Sampling(steps)
    middle, variance, found = 0.0, 1.0, []
    for number in range(steps):
        tau = 1 - number / steps
        whole = (1 - tau) ** 2 * spread**2 + tau**2
        step = torch.tensor([number], dtype=torch.float64)
        std = deviation(step, sampling, noise)

        def moved(y, tau=tau, whole=whole, step=step, std=std):
            off = y - (1 - tau) * about
            velocity = (tau - (1 - tau) * spread**2) / whole * off - about
            at = torch.tensor([[[y]]], dtype=torch.float64)
            to = mean(at, torch.full_like(at, velocity), step, sampling, std)
            return float(to)

        slope = moved(1.0) - moved(0.0)
        middle, variance = moved(middle), slope**2 * variance + float(std) ** 2
        found.append((1 - (number + 1) / steps, middle, variance))
    return found


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_noise_leaves_the_density_of_the_flow_at_every_time(noise):
    for tau, middle, variance in marginals(noise, 500):
        assert middle == pytest.approx((1 - tau) * 0.7, abs=1e-6)
        if tau < 0.5:  # steps beside pure noise are too long for much more of it, until forgotten
            assert variance == pytest.approx((1 - tau) ** 2 * 0.3**2 + tau**2, rel=0.02)


def test_without_noise_a_step_is_that_of_euler():
    y, velocity = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    step, sampling = torch.tensor([0, 3]), Sampling(5)
    to = mean(y, velocity, step, sampling, deviation(step, sampling, 0.0))
    torch.testing.assert_close(to, y - velocity / 5)


def test_a_likelihood_counts_what_was_done_and_nothing_else():
    sample, at, std = torch.randn(2, 3, 4), torch.randn(2, 3, 4), torch.tensor([0.2, 0.5])
    mask = torch.zeros(2, 3, 4)
    mask[:, :2, :3] = 1
    each = torch.distributions.Normal(at, std[:, None, None]).log_prob(sample)
    expected = each[:, :2, :3].sum(dim=(1, 2))

    sample[:, 2:] += 7
    torch.testing.assert_close(log_probability(sample, at, std, mask), expected)


def test_a_reward_reaches_back_through_an_episode():
    values = np.array([0.2, 0.5, 0.1], np.float32)
    found = advantages(values, 1.0, gamma=0.9, gae_lambda=0.8)
    last = 1 - 0.1
    second = 0.9 * 0.1 - 0.5 + 0.72 * last
    np.testing.assert_allclose(found, [0.9 * 0.5 - 0.2 + 0.72 * second, second, last], rtol=1e-6)


def test_a_late_episode_is_a_failed_one():
    found = advantages(np.array([0.5, 0.5], np.float32), 0.0, gamma=1.0, gae_lambda=1.0)
    np.testing.assert_allclose(found, [-0.5, -0.5])


def test_a_decision_that_changed_enough_pulls_no_more():
    log_ratio = torch.tensor([0.5, -0.5, 0.1, 3.0], requires_grad=True)
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss, clipped = policy_loss(log_ratio, advantage, 0.2)
    (pull,) = torch.autograd.grad(loss, log_ratio)

    assert pull[:2].tolist() == [0, 0] and pull[2] < 0
    assert pull[3] == 0  # and one that turned out badly cannot pull without end
    assert clipped == 0.5


def test_a_value_moves_a_little_at_a_time():
    old = Scores(*(torch.tensor([x]) for x in (0.0, 0.0, 0.0, 1.0)))
    value = torch.tensor([0.5], requires_grad=True)
    loss = value_loss(value, old, 0.2)
    assert loss.item() == pytest.approx(0.8**2)
    assert torch.autograd.grad(loss, value)[0] == 0


def test_a_critic_looks_at_real_tokens_and_leaves_the_backbone_alone():
    critic = Critic(4)
    torch.nn.init.normal_(critic.value.weight)
    hidden = torch.randn(1, 3, 4, requires_grad=True)
    context = Context(hidden, torch.zeros(3, 1, 3), torch.tensor([[1, 1, 0]]))
    value = critic(context)

    torch.testing.assert_close(value, critic.value(hidden[:, :2].mean(dim=1))[:, 0])
    value.sum().backward()
    assert hidden.grad is None and critic.value.weight.grad is not None


@pytest.fixture
def explored(checkpoint, observation):
    """Decisions of an exploring policy, and the options it explored by."""

    def explore(count=4, **changed):
        options = RLOptions(**{"noise": 0.5} | changed)
        explorer = Explorer(checkpoint, options)
        explorer.begin(np.random.default_rng(3))
        for _ in range(count):
            explorer.predict_action_chunk(observation, "pick up the red cube")
        return explorer.decisions(observation.timestamp + 0.25), options

    return explore


def scored(learner, experience, advantage):
    with torch.no_grad():
        likely, value, context = learner.judge(experience)
    scores = Scores(likely, value, torch.full_like(value, advantage), value)
    return dataclasses.replace(experience, scores=scores), context


def test_only_rows_that_moved_the_robot_and_channels_it_has_count(explored, processor, body):
    decisions, _ = explored()
    assert {decision.rows for decision in decisions} == {4}  # 0.25 s at 10 Hz: rows 0 to 3
    mask = collate(decisions, processor).mask
    assert mask[0].sum(dim=1).tolist() == [len(body.action_channels)] * 4 + [0] * 12


def test_hardly_any_noise_plans_as_the_policy_does(checkpoint, observation, processor):
    explorer = Explorer(checkpoint, RLOptions(noise=1e-6))
    explorer.begin(np.random.default_rng(0))
    for _ in range(8):
        chunk = explorer.predict_action_chunk(observation, "pick up the red cube")
        *_, decision = explorer.decisions(9.0)
        if decision.step == 0:
            break
    made = collate([decision], processor)
    mask = made.channels.expand(1, 16, -1)
    rows = checkpoint.model.predict(made.inputs, made.state, mask, made.before)
    restored = checkpoint.norm_stats.action.restore(rows[0, :, :14].clamp(-1, 1).numpy())
    np.testing.assert_allclose(chunk.actions, restored, atol=1e-3)


@pytest.mark.parametrize("noise_at", ["every", "one"])
def test_a_step_towards_what_turned_out_well_makes_it_likelier(
    explored, processor, checkpoint, noise_at
):
    decisions, options = explored(noise_at=noise_at)
    learner = PPOLearner(checkpoint.model, options)
    experience, _ = scored(learner, collate(decisions, processor), 1.0)
    parts = learner(experience)
    assert parts["kl"].item() < 1e-5 and parts["policy"].item() == pytest.approx(-1, abs=1e-3)

    parts["loss"].backward()
    with torch.no_grad():
        for parameter in checkpoint.model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-6 * parameter.grad
    after, _, _ = learner.judge(experience)
    assert (after.mean() > experience.scores.log_probability.mean()).item()


def test_what_is_rewarded_becomes_frequent(checkpoint, observation, processor):
    options = RLOptions(noise=0.5)
    explorer, learner = Explorer(checkpoint, options), PPOLearner(checkpoint.model, options)
    stats = checkpoint.norm_stats.action
    optimizer = torch.optim.Adam(checkpoint.model.decoder.parameters(), 4e-3)
    wanted = []
    for number in range(10):
        explorer.begin(np.random.default_rng(number))
        chunks = [
            explorer.predict_action_chunk(observation, "pick up the red cube") for _ in range(16)
        ]
        height = [stats.normalize(chunk.actions)[:4, 0].mean() for chunk in chunks]
        reward = torch.tensor(np.array(height) > 0.1).float()  # hardly half of them, at first
        wanted.append(reward.mean().item())
        decisions = explorer.decisions(observation.timestamp + 0.25)
        experience, context = scored(learner, collate(decisions, processor), 1.0)
        advantage = (reward - reward.mean()) / (reward.std() + 1e-6)
        scores = dataclasses.replace(experience.scores, advantage=advantage)
        experience = dataclasses.replace(experience, scores=scores, context=context)
        for _ in range(4):
            optimizer.zero_grad()
            learner(experience)["loss"].backward()
            optimizer.step()
    assert np.mean(wanted[-3:]) > np.mean(wanted[:3]) + 0.2, wanted


def test_a_kept_context_gives_the_likelihood_of_the_pictures(explored, processor, checkpoint):
    decisions, options = explored()
    learner = PPOLearner(checkpoint.model, options)
    made, context = scored(learner, collate(decisions, processor), 1.0)
    longer = dataclasses.replace(
        context,
        hidden=torch.randn(1, context.hidden.shape[1] + 5, context.hidden.shape[2]),
        positions=torch.zeros(3, 1, context.hidden.shape[1] + 5, dtype=torch.long),
        attention_mask=torch.ones(1, context.hidden.shape[1] + 5, dtype=torch.long),
    )
    padded = join([context, longer]).take(torch.arange(4))
    again = collate(decisions, processor, padded).to(torch.device("cpu"))
    likely, _, _ = learner.judge(again)
    torch.testing.assert_close(likely, made.scores.log_probability, atol=1e-3, rtol=1e-3)
