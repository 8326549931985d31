"""A job of reinforcement learning, built from its folder: network, critic, rollouts, trainer."""

import dataclasses
import logging
import math
import threading
from pathlib import Path

from hardware.aloha import aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.simulation.language import task_ids_told
from hardware.simulation.tasks.catalogue import FAMILIES, require_known, task_ids
from policy.model.checkpoint import Checkpoint
from policy.training.card import model_card
from policy.training.job import Job
from policy.training.lora import merged_state
from policy.training.request import TrainRequest
from policy.training.rl.ppo import PPOLearner
from policy.training.rl.rollouts import Rollouts
from policy.training.rl.rounds import Rounds, updates
from policy.training.start import Start
from policy.training.trainer import Trainer

logger = logging.getLogger(__name__)


class RLJob(Job):
    """Everything a job folder of the stage `rl` asks for, ready to run."""

    def __init__(self, folder: Path, request: TrainRequest) -> None:
        """Raises `ValueError` for what cannot be started with or tried out in simulation."""
        super().__init__(folder, request)
        if self.accelerator.num_processes > 1:
            raise ValueError(
                "The stage rl trains in one process, whose rl.workers act side by side; got "
                f"{self.accelerator.num_processes} processes."
            )
        self._base = _base(self.begun)
        self._tasks = tasks_of(request.rl.tasks, self._base)
        self.prepare_parts()
        self.learner = PPOLearner(self.model, request.rl)
        critic = list(self.learner.critic.parameters())
        parts = (Path(str(request.base)), request.rl, self._tasks, request.seed)
        self._rollouts = Rollouts(*parts)
        each = updates(request, self._rollouts.longest_secs)
        saving = math.ceil(request.save_every / each) * each
        logger.info("%d steps a round, a checkpoint every %d.", each, saving)
        self.trainer = Trainer(
            dataclasses.replace(request, save_every=saving),
            *(folder, self.learner),
            self.groups() | {"critic": (critic, request.rl.value_learning_rate)},
            self.accelerator,
        )

    def save(self) -> None:
        """Write the network as it is now; the critic stays in the training state."""
        base = self._base
        card = model_card(self.request, self.model, base.tasks, self.begun.history)
        checkpoint = Checkpoint(
            *(self.model, base.tokenizer, base.norm_stats, base.embodiment, base.tasks),
            base.others,
        )
        checkpoint.save(self.checkpoint_folder, card, merged_state(self.model))

    def run(self, stop: threading.Event) -> bool:
        """Train until done or stopped; returns whether it was done."""
        request = self.request
        if self.trainer.resume():
            logger.info("Going on from step %d.", self.step)
        parts = (self.learner, self.begun.processor, self._rollouts, request, self.folder)
        rounds = Rounds(*parts, stop)
        return self.trainer.run(rounds, self.save, stop)


def _base(begun: Start) -> Checkpoint:
    if begun.base is None:
        raise ValueError("The stage rl improves a checkpoint: give it as base.")
    return begun.base


def tasks_of(named: tuple[str, ...], base: Checkpoint) -> tuple[str, ...]:
    """Names of the tasks to try: those `named`, or ids of all that the base was trained on.

    Raises `ValueError` for an unknown one, when there is none, and for a base of another body.
    """
    world = aloha_embodiment()
    if not _alike(base.embodiment, world):
        raise ValueError(
            f"Only {world.name!r} can be tried out in simulation; the base drives "
            f"{base.embodiment.name!r}."
        )
    if base.model.config.paces.get(base.embodiment.name):
        raise ValueError(
            f"The base plans for {base.embodiment.name!r} at a pace of its own, which this stage "
            "does not know. Train it at the network's rate and horizon."
        )
    for name in named:
        require_known(name)
    tasks = named or tuple(name for name in task_ids_told(base.tasks) if name in task_ids())
    if not tasks:
        raise ValueError(
            f"The base knows no task of the kinds {', '.join(FAMILIES)}. Name those to try in "
            "rl.tasks."
        )
    return tasks


def _alike(body: Embodiment, world: Embodiment) -> bool:
    names = ([c.name for c in e.action_channels] for e in (body, world))
    return next(names) == next(names)
