"""What PPO learns from, step by step: rounds of episodes, each gone through a few times."""

import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from policy.model.processor import Processor
from policy.model.qwen_vla import Context
from policy.training.lora import merged_state
from policy.training.parts import part_of
from policy.training.request import TrainRequest
from policy.training.rl.advantages import advantages
from policy.training.rl.experience import Experience, Scores, collate, join, moved
from policy.training.rl.explorer import Decision
from policy.training.rl.ppo import PPOLearner
from policy.training.rl.rollouts import Rollout, Rollouts
from policy.training.trainer import quick_bf16

logger = logging.getLogger(__name__)


def minibatches(request: TrainRequest, longest_secs: float) -> int:
    """Parts that an epoch is cut into: of at most `batch_size` if all episodes are the longest."""
    most = request.rl.episodes * math.ceil(longest_secs / request.rl.replan_secs)
    return math.ceil(most / request.batch_size)


def updates(request: TrainRequest, longest_secs: float) -> int:
    """Steps of a round, always the same number."""
    return request.rl.epochs * minibatches(request, longest_secs)


class Rounds:
    """Gives the experience of each step, and rolls the policy out when a round begins.

    A run that was stopped inside a round rolls that round out again, with the weights it has,
    and does the steps that were left.
    """

    def __init__(
        self,
        learner: PPOLearner,
        processor: Processor,
        rollouts: Rollouts,
        request: TrainRequest,
        folder: Path,
        stop: threading.Event,
    ) -> None:
        """Weights are handed over to those who act in `folder`; `stop` ends a rollout too."""
        self._learner, self._processor, self._rollouts = learner, processor, rollouts
        self._request, self._folder, self._stop = request, folder, stop
        self._device = next(learner.parameters()).device
        trained = {part_of(n) for n, p in learner.model.named_parameters() if p.requires_grad}
        self._trained, self._frozen = trained, not trained & {"vision", "language"}
        self.waited = 0.0
        """Seconds of rolling out so far."""

    def steps(self, start: int, stop: int) -> Iterator[Sequence[Experience]]:
        """The passes of every step in [start, stop)."""
        each = updates(self._request, self._rollouts.longest_secs)
        with self._rollouts.open():
            for number in range(start // each, math.ceil(stop / each)):
                episodes = self._round(number)
                if self._stop.is_set():
                    return
                begun = number * each
                for step, passes in enumerate(self._passes(number, episodes), begun):
                    if start <= step < stop:
                        yield [*passes]

    def _round(self, number: int) -> list[Rollout]:
        began = time.monotonic()
        found = self._rollouts.round(number, self._hand_over(), self._stop)
        self.waited += time.monotonic() - began
        logger.info(
            "round %d: %d of %d succeeded, %d decisions, %.0f s",
            *(number, sum(e.reward > 0 for e in found), len(found)),
            *(sum(len(e.decisions) for e in found), time.monotonic() - began),
        )
        return found

    def _hand_over(self) -> Path:
        """Write the trained parts as they are now."""
        weights = merged_state(self._learner.model)
        weights = {n: value.cpu() for n, value in weights.items() if part_of(n) in self._trained}
        path = self._folder / "acting.pt"
        partial = path.with_suffix(".partial")
        torch.save(weights, partial)
        return partial.replace(path)

    def _passes(self, number: int, episodes: list[Rollout]) -> Iterator[Iterator[Experience]]:
        """Every step of a round: each epoch goes through all decisions in an order of its own."""
        decisions = [decision for episode in episodes for decision in episode.decisions]
        scores, context = self._score(episodes, decisions)
        success = torch.tensor(float(np.mean([episode.reward for episode in episodes])))
        parts = minibatches(self._request, self._rollouts.longest_secs)
        cuts = self._request.accumulation

        def experience(rows: Tensor) -> Experience:
            known = None if context is None else context.take(rows)
            picked = [decisions[row] for row in rows.tolist()]
            made = collate(picked, self._processor, known)
            return replace(made, scores=scores.take(rows), success=success)

        for epoch in range(self._request.rl.epochs):
            rng = np.random.default_rng([self._request.seed, number, epoch])
            order = rng.permutation(len(decisions))
            order = np.resize(order, max(len(order), parts * cuts))  # no part stays empty
            for part in np.array_split(order, parts):
                shards = np.array_split(part, cuts)
                yield (experience(torch.from_numpy(shard)) for shard in shards)

    @torch.no_grad()
    def _score(
        self, episodes: list[Rollout], decisions: list[Decision]
    ) -> tuple[Scores, Context | None]:
        """Judge every decision by the weights that made it, as they compute in this process.

        Contexts are kept when they stay what they are, of a frozen backbone.
        """
        size, device, bf16 = self._request.batch_size, self._device, quick_bf16(self._device)
        likely, values, contexts = [], [], []
        for first in range(0, len(decisions), size):
            batch = collate(decisions[first : first + size], self._processor).to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                log_probability, value, context = self._learner.judge(batch)
            likely.append(log_probability.cpu())
            values.append(value.cpu())
            if self._frozen:
                contexts.append(moved(context, torch.device("cpu")))
        value = torch.cat(values)
        gained = self._advantages(episodes, value)
        normal = (gained - gained.mean()) / (gained.std(correction=0) + 1e-8)
        scores = Scores(torch.cat(likely), value, normal, value + gained)
        return scores, join(contexts) if contexts else None

    def _advantages(self, episodes: list[Rollout], value: Tensor) -> Tensor:
        options, expected = self._request.rl, value.numpy()
        ends = np.cumsum([0, *(len(episode.decisions) for episode in episodes)])
        found = [
            advantages(
                *(expected[first:last], episode.reward),
                gamma=options.gamma,
                gae_lambda=options.gae_lambda,
            )
            for episode, (first, last) in zip(episodes, pairwise(ends.tolist()), strict=True)
        ]
        return torch.from_numpy(np.concatenate(found))
