"""The training loop: steps, schedule, averaged weights, metrics, and a state to resume from."""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from policy.training.lessons import Lesson
from policy.training.request import TrainRequest

logger = logging.getLogger(__name__)

LOG_EVERY = 10


def write_atomically(path: Path, text: str) -> None:
    """Replace `path`, so that a reader sees the old text or the new, never half."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


class Trainer:
    """Runs lessons on a network in a job folder.

    `groups` are optimiser groups with their peak learning rates. Everything needed to go on from
    a step is in `training_state.pt`: going on gives the same weights as not having stopped (on a
    processor; a GPU's own random numbers are not kept).
    """

    def __init__(
        self,
        request: TrainRequest,
        folder: Path,
        modules: nn.Module,
        groups: Iterable[tuple[list[nn.Parameter], float]],
    ) -> None:
        self.request, self.folder, self.modules = request, folder, modules
        self.step = 0
        self._peaks = []
        options = []
        for parameters, peak in groups:
            self._peaks.append(peak)
            options.append({"params": parameters, "lr": peak})
        self._optimizer = torch.optim.AdamW(options, betas=(0.9, 0.95), weight_decay=1e-4)
        self._average = {
            name: value.detach().clone() for name, value in modules.state_dict().items()
        }
        self._rng = np.random.default_rng(request.seed)
        self._device = next(modules.parameters()).device
        self._bf16 = quick_bf16(self._device)

    def resume(self) -> bool:
        """Go on from this folder's saved state, if it has one."""
        path = self.folder / "training_state.pt"
        if not path.exists():
            (self.folder / "metrics.jsonl").unlink(missing_ok=True)
            return False
        saved = torch.load(path, map_location=self._device, weights_only=False)
        self.modules.load_state_dict(saved["weights"])
        self._average = saved["average"]
        self._optimizer.load_state_dict(saved["optimizer"])
        self.step = saved["step"]
        self._rng.bit_generator.state = saved["rng"]
        torch.set_rng_state(saved["torch_rng"].cpu())
        self._drop_metrics_after(self.step)
        return True

    def save_state(self) -> None:
        """Write everything needed to go on from this step."""
        partial = self.folder / "training_state.partial"
        torch.save(
            {
                "weights": self.modules.state_dict(),
                "average": self._average,
                "optimizer": self._optimizer.state_dict(),
                "step": self.step,
                "rng": self._rng.bit_generator.state,
                "torch_rng": torch.get_rng_state(),
            },
            partial,
        )
        partial.replace(self.folder / "training_state.pt")

    def _drop_metrics_after(self, step: int) -> None:
        path = self.folder / "metrics.jsonl"
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            write_atomically(path, "".join(line + "\n" for line in kept))

    def _learning_rate(self, peak: float) -> float:
        warm = self.request.warmup
        if self.step < warm:
            return peak * (self.step + 1) / warm
        progress = (self.step - warm) / max(self.request.steps - warm, 1)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))

    def run(
        self,
        lesson_at: Callable[[int], Lesson],
        save: Callable[[], None],
        stop: threading.Event,
    ) -> bool:
        """Train to the last step, or until `stop`. Returns whether the last step was reached.

        `lesson_at` says what a step teaches; `save` writes a checkpoint of the network, which
        then holds the averaged weights. Raises `RuntimeError` when the loss is not finite.
        """
        parts: dict[str, list[float]] = {}
        began, since = time.monotonic(), self.step
        saved = -1  # a run that has nothing left to do still leaves a checkpoint
        while self.step < self.request.steps and not stop.is_set():
            for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
                group["lr"] = self._learning_rate(peak)
            losses = self._train_step(lesson_at(self.step))
            for name, value in losses.items():
                parts.setdefault(name, []).append(value)
            self.step += 1
            if self.step % LOG_EVERY == 0 or self.step == self.request.steps:
                self._log(parts, began, since)
                parts = {}
            if self.step % self.request.save_every == 0:
                self._save(save)
                saved = self.step
        if saved != self.step:
            self._save(save)
        return self.step >= self.request.steps

    def _train_step(self, lesson: Lesson) -> dict[str, float]:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
            losses = lesson.losses(self.step, self._rng)
        if not torch.isfinite(losses["loss"]):
            raise RuntimeError(f"The loss is {losses['loss'].item()} at step {self.step}.")
        torch.autograd.backward(losses["loss"])
        nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        decay = min(self.request.ema, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for name, value in self.modules.state_dict().items():
                if value.is_floating_point():
                    self._average[name].lerp_(value, 1 - decay)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _save(self, save: Callable[[], None]) -> None:
        self.save_state()
        raw = {name: value.clone() for name, value in self.modules.state_dict().items()}
        self.modules.load_state_dict(self._average)
        save()
        self.modules.load_state_dict(raw)

    def _log(self, parts: dict[str, list[float]], began: float, since: int) -> None:
        seconds = time.monotonic() - began
        rate = (self.step - since) / seconds
        left = (self.request.steps - self.step) / rate
        line = {
            "step": self.step,
            "steps": self.request.steps,
            **{name: round(float(np.mean(values)), 6) for name, values in parts.items()},
            "lr": self._optimizer.param_groups[-1]["lr"],
            "samples_per_second": round(rate * self.request.batch_size, 2),
            "seconds": round(seconds, 1),
            "seconds_left": round(left, 1),
        }
        with (self.folder / "metrics.jsonl").open("a") as metrics:
            metrics.write(json.dumps(line) + "\n")
        shown = ", ".join(f"{name} {np.mean(values):.4f}" for name, values in parts.items())
        logger.info(
            "step %d/%d  %s  %.1f samples/s  %d min left",
            *(self.step, self.request.steps, shown, line["samples_per_second"], left / 60),
        )


def quick_bf16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are quicker than in float32 on this device."""
    if device.type == "cuda":
        return True
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "avx512_bf16" in flags.read_text()
