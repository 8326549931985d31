"""A checkpoint as a `Policy`, in this process."""

import re
from pathlib import Path

import numpy as np
import torch

from hardware.embodiment import Embodiment
from hardware.interfaces import Observation
from policy.interface import ActionChunk
from policy.model.action_space import pad
from policy.model.checkpoint import Checkpoint
from policy.model.processor import Processor, resize
from policy.model.prompt import clean_instruction, embodiment_prompt


class LocalPolicy:
    """Plans with a network loaded here. The same seed and observations give the same plans."""

    def __init__(self, checkpoint: Checkpoint, *, seed: int = 0, threads: int | None = 1) -> None:
        if threads is not None:
            torch.set_num_threads(threads)  # more collapse on a busy small machine
        self.checkpoint = checkpoint
        self.config = checkpoint.model.config
        self._processor = Processor(self.config, checkpoint.tokenizer)
        self._device = next(checkpoint.model.parameters()).device
        self._generator = torch.Generator(self._device)
        self.seed(seed)

    @classmethod
    def load(cls, folder: Path, *, seed: int = 0, threads: int | None = 1) -> "LocalPolicy":
        """Load a checkpoint folder, on the GPU if there is one."""
        checkpoint = Checkpoint.load(folder)
        if torch.cuda.is_available():
            checkpoint.model.to("cuda")
        return cls(checkpoint, seed=seed, threads=threads)

    @property
    def embodiment(self) -> Embodiment:
        """The body this policy was trained on, with the cameras it looks at."""
        return self.checkpoint.embodiment

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on."""
        return self.checkpoint.tasks

    def seed(self, seed: int) -> None:
        """Start the noise again."""
        self._generator.manual_seed(seed)

    def predict_action_chunk(self, observation: Observation, task: str) -> ActionChunk:
        """Plan `horizon` rows of absolute targets, in the body's units.

        Raises `ValueError` for an empty instruction, one with a word that it was not trained on, a
        state of another shape, or a missing camera.
        """
        body = self.embodiment
        self._check(observation, task)
        pictures = {
            name: torch.from_numpy(resize(observation.frames[name].image, size))[None]
            for name, size in self.config.image_sizes.items()
        }
        prompt = embodiment_prompt(
            body, hz=self.config.action_hz, horizon=self.config.horizon, instruction=task
        )
        inputs = self._processor([prompt], pictures).to(self._device)
        normalized = self.checkpoint.norm_stats.state.normalize(observation.state)
        state = np.zeros(self.config.channels, np.float32)
        state[: len(normalized)] = normalized
        width = len(body.action_channels)
        _, mask = pad(
            np.zeros((self.config.horizon, width), np.float32),
            horizon=self.config.horizon,
            channels=self.config.channels,
        )
        sampled = self.checkpoint.model.predict(
            inputs,
            torch.from_numpy(state)[None].to(self._device),
            torch.from_numpy(mask)[None].to(self._device),
            self._generator,
        )
        rows = sampled[0, :, :width].float().cpu().numpy()
        actions = self.checkpoint.norm_stats.action.restore(np.clip(rows, -1, 1))
        return ActionChunk(actions, observation.timestamp, self.config.action_hz)

    def _check(self, observation: Observation, task: str) -> None:
        body = self.embodiment
        check_instruction(task, self.tasks)
        if observation.state.shape != (len(body.state_channels),):
            raise ValueError(
                f"{body.name!r} has {len(body.state_channels)} state channels, got a state of "
                f"shape {observation.state.shape}."
            )
        missing = [name for name in self.config.image_sizes if name not in observation.frames]
        if missing:
            raise ValueError(
                f"The policy looks at {list(self.config.image_sizes)}; missing: {missing}."
            )


FILLERS = frozenset(
    ("a", "an", "the", "please", "now", "then", "just", "robot", "can", "could", "would", "you")
)
"""Words that any instruction may have."""


def words_of(instruction: str) -> set[str]:
    """The words of an instruction, without marks of punctuation."""
    return set(re.findall(r"[\w'-]+", clean_instruction(instruction)))


def check_instruction(instruction: str, tasks: tuple[str, ...]) -> None:
    """Raise `ValueError`, naming what was trained, unless every word of it was seen in training.

    Any order of known words passes. One unknown word refuses: a colour never seen or a "not"
    would be acted out as if it were not there.
    """
    words = words_of(instruction)
    if not tasks:
        raise ValueError(
            "This checkpoint has learnt no actions yet. Fine-tune it on demonstrations first."
        )
    unknown = sorted(words - FILLERS - {word for task in tasks for word in words_of(task)})
    if unknown:
        raise ValueError(
            f"This checkpoint does not know {', '.join(repr(word) for word in unknown)}. "
            f"It was trained on: {'; '.join(tasks[:8])}."
        )
