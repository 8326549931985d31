"""PPO on the likelihood of chunks: the network, its critic and their loss, as one module."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from policy.model.qwen_vla import Context, QwenVLA
from policy.model.sampling import Sampling
from policy.training.rl.critic import Critic
from policy.training.rl.experience import Experience, Scores
from policy.training.rl.sde import deviation, log_probability, mean
from policy.training.rl_options import RLOptions

WORST = 3.0
"""Largest ratio that counts for a decision that turned out badly (dual clip, arXiv 1912.09729;
the value is that of RLinf's configs)."""


class PPOLearner(nn.Module):
    """The network while it learns from its own experience.

    Likelihoods are computed in float32, whatever the launch: where the noise is small, rounding
    a velocity to bfloat16 changes a chunk's likelihood by more than a step of learning does.
    """

    def __init__(self, model: QwenVLA, options: RLOptions) -> None:
        super().__init__()
        self.model, self._options = model, options
        self.critic = Critic(model.backbone.config.text_config.hidden_size)
        self._sampling = Sampling(model.config.euler_steps)

    def forward(self, experience: Experience) -> dict[str, Tensor]:
        """The loss, and for the log its parts.

        policy: the clipped objective, negative; value: the clipped squared error, of equal weight
        (paper, stated); kl: an estimate of the divergence from the policy that acted
        (r - 1 - log r); clipped: the share of decisions that pull no more; success: of the round.
        Raises `ValueError` for experience without scores.
        """
        old = experience.scores
        if old is None:
            raise ValueError("Experience is learnt from after it was scored.")
        log_probability, value, _ = self.judge(experience)
        log_ratio = log_probability - old.log_probability
        policy, clipped = policy_loss(log_ratio, old.advantage, self._options.clip)
        error = value_loss(value, old, self._options.clip)
        parts = {
            "loss": policy + error,
            "policy": policy,
            "value": error,
            "kl": (log_ratio.exp() - 1 - log_ratio).mean(),
            "clipped": clipped,
        }
        if experience.success is not None:
            parts["success"] = experience.success
        return parts

    def judge(self, experience: Experience) -> tuple[Tensor, Tensor, Context]:
        """The log-likelihoods (B,) of decisions, the values (B,), and the contexts."""
        context = experience.context
        if context is None:
            if experience.inputs is None:
                raise ValueError("Experience needs what was seen, or its context.")
            context = self.model.see(experience.inputs)
        with torch.autocast(context.hidden.device.type, enabled=False):
            precise = replace(context, hidden=context.hidden.float())
            return self._log_probability(experience, precise), self.critic(precise), context

    def _log_probability(self, experience: Experience, context: Context) -> Tensor:
        step, before, sampling = experience.step, experience.before, self._sampling
        tau = 1 - step / sampling.steps
        velocity = self.model.velocity(context, before, tau, experience.state).float()
        std = deviation(step, sampling, self._options.noise)
        to = mean(before, velocity, step, sampling, std) * experience.channels
        return log_probability(experience.after, to, std, experience.mask)


def policy_loss(log_ratio: Tensor, advantage: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """PPO's clipped objective (arXiv 1707.06347), negative, and the share that was clipped.

    `log_ratio` and `advantage` are (B,).
    """
    ratio = log_ratio.exp()
    free = -advantage * ratio
    held = -advantage * ratio.clamp(1 - clip, 1 + clip)
    losses = torch.maximum(free, held)
    losses = torch.where(advantage < 0, torch.minimum(losses, -WORST * advantage), losses)
    return losses.mean(), (held > free).float().mean().detach()


def value_loss(value: Tensor, old: Scores, clip: float) -> Tensor:
    """The mean squared error of values (B,), or of what they may be at `clip` from before."""
    near = old.value + (value - old.value).clamp(-clip, clip)
    worse = torch.maximum((value - old.target).square(), (near - old.target).square())
    return worse.mean()
