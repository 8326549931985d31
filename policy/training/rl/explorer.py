"""A policy that tries things out: it samples chunks with noise and remembers how."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from hardware.embodiment import Embodiment
from hardware.interfaces import Observation
from policy.blending import FADE_SECS
from policy.data.item import Item
from policy.first_look import frame_of
from policy.interface import ActionChunk, Commitment
from policy.model.action_space import pad
from policy.model.checkpoint import Checkpoint
from policy.model.conventions import convention_for
from policy.model.processor import Processor, resize
from policy.model.prompt import action_prompt
from policy.model.sampling import Sampling
from policy.training.rl.sde import deviation, mean
from policy.training.rl_options import RLOptions


@dataclass(frozen=True, slots=True)
class Decision:
    """One chunk that was sampled and acted on: what PPO calls an action, and its state."""

    item: Item
    """What was seen, said and felt."""
    before: Float32[np.ndarray, "horizon channels"]
    """The noisy actions before the step whose likelihood counts."""
    after: Float32[np.ndarray, "horizon channels"]
    """The same after it."""
    step: int
    """Number of that step, counted from the noise."""
    rows: int
    """How many of the first rows moved the robot."""
    width: int
    """How many of the first channels the body has."""


class Explorer:
    """Plans like `LocalPolicy`, with noise in the sampler (`policy.training.rl.sde`).

    The paper adds noise at every Euler step and takes the likelihood of one, drawn at random
    (stated). Adding it at that one alone (`noise_at` "one") is pi_RL's choice (arXiv 2510.25889):
    the arm is less disturbed, which counts where few steps make each step's noise large.
    """

    def __init__(self, checkpoint: Checkpoint, options: RLOptions) -> None:
        self.checkpoint, self._options = checkpoint, options
        self._config = checkpoint.model.config
        self._processor = Processor(self._config, checkpoint.tokenizer)
        self._convention = convention_for(self._config.action_convention, checkpoint.embodiment)
        self._sampling = Sampling(self._config.euler_steps)
        self._rng = np.random.default_rng(0)
        self._made: list[tuple[float, Decision]] = []

    @property
    def embodiment(self) -> Embodiment:
        """The body that the checkpoint drives first."""
        return self.checkpoint.embodiment

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on."""
        return self.checkpoint.tasks

    def begin(self, rng: np.random.Generator) -> None:
        """Start an episode; everything random in it comes from `rng`."""
        self._rng, self._made = rng, []

    def decisions(self, ended: float) -> list[Decision]:
        """Those of the episode that ended at `ended` on the robot's clock.

        Of a chunk, the rows count that were due until the next had faded in, or the end came.
        """
        hz, found = self._config.action_hz, []
        for observed, decision in self._made:
            played = min(ended - observed, self._options.replan_secs + FADE_SECS)
            rows = min(math.ceil(played * hz - 1e-6) + 1, self._config.horizon)
            found.append(replace(decision, rows=rows))
        return found

    def predict_action_chunk(
        self, observation: Observation, task: str, previous: Commitment | None = None
    ) -> ActionChunk:
        """Sample a chunk and remember it. Raises `ValueError` when told of a chunk in play."""
        if previous is not None:
            raise ValueError("Exploring continues no chunk: its likelihood would depend on it.")
        state = self.checkpoint.norm_stats.state.normalize(observation.state)
        pictures = {
            name: resize(frame_of(observation, name).image, size)
            for name, size in self.checkpoint.image_sizes.items()
        }
        prompt = action_prompt(self._config, self.embodiment, task, state)
        decision, rows = self._sample(Item("actions", prompt, pictures, state=state))
        self._made.append((observation.timestamp, decision))
        restored = self.checkpoint.norm_stats.action.restore(np.clip(rows, -1, 1))
        targets = self._convention.decode(restored, observation.state)
        return ActionChunk(targets, observation.timestamp, self._config.action_hz)

    @torch.inference_mode()
    def _sample(self, item: Item) -> tuple[Decision, np.ndarray]:
        model, steps = self.checkpoint.model, self._sampling.steps
        device = next(model.parameters()).device
        context = model.see(self._processor([item.prompt], [item.pictures]).to(device))
        state = padded_state(item, self._config.channels)[None].to(device)
        width = len(self._convention.channels)
        mask = active_channels(width, self._config.channels).to(device)
        chosen = int(self._rng.integers(steps))
        y = self._normal(mask)
        kept = []
        for number in range(steps):
            kept.append(y)
            step = torch.tensor([number], device=device)
            velocity = model.velocity(context, y, 1 - step / steps, state).float()
            std = deviation(step, self._sampling, self._options.noise)
            if self._options.noise_at == "one" and number != chosen:
                std = torch.zeros_like(std)
            to = mean(y, velocity, step, self._sampling, std)
            y = (to + std[:, None, None] * self._normal(mask)) * mask
        kept.append(y)
        before, after = (kept[n][0].cpu().numpy() for n in (chosen, chosen + 1))
        decision = Decision(item, before, after, chosen, self._config.horizon, width)
        return decision, y[0, :, :width].cpu().numpy()

    def _normal(self, mask: Tensor) -> Tensor:
        shape = (1, self._config.horizon, self._config.channels)
        drawn = self._rng.standard_normal(shape, np.float32)
        return torch.from_numpy(drawn).to(mask.device) * mask


def active_channels(width: int, channels: int) -> Tensor:
    """(channels,), 1 for the first `width`."""
    _, mask = pad(np.zeros((1, width), np.float32), horizon=1, channels=channels)
    return torch.from_numpy(mask[0])


def padded_state(item: Item, channels: int) -> Tensor:
    """The state of an item as the decoder takes it, (channels,)."""
    state = torch.zeros(channels)
    if item.state is not None:
        width = min(len(item.state), channels)
        state[:width] = torch.from_numpy(item.state[:width])
    return state
