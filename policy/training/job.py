"""A training job, built from its folder: network, mixture, learner, trainer, checkpoints."""

import logging
import math
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedDataParallelKwargs,
    DistributedType,
    InitProcessGroupKwargs,
)
from torch import Tensor, nn

from policy.data.batch import Draws
from policy.data.kinds import LABELS
from policy.data.loader import Loader
from policy.data.mixture import Mixture
from policy.model.checkpoint import Checkpoint
from policy.model.memory import Plan, what_fits
from policy.model.seen_pictures import LARGEST, SeenPictures
from policy.training.card import model_card
from policy.training.contexts import ContextStore
from policy.training.grounding import GroundingHeads, heads_of, point_as, take_up
from policy.training.learner import Learner, LossWeights
from policy.training.lora import apply_lora, merged_state
from policy.training.parts import freeze, parameters_of
from policy.training.request import DEMONSTRATED, TrainRequest
from policy.training.seeing import SeeingLearner
from policy.training.sources import Opener
from policy.training.start import start
from policy.training.trainer import Trainer, quick_bf16

logger = logging.getLogger(__name__)

PREPARING = timedelta(hours=12)
"""Longest that processes wait for one of them to decode a dataset."""


class Job:
    """What every stage has: a folder, a network with its parts made ready, and a trainer."""

    def __init__(self, folder: Path, request: TrainRequest) -> None:
        """Raises `ValueError` for whatever cannot be started with."""
        self.folder, self.request = folder, request
        torch.manual_seed(request.seed)
        if request.threads is not None:
            torch.set_num_threads(request.threads)
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(),  # several processes on processors: gloo
            kwargs_handlers=[
                DistributedDataParallelKwargs(find_unused_parameters=True),
                InitProcessGroupKwargs(timeout=PREPARING),
            ],
        )
        self.begun = start(request)
        self.model = self.begun.model.train()
        self.trainer: Trainer

    def prepare_parts(self) -> None:
        """Put adapters in, freeze what is not to be trained."""
        request = self.request
        if request.lora_rank:
            apply_lora(self.model, rank=request.lora_rank, alpha=request.lora_alpha)
        if self._frozen:
            freeze(self.model, self._frozen)
        config = self.model.config
        if not 0 <= request.longest_prefix < config.horizon:
            raise ValueError(
                f"longest_prefix is from 0 to below the {config.horizon} rows of a chunk, got "
                f"{request.longest_prefix}."
            )
        if request.stage != "t2a":  # a chunk may later be continued so far
            self.model.config = replace(config, longest_prefix=request.longest_prefix)
        looks_alike = not request.augment and not request.crop
        repeats = "vision" in self._frozen and looks_alike and request.stage != "rl"
        repeats &= self.accelerator.device.type == "cpu"  # a GPU looks sooner than a core compares
        if repeats and config.backbone["model_type"] == "qwen3_5" and not self._sharded:
            share = LARGEST / int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
            self.model.pictures = SeenPictures(self.model.backbone.model.visual, share)
        if request.gradient_checkpointing:
            self.model.gradient_checkpointing(enabled=True)

    @property
    def _sharded(self) -> bool:
        return bool(self.accelerator.distributed_type == DistributedType.FSDP)

    @property
    def _frozen(self) -> tuple[str, ...]:
        """Parts that stay as they are."""
        request = self.request
        whole = ("vision", "language") if request.freeze_backbone else ()
        return tuple(sorted({*request.freeze, *whole}))

    def groups(self) -> dict[str, tuple[list[nn.Parameter], float]]:
        """What is trained, by part, and its learning rate at the peak."""
        request = self.request
        rates = {
            "vision": request.backbone_learning_rate,
            "language": request.backbone_learning_rate,
            "decoder": request.learning_rate,
            "pointer": request.backbone_learning_rate,
        }
        return {
            part: ([p for p in parameters_of(self.model, part) if p.requires_grad], rate)
            for part, rate in rates.items()
        }

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
        request, device = self.request, self.accelerator.device
        available = (
            torch.cuda.get_device_properties(device).total_memory
            if device.type == "cuda"
            else psutil.virtual_memory().total
        )
        plan = Plan(
            batch=math.ceil(
                request.batch_size / request.accumulation / self.accelerator.num_processes
            ),
            draws=request.draws,
            frozen=self._frozen,
            lora_rank=request.lora_rank,
            averaged=request.ema > 0,
            checkpointing=request.gradient_checkpointing,
        )
        return what_fits(self.model.config, plan, available)


