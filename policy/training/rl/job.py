"""A job of reinforcement learning, built from its folder: network, critic, rollouts, trainer."""

import dataclasses
import logging
import math
import threading
from pathlib import Path

import torch
from accelerate import Accelerator

from hardware.aloha import aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.simulation.tasks import TASKS, task_named
from policy.model.checkpoint import Checkpoint
from policy.training.card import model_card
from policy.training.lora import apply_lora, merged_state
from policy.training.parts import freeze, parameters_of
from policy.training.request import TrainRequest
from policy.training.rl.ppo import PPOLearner
from policy.training.rl.rollouts import Rollouts
from policy.training.rl.rounds import Rounds, updates
from policy.training.start import Start, start
from policy.training.trainer import Trainer

logger = logging.getLogger(__name__)


class RLJob:
    """Everything a job folder asks for, ready to run; used like `TrainingJob`."""

    def __init__(self, folder: Path, request: TrainRequest) -> None:
        """Raises `ValueError` for what cannot be started with or tried out in simulation."""
        self.folder, self.request = folder, request
        torch.manual_seed(request.seed)
        if request.threads is not None:
            torch.set_num_threads(request.threads)
        self.accelerator = Accelerator()
        if self.accelerator.num_processes > 1:
            raise ValueError(
                "The stage rl trains in one process, whose rl.workers act side by side; got "
                f"{self.accelerator.num_processes} processes."
            )
        self._begun = start(request)
        self._base = _base(self._begun)
        self._tasks = tasks_of(request.rl.tasks, self._base)
        self.model = self._begun.model.train()
        self._prepare_parts()
        self.learner = PPOLearner(self.model, request.rl)
        each = updates(request)
        saving = math.ceil(request.save_every / each) * each
        logger.info("%d steps a round, a checkpoint every %d.", each, saving)
        self.trainer = Trainer(
            dataclasses.replace(request, save_every=saving),
            *(folder, self.learner, self.groups(), self.accelerator),
        )

    def _prepare_parts(self) -> None:
        request = self.request
        frozen = {*request.freeze, *(("vision", "language") if request.freeze_backbone else ())}
        if request.lora_rank:
            apply_lora(self.model, rank=request.lora_rank, alpha=request.lora_alpha)
        if frozen:
            freeze(self.model, sorted(frozen))
        if request.gradient_checkpointing:
            self.model.gradient_checkpointing(enabled=True)

    def groups(self) -> dict[str, tuple[list[torch.nn.Parameter], float]]:
        """What is trained, by part, and its learning rate at the peak."""
        request = self.request
        rates = {
            "vision": request.backbone_learning_rate,
            "language": request.backbone_learning_rate,
            "decoder": request.learning_rate,
        }
        groups = {
            part: ([p for p in parameters_of(self.model, part) if p.requires_grad], rate)
            for part, rate in rates.items()
        }
        critic = list(self.learner.critic.parameters())
        return {**groups, "critic": (critic, request.rl.value_learning_rate)}

    @property
    def checkpoint_folder(self) -> Path:
        """Where the newest checkpoint is."""
        return self.folder / "checkpoints" / "last"

    @property
    def checkpoint(self) -> Path | None:
        """The newest whole checkpoint, if there is one."""
        return self.checkpoint_folder if self.checkpoint_folder.exists() else None

    @property
    def step(self) -> int:
        """How many steps are done."""
        return self.trainer.step

    def what_fits(self) -> str:
        """What would fit into the memory of this device, in a sentence."""
        return (
            f"Lower batch_size (now {self.request.batch_size}) or raise accumulation (now "
            f'{self.request.accumulation}), and "freeze": ["vision", "language"].'
        )

    def save(self) -> None:
        """Write the network as it is now; the critic stays in the training state."""
        base = self._base
        card = model_card(self.request, self.model, base.tasks, self._begun.history)
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
        rollouts = Rollouts(Path(str(request.base)), request.rl, self._tasks, request.seed)
        parts = (self.learner, self._begun.processor, rollouts, request, self.folder)
        rounds = Rounds(*parts, stop)
        return self.trainer.run(rounds, self.save, stop)


def _base(begun: Start) -> Checkpoint:
    if begun.base is None:
        raise ValueError("The stage rl improves a checkpoint: give it as base.")
    return begun.base


def tasks_of(named: tuple[str, ...], base: Checkpoint) -> tuple[str, ...]:
    """Ids of the tasks to try: those `named`, or all that the base was trained on.

    Raises `ValueError` for an unknown one, when there is none, and for a base of another body.
    """
    world = aloha_embodiment()
    if not _alike(base.embodiment, world):
        raise ValueError(
            f"Only {world.name!r} can be tried out in simulation; the base drives "
            f"{base.embodiment.name!r}."
        )
    trained = set(base.tasks)
    known = tuple(task.id for task in TASKS.values() if trained & set(task.wordings))
    tasks = tuple(task_named(name).id for name in named) or known
    if not tasks:
        raise ValueError(
            f"The base knows none of {', '.join(TASKS)}. Name those to try in rl.tasks."
        )
    return tasks


def _alike(body: Embodiment, world: Embodiment) -> bool:
    names = ([c.name for c in e.action_channels] for e in (body, world))
    return next(names) == next(names)
