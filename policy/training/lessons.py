"""What one training step teaches: actions from demonstrations, or where things are."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from hardware.aloha import ARMS
from hardware.embodiment import Embodiment
from hardware.simulation.scene import CUBES
from hardware.simulation.tasks import TASKS
from policy.data.samples import Samples
from policy.data.scenes import Scenes
from policy.model.action_space import NormStats, pad
from policy.model.processor import Processor
from policy.model.prompt import embodiment_prompt
from policy.model.qwen_vla import QwenVLA
from policy.training.contexts import Contexts, jitter
from policy.training.grounding import GroundingHeads, image_tokens, targets_of
from policy.training.request import TrainRequest


@runtime_checkable
class Lesson(Protocol):
    """Draws a batch and says how wrong the network is."""

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """`loss` to minimise, and parts of it for the log. `step` counts from 0."""


class ActionLesson:
    """The flow loss on chunks of demonstrations."""

    def __init__(
        self,
        model: QwenVLA,
        contexts: Contexts,
        samples: Samples,
        stats: NormStats,
        request: TrainRequest,
    ) -> None:
        self._model, self._contexts, self._samples = model, contexts, samples
        self._request, self._stats = request, stats
        self._state = stats.state.normalize(samples.state)
        self._epoch, self._order = -1, np.empty(0, int)

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Every row once, in random order, then again in another."""
        size = self._request.batch_size
        rows = self._rows(step * size, size)
        actions, mask = self._chunks(rows)
        state = np.zeros((size, self._model.config.channels), np.float32)
        noise = rng.normal(0, self._request.state_noise, (size, self._state.shape[1]))
        state[:, : self._state.shape[1]] = self._state[rows] + noise
        device = next(self._model.parameters()).device
        loss = self._model.action_loss(
            self._contexts.of(rows, rng),
            torch.from_numpy(state).to(device),
            torch.from_numpy(actions).to(device),
            torch.from_numpy(mask).to(device),
            self._request.draws,
        ).mean()
        return {"loss": loss, "action": loss}

    def _rows(self, start: int, size: int) -> np.ndarray:
        """Rows `start` to `start + size` of an endless row of epochs; the same for every run."""
        rows, driven = [], self._samples.driven
        for position in range(start, start + size):
            epoch, place = divmod(position, len(driven))
            if epoch != self._epoch:
                shuffle = np.random.default_rng([self._request.seed, epoch])
                self._epoch, self._order = epoch, shuffle.permutation(driven)
            rows.append(self._order[place])
        return np.array(rows)

    def _chunks(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        config = self._model.config
        padded = []
        for row in rows:
            chunk = self._samples.chunk(int(row), config.horizon, config.action_hz)
            if self._samples.embodiment.action_convention == "absolute_joints":
                # After the end the arm keeps its last target; left open, policies stall near it.
                chunk = np.pad(chunk, ((0, config.horizon - len(chunk)), (0, 0)), mode="edge")
            normalized = self._stats.action.normalize(chunk)
            padded.append(pad(normalized, horizon=config.horizon, channels=config.channels))
        return np.stack([actions for actions, _ in padded]), np.stack([m for _, m in padded])


class GroundingLesson:
    """Dense labels of simulated scenes: what each token shows, which one is meant, where it is."""

    def __init__(
        self,
        model: QwenVLA,
        heads: GroundingHeads,
        processor: Processor,
        scenes: Scenes,
        embodiment: Embodiment,
        request: TrainRequest,
    ) -> None:
        self._model, self._heads, self._processor = model, heads, processor
        self._scenes, self._request = scenes, request
        config = model.config
        self._cells = np.concatenate([scenes.cells[name] for name in config.image_sizes], axis=1)
        height, width = next(iter(config.image_sizes.values()))
        self._grid = (height // processor.cell, width // processor.cell)
        self._said = [
            (
                CUBES.index(task.cube),
                ARMS.index(task.giver or task.arm),
                embodiment_prompt(
                    embodiment, hz=config.action_hz, horizon=config.horizon, instruction=words
                ),
            )
            for task in TASKS.values()
            for words in task.wordings
        ]

    def losses(self, step: int, rng: np.random.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """A random named object in random scenes."""
        size = self._request.batch_size
        chosen = rng.integers(len(self._scenes), size=size)
        scenes = self._scenes.of(chosen)
        said = [self._said[i] for i in rng.integers(len(self._said), size=size)]
        pictures = {name: torch.from_numpy(shots) for name, shots in scenes.pictures.items()}
        inputs = self._processor([prompt for _, _, prompt in said], jitter(pictures, rng))
        targets = targets_of(
            scenes,
            self._cells[chosen],
            np.array([cube for cube, _, _ in said]),
            np.array([arm for _, arm, _ in said]),
            self._grid,
        )
        device = next(self._model.parameters()).device
        inputs = inputs.to(device)
        tokens = image_tokens(self._model.see(inputs), inputs)
        parts = self._heads(tokens, self._grid[0] * self._grid[1], targets.to(device))
        loss = parts.pop("shows") + parts["named"] + 3 * parts["where"] + parts["arm"]
        return {"grounding": loss, **parts, "loss": loss}
