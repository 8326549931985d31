"""Demonstrations as sources: chunks of them from pictures, or whole ones from words alone."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from policy.data.item import Item
from policy.data.samples import Samples
from policy.data.touches import NOWHERE, Touches
from policy.model.action_space import NormStats
from policy.model.config import QwenVLAConfig
from policy.model.conventions import convention_for
from policy.model.prompt import action_prompt

Augment = Callable[[Mapping[str, np.ndarray], np.random.Generator], Mapping[str, np.ndarray]]
Reword = Callable[[str, np.random.Generator], str]


@dataclass(frozen=True, slots=True)
class Variation:
    """How the same demonstration is told a little differently each time."""

    augment: Augment
    reword: Reword
    state_noise: int | float = 0.0
    """Deviation added to the normalised state, so that pictures stay worth looking at."""


class Demonstrations:
    """Every row at which somebody drove, with the chunk of actions that followed.

    A chunk that outlasts its episode holds the last row: absolute targets stay where they are, and
    so does a displacement from the chunk's first frame. Left open, policies stall near the end
    (`docs/log.md`).
    """

    def __init__(
        self,
        name: str,
        samples: Samples,
        stats: NormStats,
        config: QwenVLAConfig,
        variation: Variation,
        touches: tuple[Touches, tuple[int, int]] | None = None,
    ) -> None:
        """Items say where a hand acts next if given `touches` and the first camera's token grid."""
        self.name = name
        self._touches = touches
        self._samples, self._stats = samples, stats
        self._convention = convention_for(config.action_convention, samples.embodiment)
        self._config, self._variation = config, variation
        self._pace = config.pace(samples.embodiment.name)

    def __len__(self) -> int:
        return len(self._samples.driven)

    @property
    def fingerprint(self) -> str:
        """Differs where other rows, words, pictures or labels would be learnt from."""
        samples = self._samples
        digest = hashlib.blake2b(digest_size=8)
        films = (*samples.pictures.items(), *samples.firsts.items())
        shown = [(name, frames.shape, getattr(frames, "filename", "")) for name, frames in films]
        said = [(each.task, each.start, each.stop) for each in samples.episodes]
        digest.update(repr((self.name, shown, said, self._touches is not None)).encode())
        for rows in (samples.driven, samples.state, samples.action):
            digest.update(np.ascontiguousarray(rows).tobytes())
        return digest.hexdigest()

    @property
    def placed(self) -> np.ndarray:
        """Numbers of the items (n,) that say where a hand acts next."""
        if self._touches is None:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self._touches[0].arms[self._samples.driven] != NOWHERE)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """The driven row `index`."""
        row, samples = int(self._samples.driven[index]), self._samples
        chunk = samples.chunk(row, self._pace.rows, self._pace.hz)
        chunk = np.pad(chunk, ((0, self._pace.rows - len(chunk)), (0, 0)), mode="edge")
        shown = {name: np.array(frames[row]) for name, frames in samples.pictures.items()}
        episode = int(samples.episode_of[row])
        shown |= {view: np.array(firsts[episode]) for view, firsts in samples.firsts.items()}
        shown = {view: shown[view] for view in self._config.image_sizes if view in shown}
        state = self._state(row, rng)
        return Item(
            "actions",
            self._prompt(row, self._told(row, state), rng),
            self._variation.augment(shown, rng),
            state=state,
            actions=self._normalized(chunk, row),
            place=None if self._touches is None else self._touches[0].place(row, self._touches[1]),
        )

    def _normalized(self, targets: np.ndarray, row: int) -> np.ndarray:
        rows = self._convention.encode(targets, self._samples.state[row])
        return self._stats.action.normalize(rows)

    def _state(self, row: int, rng: np.random.Generator) -> np.ndarray:
        state = self._stats.state.normalize(self._samples.state[row])
        noise = rng.normal(0, 1, state.shape) * self._variation.state_noise
        return np.asarray(state + noise, np.float32)

    def _told(self, row: int, state: np.ndarray) -> np.ndarray:
        """What the prompt says of the state: as drawn in full, its grippers as they were."""
        if self._config.state == "text":
            return state
        return np.asarray(self._stats.state.normalize(self._samples.state[row]), np.float32)

    def _prompt(
        self,
        row: int,
        state: np.ndarray,
        rng: np.random.Generator,
        *,
        hz: int | float | None = None,
        horizon: int | None = None,
    ) -> str:
        """What is said at `row`; the rate and the number of rows are the network's unless given."""
        episode = self._samples.episodes[self._samples.episode_of[row]]
        words = self._variation.reword(episode.task, rng)
        return action_prompt(
            *(self._config, self._samples.embodiment, words, state), hz=hz, horizon=horizon
        )


class Trajectories(Demonstrations):
    """Whole demonstrations from words alone (text to action, the paper's first stage).

    The paper predicts the full sequence in one pass and does not say how lengths are handled:
    here (ours) a trajectory has as many rows as it lasts at the network's rate, said in the
    prompt; one of more than `limit` rows is resampled to `limit`, at the rate that this is.
    """

    limit = 64

    def __len__(self) -> int:
        return len(self._samples.episodes)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Episode `index`, from its first row to its last."""
        episode = self._samples.episodes[index]
        rows, hz = self._samples.trajectory(index, self._pace.hz, self.limit)
        state = self._state(episode.start, rng)
        return Item(
            "trajectories",
            self._prompt(
                episode.start,
                self._told(episode.start, state),
                rng,
                hz=round(hz, 2),
                horizon=len(rows),
            ),
            {},
            state=state,
            actions=self._normalized(rows, episode.start),
        )
