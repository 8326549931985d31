"""Run a training job in its folder: `python -m policy.train JOB`.

Reads `request.json`; writes `metrics.jsonl`, `status.json`, `checkpoints/last` and the state to
go on from. Run again in the same folder, it goes on where it stopped.
"""

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import nn

from hardware.aloha import aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.simulation.scene import CUBES
from policy.data.samples import Samples, load_samples
from policy.data.scenes import load_scenes
from policy.model.action_space import NormStats, Quantiles
from policy.model.checkpoint import Checkpoint
from policy.model.config import nano
from policy.model.processor import Processor
from policy.model.prompt import camera_tag, embodiment_prompt
from policy.model.qwen_vla import QwenVLA
from policy.model.words import train_tokenizer, vocabulary
from policy.training.card import model_card, training_history
from policy.training.contexts import Contexts, LiveContexts, StoredContexts
from policy.training.grounding import GroundingHeads
from policy.training.lessons import ActionLesson, GroundingLesson, Lesson
from policy.training.request import TrainRequest
from policy.training.trainer import Trainer, quick_bf16, write_atomically

logger = logging.getLogger(__name__)


class Status:
    """`status.json`: what became of the job, for whoever looks."""

    def __init__(self, folder: Path, steps: int) -> None:
        self._path, self._steps = folder / "status.json", steps

    def write(
        self, status: str, step: int, *, error: str | None = None, checkpoint: Path | None = None
    ) -> None:
        """Replace the file; `status` is running, succeeded, failed or cancelled."""
        fields = {
            "status": status,
            "step": step,
            "steps": self._steps,
            "error": error,
            "checkpoint": None if checkpoint is None else str(checkpoint),
            "pid": os.getpid(),
        }
        write_atomically(self._path, json.dumps(fields, indent=2) + "\n")


def start_network(request: TrainRequest, base: Checkpoint | None) -> tuple[QwenVLA, Processor]:
    """Return the base's network, or one at random."""
    if base is not None:
        return base.model, Processor(base.model.config, base.tokenizer)
    tags = [tag for camera in request.cameras for tag in camera_tag(camera)]
    tokenizer = train_tokenizer([], tags)
    config = nano(vocabulary(tokenizer), request.cameras)
    return QwenVLA(config), Processor(config, tokenizer)


def read_history(base: Path) -> str:
    """How a base was trained, in the words of its card, if it has one."""
    card = base / "README.md"
    return training_history(card.read_text()) if card.is_file() else ""


def check_body(base: Checkpoint, embodiment: Embodiment, dataset: str) -> None:
    """Raise `ValueError` unless the base's body is the one in the dataset."""
    differences = base.embodiment.differences(embodiment)
    if differences:
        raise ValueError(
            f"The base checkpoint drives another body than {dataset}: {'; '.join(differences)}."
        )