class TrainingJob(Job):
    """Everything a job folder asks for, ready to run."""

    def __init__(self, folder: Path, request: TrainRequest) -> None:
        """Raises `ValueError` for whatever cannot be learnt from or started with."""
        super().__init__(folder, request)
        with self.accelerator.local_main_process_first():  # one decodes, others map its cache
            opened = Opener(request, self.begun, folder / "cache").open()
        self.bodies = opened.bodies
        self.prepare_parts()
        heads = self._heads()
        self.learner = self._learner(heads)
        law = request.time_law or self.model.config.time_law
        self.mixture = Mixture(
            opened.parts,
            self.begun.processor,
            batch_size=request.batch_size,
            seed=request.seed,
            draws=Draws(law, request.draws, request.longest_prefix),
            see=not request.freeze_backbone,
        )
        self._check_shards()
        groups = self.groups()
        if heads is not None:
            own = [p for n, p in self.learner.named_parameters() if not n.startswith("model.")]
            groups["heads"] = (own, request.backbone_learning_rate)
        self.trainer = Trainer(request, folder, self.learner, groups, self.accelerator)

    def _learner(self, heads: GroundingHeads | None) -> Learner | SeeingLearner:
        request = self.request
        if request.stage == "seeing" and heads is not None:
            return SeeingLearner(self.model, heads)
        weights = LossWeights(
            *(request.action_weight, request.question_weight),
            *(request.grounding_weight, request.touch_weight),
        )
        kinds = {part.kind for part in request.ingredients}
        told = request.correct_pointing
        return Learner(self.model, weights, kinds, heads, correct_pointing=told)

    def _heads(self) -> GroundingHeads | None:
        """Heads of grounding if the request needs them, and a pointer that has learnt or will."""
        request, pointer, begun = self.request, self.model.pointer, self.begun.base
        taught = request.touch_weight or any(p.kind == "grounding" for p in request.ingredients)
        new = pointer is not None and (begun is None or begun.model.pointer is None)
        known = False
        if pointer is not None and new and request.base is not None:
            known = point_as(pointer, Path(request.base))
        if new and not known and not taught:
            raise ValueError(
                "A network that points learns where from touch_weight or scenes, and neither this "
                "request nor its base teaches it. Set touch_weight, or leave pointer out."
            )
        if pointer is not None and not taught and not {"vision", "language"} <= set(self._frozen):
            logger.warning(
                "The backbone learns and nothing teaches the network where to point: it will "
                "point less well. Set touch_weight, or freeze vision and language."
            )
        if not taught:
            return None
        hidden = self.model.backbone.config.text_config.hidden_size
        points = pointer is not None or request.stage == "seeing"  # which teaches no pointing
        heads = GroundingHeads(hidden, LABELS, None if points else self.model.config.first_grid)
        if request.base is not None:
            take_up(heads, Path(request.base))
        return heads

    def _check_shards(self) -> None:
        """Sharded parameters are gathered by all processes at once, so all must run the decoder."""
        shards = self.accelerator.num_processes * self.request.accumulation
        kinds = [part.kind for part in self.request.ingredients]
        acting = sum(
            rows
            for rows, kind in zip(self.mixture.rows, kinds, strict=True)
            if kind in DEMONSTRATED
        )
        if 0 < acting < shards:
            raise ValueError(
                f"{acting} rows of demonstrations in a batch do not reach {shards} passes. Raise "
                "batch_size or lower accumulation."
            )

    def save(self) -> None:
        """Write the network as it is now; every process takes part."""
        every = self.trainer.weights(whole=True)
        gathered, heads = (_inside(every, part) for part in ("model.", "heads."))
        if not self.accelerator.is_main_process:
            return
        first, *others = self.bodies
        checkpoint = Checkpoint(
            *(self.model, self.begun.tokenizer, first.norm_stats, first.embodiment, first.tasks),
            tuple(others),
        )
        card = model_card(self.request, self.model, first.tasks, self.begun.history)
        weights = merged_state(self.model, gathered)
        if not heads and self.request.base is not None:  # for a later stage to go on with
            heads = heads_of(Path(self.request.base))
        checkpoint.save(self.checkpoint_folder, card, weights, heads)

    def run(self, stop: threading.Event) -> bool:
        """Train until done or stopped; returns whether it was done."""
        store = self._store_contexts(stop) if self.request.freeze_backbone else None
        if store is not None and isinstance(self.learner, Learner):
            self.learner.stored = store.load(self.mixture.sources)
            if self.learner.stored is None:
                return False
        if self.trainer.resume():
            logger.info("Going on from step %d.", self.step)
        loader = Loader(
            self.mixture,
            rank=self.accelerator.process_index,
            world=self.accelerator.num_processes,
            accumulation=self.request.accumulation,
            workers=self.request.workers,
        )
        done = self.trainer.run(loader, self.save, stop)
        if done and store is not None and self.accelerator.is_main_process:
            store.forget()
        return done

    def _store_contexts(self, stop: threading.Event) -> ContextStore:
        """What the frozen backbone says of every row; each process works out some sources."""
        accelerator = self.accelerator
        shares = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        if self._sharded or shares != accelerator.num_processes:
            raise ValueError(
                "freeze_backbone keeps contexts in files of one machine whose processes each have "
                'the whole network. Use "freeze": ["vision", "language"], or launch without FSDP '
                "on one machine."
            )
        device = accelerator.device
        store = ContextStore(
            *(self.model, self.mixture.processor, self.folder / "contexts"),
            device=device,
            bf16=quick_bf16(device),
        )
        sources, share = self.mixture.sources, accelerator.local_process_index
        store.compute(sources, stop, share=share, shares=shares)
        accelerator.wait_for_everyone()
        return store


def _inside(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those weights whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }
