"""Trains the ACT baseline: `python -m policy.baselines.act_train DATASET OUT` in its environment.

Keeps a checkpoint of the averaged weights every so many steps and continues from the last one.
"""

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from policy.baselines.act import IMAGE, Act, ActSize, Scale, build, images
from policy.baselines.act_data import Windows

logger = logging.getLogger(__name__)

CLIP = 10.0
"""Largest norm of a gradient, as lerobot trains ACT."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the training can be asked."""

    dataset: Annotated[Path, tyro.conf.Positional]
    """LeRobot v3 folder: cam_high at 240x320, 50 rows a second."""
    out: Annotated[Path, tyro.conf.Positional]
    """Folder for checkpoints; what is there is continued, with the same options."""
    steps: int = 10_000
    batch: int = 8
    rate: float = 1e-4
    """Learning rate, without ImageNet ten times lerobot's."""
    average: float = 0.998
    """Decay of the weights' running average, which is what is saved."""
    save_every: int = 500
    seed: int = 0
    threads: int = 1
    keep_all: bool = False
    """Learn from episodes marked as failed or recorded badly too."""


class Training:
    """One training in progress."""

    def __init__(self, options: Options) -> None:
        torch.manual_seed(options.seed)
        self._options = options
        self._data = Windows.read(options.dataset, keep_all=options.keep_all)
        self._size = ActSize()
        driven = self._data.driven
        self._scale = Scale.of(self._data.states[driven], self._data.actions[driven])
        self._policy = build(self._size).train()
        self._optimizer = torch.optim.AdamW(
            self._policy.parameters(), options.rate, weight_decay=1e-4
        )
        averaging = get_ema_multi_avg_fn(options.average)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self._policy, multi_avg_fn=averaging)
        self._step = 0
        self._seconds = 0.0
        self._resume()

    def run(self) -> None:
        """Train to the last step."""
        losses = []
        begun = time.monotonic()
        while self._step < self._options.steps:
            losses.append(self._learn())
            self._step += 1
            if self._step % 50 == 0:
                took = time.monotonic() - begun + self._seconds
                self._log(np.mean(losses[-50:], axis=0), took)
            if self._step % self._options.save_every == 0 or self._step == self._options.steps:
                self._save(time.monotonic() - begun + self._seconds)

    def _learn(self) -> tuple[float, float]:
        # All chance of a step follows from seed and step: a continued training is the same one.
        rng = np.random.default_rng([self._options.seed, self._step])
        driven = self._data.driven
        rows = driven[rng.integers(len(driven), size=self._options.batch)]
        torch.manual_seed(int(rng.integers(2**63)))  # dropout, and the draw of the latent
        actions, padded = self._data.chunk(rows, self._size)
        batch = {
            IMAGE: images(self._data.pictures[rows]),
            "observation.state": self._scale.state(self._data.states[rows]),
            "action": self._scale.action(actions),
            "action_is_pad": torch.from_numpy(padded),
        }
        with torch.autocast("cpu", torch.bfloat16):
            loss, parts = self._policy.forward(batch)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._policy.parameters(), CLIP)
        self._optimizer.step()
        self._average.update_parameters(self._policy)
        return parts["l1_loss"], parts["kld_loss"]

    def _log(self, losses: Any, seconds: float) -> None:  # noqa: ANN401 - a row of numpy
        line = {
            "step": self._step,
            "l1": round(float(losses[0]), 4),
            "kl": round(float(losses[1]), 4),
            "secs": round(seconds),
        }
        logger.info("%s", line)
        with (self._options.out / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _save(self, seconds: float) -> None:
        about = {
            "steps": self._step,
            "samples": self._step * self._options.batch,
            "seconds": round(seconds),
            "rows": len(self._data.driven),
            "episodes": len(np.unique(self._data.ends)),
            "tasks": list(self._data.tasks),
        }
        Act(self._average.module, self._size, self._scale, about).save(
            self._options.out / f"step{self._step}"
        )
        state = {
            "step": self._step,
            "seconds": seconds,
            "learning": self._learning(),
            "policy": self._policy.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state_dict(),
        }
        torch.save(state, self._options.out / "training.part")
        (self._options.out / "training.part").replace(self._options.out / "training.pt")
        self._policy.train()

    def _learning(self) -> dict[str, int | float]:
        """What stays the same from the beginning of a training to its end."""
        options = self._options
        return {
            **{name: getattr(options, name) for name in ("batch", "rate", "average", "seed")},
            "rows": len(self._data.driven),
        }

    def _resume(self) -> None:
        self._options.out.mkdir(parents=True, exist_ok=True)
        path = self._options.out / "training.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        learning = self._learning()
        begun = state.get("learning", learning)  # older ones do not say
        if begun != learning:
            raise ValueError(
                f"The training in {self._options.out} was begun with {begun}, got {learning}. "
                "Go on with the same options, or name a new folder."
            )
        self._policy.load_state_dict(state["policy"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._average.load_state_dict(state["average"])
        self._step, self._seconds = state["step"], state["seconds"]


def main(options: Options) -> None:
    """Train."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    Training(options).run()


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
