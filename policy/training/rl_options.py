"""What a job of the stage `rl` is asked to do beside what every job is."""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True)
class RLOptions:
    """Of the stage `rl`: PPO on success in simulation (paper, section 4.2).

    Stated: `epochs`, `gamma`, `gae_lambda`, `clip`, `value_learning_rate`, noise at every Euler
    step. Ours: `noise`, which is 0.5 in pi_RL for larger models of 10 Euler steps. A step learns
    from `batch_size` decisions, a round has as many steps as its episodes can fill.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    tasks: tuple[str, ...] = ()
    """Tasks of the simulated ALOHA; those that the base was trained on when not given."""
    episodes: int = 32
    """Of a round, between which the policy that acts stays the same; the paper has 1,024."""
    seconds: float | None = None
    """Simulated time an episode may take; as long as its task gives anyone when not given."""
    replan_secs: float = 0.4
    """Simulated time between plans: how long a decision lasts."""
    epochs: int = 4
    """How often a round is gone through."""
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    noise: float = 0.3
    """Scale of the noise in the sampler (`policy.training.rl.sde`)."""
    noise_at: Literal["every", "one"] = "every"
    """Euler steps that get noise: all, or only that whose likelihood counts, as in pi_RL."""
    value_learning_rate: float = 1e-4
    workers: int = 2
    """Processes that simulate side by side; 0 simulates in the one that trains."""

    def __post_init__(self) -> None:
        for name in ("episodes", "seconds", "replan_secs", "epochs", "noise", "clip"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"rl.{name} must be above 0, got {value}.")