class TrainingJob:
    """Everything a job folder asks for, built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.request = TrainRequest.load(folder / "request.json")
        self.status = Status(folder, self.request.steps)
        torch.manual_seed(self.request.seed)
        if self.request.threads is not None:
            torch.set_num_threads(self.request.threads)
        base = None if self.request.base is None else Checkpoint.load(Path(self.request.base))
        self._earlier = "" if self.request.base is None else read_history(Path(self.request.base))
        model, self.processor = start_network(self.request, base)
        samples = self._load_samples(model, base)
        self.embodiment = self._body(samples, base)
        self.stats = self._norm_stats(samples, base)
        self.tasks = tuple(
            dict.fromkeys(
                (*(samples.tasks if samples else ()), *(base.tasks if base is not None else ()))
            )
        )
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device).train()
        self.heads = GroundingHeads(
            model.config.backbone["text_config"]["hidden_size"], len(CUBES)
        ).to(self.device)
        self.lessons = self._lessons(samples)

    def _load_samples(self, model: QwenVLA, base: Checkpoint | None) -> Samples | None:
        if self.request.dataset is None:
            return None
        dataset = Path(self.request.dataset)
        samples = load_samples(dataset, model.config.image_sizes, self.folder / "cache")
        if base is not None:
            check_body(base, samples.embodiment, self.request.dataset)
        return samples

    def _body(self, samples: Samples | None, base: Checkpoint | None) -> Embodiment:
        if base is not None:
            return base.embodiment
        body = samples.embodiment if samples is not None else aloha_embodiment()
        return body.with_cameras(tuple(self.request.cameras))

    def _norm_stats(self, samples: Samples | None, base: Checkpoint | None) -> NormStats:
        if base is not None and base.tasks:
            stats = base.norm_stats
            return stats if samples is None else stats.widened(samples.state, samples.action)
        if samples is not None:
            return samples.norm_stats()
        body = self.embodiment
        limits = Quantiles(body.action_low, body.action_high)
        return NormStats(limits, limits)

    def _lessons(self, samples: Samples | None) -> list[Lesson]:
        lessons: list[Lesson] = []
        if samples is not None:
            contexts = self._contexts(samples)
            lessons.append(ActionLesson(self.model, contexts, samples, self.stats, self.request))
        if self.request.scenes:
            config = self.model.config
            scenes = load_scenes(
                self.folder / "cache/scenes.npz",
                self.request.scenes,
                config.image_sizes,
                self.processor.cell,
            )
            lessons.append(
                GroundingLesson(
                    *(self.model, self.heads, self.processor, scenes),
                    self.embodiment,
                    self.request,
                )
            )
        return lessons

    def _contexts(self, samples: Samples) -> Contexts:
        config = self.model.config
        prompts = [
            embodiment_prompt(
                samples.embodiment,
                hz=config.action_hz,
                horizon=config.horizon,
                instruction=episode.task,
            )
            for episode in samples.episodes
        ]
        live = LiveContexts(self.model, self.processor, samples, prompts)
        if not self.request.freeze_backbone:
            return live
        self.model.backbone.requires_grad_(requires_grad=False)
        return StoredContexts(live, len(samples), device=self.device, bf16=quick_bf16(self.device))

    def lesson_at(self, step: int) -> Lesson:
        """Every `grounding_every`-th step is a grounding step, if there are both."""
        grounding = len(self.lessons) > 1 and step % self.request.grounding_every == 0
        return self.lessons[1 if grounding else 0]

    @property
    def checkpoint_folder(self) -> Path:
        """Where the newest checkpoint is."""
        return self.folder / "checkpoints" / "last"

    def save(self) -> None:
        """Write the network as it is now."""
        Checkpoint(
            self.model, self.processor.tokenizer, self.stats, self.embodiment, self.tasks
        ).save(
            self.checkpoint_folder, model_card(self.request, self.model, self.tasks, self._earlier)
        )

    def run(self, stop: threading.Event) -> None:
        """Train until done or stopped; the checkpoint of the last step is whole either way."""
        decoder = list(self.model.decoder.parameters())
        rest = [*self.model.backbone.parameters(), *self.heads.parameters()]
        rest = [parameter for parameter in rest if parameter.requires_grad]
        trainer = Trainer(
            self.request,
            self.folder,
            nn.ModuleDict({"model": self.model, "heads": self.heads}),
            [
                (rest, self.request.backbone_learning_rate),
                (decoder, self.request.learning_rate),
            ],
        )
        if trainer.resume():
            logger.info("Going on from step %d.", trainer.step)
        self.status.write("running", trainer.step)
        finished = trainer.run(self.lesson_at, self.save, stop)
        self.status.write(
            "succeeded" if finished else "cancelled",
            trainer.step,
            checkpoint=self.checkpoint_folder if self.checkpoint_folder.exists() else None,
        )


def main(folder: Annotated[Path, tyro.conf.Positional]) -> None:
    """Train in a job folder that holds `request.json`; run again, it goes on where it stopped.

    Ctrl-C (or SIGTERM) saves a whole checkpoint first.

    Args:
        folder: The job folder. Its request.json holds fields of
            `policy.training.request.TrainRequest`.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if not folder.is_dir():
        raise SystemExit(f"Cannot train: there is no folder {folder}.")
    try:
        TrainingJob(folder).run(stop)
    except ValueError as error:
        Status(folder, 0).write("failed", 0, error=str(error))
        raise SystemExit(f"Cannot train: {error}") from error
    except Exception as error:
        Status(folder, 0).write("failed", 0, error=f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    tyro.cli(main)
