"""A checkpoint as a `Policy`, in this process."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hardware.embodiment import Embodiment
from hardware.interfaces import Observation
from policy.first_look import frame_of, lacking
from policy.instructions import check_instruction, words_of
from policy.interface import ActionChunk, Commitment
from policy.model.action_space import pad
from policy.model.checkpoint import Checkpoint
from policy.model.config import Pace
from policy.model.conventions import convention_for
from policy.model.graphs import Recorder
from policy.model.processor import Processor, resize
from policy.model.prompt import action_prompt
from policy.model.sampling import Previous, Sampling


class LocalPolicy:
    """Plans with a network loaded here. The same seed and observations give the same plans."""

    def __init__(self, checkpoint: Checkpoint, *, seed: int = 0, threads: int | None = 1) -> None:
        if threads is not None:
            torch.set_num_threads(threads)  # more collapse on a busy small machine
        self.checkpoint = checkpoint
        self.config = checkpoint.model.config
        self._processor = Processor(self.config, checkpoint.tokenizer)
        self._convention = convention_for(self.config.action_convention, checkpoint.embodiment)
        self._check_widths()
        self._device = next(checkpoint.model.parameters()).device
        self._predict = checkpoint.model.predict
        self.sampling = Sampling(
            self.config.euler_steps, "trained" if self.config.longest_prefix else "guide"
        )
        """How chunks are sampled; may be replaced at any time."""
        self.any_words = False
        """Whether instructions may have words that training did not; may be set at any time."""
        self._known_words = words_of(" ".join(self.tasks)) if self.tasks else frozenset()
        self.seed(seed)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        body: str | None = None,
        seed: int = 0,
        threads: int | None = 1,
        graphs: bool = True,
    ) -> "LocalPolicy":
        """Load a checkpoint folder, on the GPU if there is one: then in bfloat16.

        `body` is the name of the one to drive, if not the checkpoint's first. With `graphs`,
        chunks on a GPU are played back from CUDA graphs (`policy.model.graphs`). Raises
        `ValueError` for what is no checkpoint, or a body that it does not drive.
        """
        checkpoint = Checkpoint.load(folder)
        if body is not None:
            checkpoint = checkpoint.driving(body)
        if torch.cuda.is_available():
            checkpoint.model.cast(torch.bfloat16).to("cuda")
        policy = cls(checkpoint, seed=seed, threads=threads)
        if graphs:
            policy.use_graphs()
        return policy

    def use_graphs(self) -> None:
        """Plan from CUDA graphs where that is possible; elsewhere nothing changes."""
        self._predict = Recorder(self.checkpoint.model).predict

    @property
    def embodiment(self) -> Embodiment:
        """The body this policy was trained on, with the cameras it looks at."""
        return self.checkpoint.embodiment

    @property
    def image_sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of what is looked at: the network's cameras that this body has."""
        return self.checkpoint.image_sizes

    @property
    def pace(self) -> Pace:
        """Rate and length of the chunks of this body."""
        return self.config.pace(self.embodiment.name)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on."""
        return self.checkpoint.tasks

    def seed(self, seed: int) -> None:
        """Start the noise again; that of the n-th plan from here on depends on n alone."""
        self._noise = np.random.default_rng(seed)

    def predict_action_chunk(
        self, observation: Observation, task: str, previous: Commitment | None = None
    ) -> ActionChunk:
        """Plan `horizon` rows of absolute targets, in the body's units.

        With `previous` they go on from the chunk in play (`Sampling.continuation`). Raises
        `ValueError` for an empty instruction, one with a word that it was not trained on (unless
        `any_words`), a state of another shape or that is not finite, or a missing camera.
        """
        body = self.embodiment
        self._check(observation, task)
        pictures = {
            name: resize(frame_of(observation, name).image, size)
            for name, size in self.image_sizes.items()
        }
        normalized = self.checkpoint.norm_stats.state.normalize(observation.state)
        prompt = action_prompt(self.config, body, task, normalized)
        inputs = self._processor([prompt], [pictures]).to(self._device)
        state = np.zeros(self.config.channels, np.float32)
        if self.config.state == "decoder":
            state[: len(normalized)] = normalized
        width = len(self._convention.channels)
        _, mask = pad(
            np.zeros((self.pace.rows, width), np.float32),
            horizon=self.pace.rows,
            channels=self.config.channels,
        )
        noise = self._noise.standard_normal((1, *mask.shape), np.float32)
        old = None if previous is None else self._previous(previous, observation)
        sampled = self._predict(
            inputs,
            torch.from_numpy(state)[None].to(self._device),
            torch.from_numpy(mask)[None].to(self._device),
            torch.from_numpy(noise).to(self._device),
            sampling=self._sampling_after(old),
            previous=old,
        )
        rows = sampled[0, :, :width].float().cpu().numpy()
        restored = self.checkpoint.norm_stats.action.restore(np.clip(rows, -1, 1))
        targets = self._convention.decode(restored, observation.state)
        return ActionChunk(targets, observation.timestamp, self.pace.hz)

    def _previous(self, commitment: Commitment, observation: Observation) -> Previous | None:
        """The chunk in play in the network's own space, or None when it has run out."""
        config = self.config
        targets, committed = commitment.seen_from(
            observation.timestamp, self.pace.hz, self.pace.rows
        )
        if not len(targets):
            return None
        width = len(self.embodiment.action_channels)
        if targets.shape[1] != width:
            raise ValueError(
                f"{self.embodiment.name!r} has {width} action channels, got a chunk in play of "
                f"{targets.shape[1]}."
            )
        rows = self._convention.encode(targets, observation.state)
        normalized = self.checkpoint.norm_stats.action.normalize(rows)
        padded, _ = pad(normalized, horizon=self.pace.rows, channels=config.channels)
        actions = torch.from_numpy(padded)[None].to(self._device)
        return Previous(actions, committed, len(rows))

    def _sampling_after(self, old: Previous | None) -> Sampling:
        """How to go on from `old`: guided where more is committed than training ever gave."""
        sampling, longest = self.sampling, self.config.longest_prefix
        if old is not None and sampling.continuation == "trained" and old.committed > longest:
            return replace(sampling, continuation="guide")
        return sampling

    def _check_widths(self) -> None:
        """Raise `ValueError` when network, statistics and body are not of one mould."""
        body, config, stats = self.embodiment, self.config, self.checkpoint.norm_stats
        felt, done = len(body.state_channels), len(self._convention.channels)
        room = config.channels
        if done > room or (config.state == "decoder" and felt > room):
            raise ValueError(
                f"{body.name!r} needs {max(felt, done)} channels, the network has {room}."
            )
        measured = (len(stats.state.q01), len(stats.action.q01))
        if self.tasks and measured != (felt, done):
            raise ValueError(
                f"Actions of {body.name!r} as {self._convention.name} have {done} channels and its "
                f"state {felt}; the statistics are of {measured[1]} and {measured[0]}. Measure "
                "them again on this body's data."
            )

    def _check(self, observation: Observation, task: str) -> None:
        body = self.embodiment
        check_instruction(task, self.tasks, None if self.any_words else self._known_words)
        if observation.state.shape != (len(body.state_channels),):
            raise ValueError(
                f"{body.name!r} has {len(body.state_channels)} state channels, got a state of "
                f"shape {observation.state.shape}."
            )
        bad = np.flatnonzero(~np.isfinite(observation.state))
        if len(bad):
            names = [body.state_channels[i].name for i in bad]
            raise ValueError(f"The state must be finite numbers; it is not in {names}.")
        missing = lacking(observation, self.image_sizes)
        if missing:
            raise ValueError(f"The policy looks at {list(self.image_sizes)}; missing: {missing}.")
