"""The training loop: steps, schedule, averaged weights, metrics, and a state to resume from.

On one processor, one GPU, or many (Accelerate: DDP or FSDP2, as the launcher says).
"""

import json
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol, runtime_checkable

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from policy.text_file import write_atomically
from policy.training.average import Average
from policy.training.metrics import Metrics
from policy.training.optimizers import make_optimizers
from policy.training.request import TrainRequest

logger = logging.getLogger(__name__)

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)


@runtime_checkable
class Movable(Protocol):
    """What a learner is given at a time: tensors on some device."""

    def to(self, device: torch.device) -> "Movable":
        """Move every tensor."""


@runtime_checkable
class Passes(Protocol):
    """Gives what each step learns from."""

    waited: float
    """Seconds spent waiting for it so far."""

    def steps(self, start: int, stop: int) -> Iterator[Sequence[Movable]]:
        """The passes of every step in [start, stop)."""


UNREADABLE = (
    *(OSError, EOFError, UnpicklingError, RuntimeError, ValueError),
    *(LookupError, TypeError, AttributeError),
)
"""What torch raises for a torn file, or one of another network."""


class DivergedError(RuntimeError):
    """The loss or its gradient is no number any more."""


class Trainer:
    """Makes a learner learn, in a job folder.

    `groups` are named optimiser groups with their peak learning rates. Everything needed to go on
    from a step is in `training_state.pt`: as each batch is a function of its step, going on gives
    the same weights as not having stopped.
    """

    def __init__(
        self,
        request: TrainRequest,
        folder: Path,
        learner: nn.Module,
        groups: dict[str, tuple[list[nn.Parameter], float]],
        accelerator: Accelerator,
    ) -> None:
        self.request, self.folder, self.step = request, folder, 0
        self._accelerator = accelerator
        self._rates = {name: peak for name, (own, peak) in groups.items() if own}
        optimizers, self._peaks = make_optimizers(learner, groups, request)
        self._learner: nn.Module
        self._learner, *self._optimizers = accelerator.prepare(learner, *optimizers)
        self._average = Average(self.parameters, request.ema)
        self._bf16 = quick_bf16(accelerator.device)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""
        return [p for p in self._learner.parameters() if p.requires_grad]

    @property
    def learner(self) -> nn.Module:
        """As wrapped for this launch."""
        return self._learner

    def resume(self) -> bool:
        """Go on from this folder's saved state, if it has one."""
        path = self.folder / "training_state.pt"
        if not path.exists():
            if self._accelerator.is_main_process:
                (self.folder / "metrics.jsonl").unlink(missing_ok=True)
            return False
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            self._restore(saved)
        except UNREADABLE as error:
            raise ValueError(
                f"{path} is torn, or of another request ({str(error)[:200]}). Undo the change of "
                "request.json, or remove the file to begin again from step 0."
            ) from error
        self.step = saved["step"]
        if self._accelerator.is_main_process:
            self._drop_metrics_after(self.step)
        return True

    def _restore(self, saved: dict[str, Any]) -> None:
        """Take up weights, average and optimiser from what `save_state` wrote."""
        some = StateDictOptions(full_state_dict=True, strict=False)
        average = saved["weights"] if saved["average"] is None else saved["average"]
        set_model_state_dict(self._learner, average, options=some)
        self._average.take()
        set_model_state_dict(self._learner, saved["weights"], options=some)
        # Not strict: what no batch has reached yet, as a decoder without actions, has no state.
        lenient = replace(WHOLE, strict=False)
        set_optimizer_state_dict(
            self._learner, self._bare_optimizers, saved["optimizer"], options=lenient
        )

    def save_state(self) -> None:
        """Write everything needed to go on from this step."""
        weights = self.weights()
        optimizer = get_optimizer_state_dict(self._learner, self._bare_optimizers, options=WHOLE)
        with self._average.instead():
            # Copies: on a processor what is gathered is the weights, which are put back below.
            average = {n: v.clone() for n, v in self.weights().items()}
        if not self._accelerator.is_main_process:
            return
        state = {
            "weights": weights,
            "average": average if self._average.decay else None,
            "optimizer": optimizer,
            "step": self.step,
        }
        partial = self.folder / "training_state.partial"
        torch.save(state, partial)
        partial.replace(self.folder / "training_state.pt")

    def weights(self, *, whole: bool = False) -> dict[str, Tensor]:
        """The trained weights as they are now, or with `whole` all, gathered from every process."""
        options = StateDictOptions(full_state_dict=True, cpu_offload=True) if whole else WHOLE
        gathered = get_model_state_dict(self._learner, options=options)
        return {name: value for name, value in gathered.items() if isinstance(value, Tensor)}

    def _drop_metrics_after(self, step: int) -> None:
        path = self.folder / "metrics.jsonl"
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            write_atomically(path, "".join(line + "\n" for line in kept))

    def _schedule(self) -> float:
        """The share of the peak learning rates that this step has."""
        warm = self.request.warmup
        if self.step < warm:
            return (self.step + 1) / warm
        progress = (self.step - warm) / max(self.request.steps - warm, 1)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    def run(self, passes: Passes, save: Callable[[], None], stop: threading.Event) -> bool:
        """Train to the last step, or until `stop`. Returns whether the last step was reached.

        `save` writes a checkpoint; while it runs the network holds the averaged weights. Whatever
        ends a training early is raised after what was learnt before it is saved; a loss or a
        gradient that is no number is a `DivergedError`, and is never taken into the weights.
        """
        metrics = Metrics(self.folder, self.request, self.step) if self.is_main else None
        saved = -1  # a run that has nothing left to do still leaves a checkpoint
        try:
            for step in passes.steps(self.step, self.request.steps):
                if self._stopped(stop):
                    break
                rates = {f"lr_{name}": rate for name, rate in self.learning_rates.items()}
                losses = self._train_step(step)
                self.step += 1
                if metrics is not None:
                    metrics.add(self.step, losses, rates, passes.waited)
                if self.step % self.request.save_every == 0:
                    self._save(save)
                    saved = self.step
        except Exception as error:
            self._forget_gradients()
            # Of several processes, only one may have met an error; saving takes all of them.
            together = isinstance(error, DivergedError) or self._accelerator.num_processes == 1
            if saved != self.step and self.step > 0 and together:
                self._save(save)
            raise
        if saved != self.step:
            self._save(save)
        return self.step >= self.request.steps

    def _stopped(self, stop: threading.Event) -> bool:
        """Whether any process was told to stop; all leave at the same step."""
        if self._accelerator.num_processes == 1:
            return stop.is_set()
        told = torch.tensor(float(stop.is_set()), device=self._accelerator.device)
        return bool(self._accelerator.reduce(told, "sum") > 0)

    def _train_step(self, step: Sequence[Movable]) -> dict[str, float]:
        every = [group for each in self._optimizers for group in each.param_groups]
        for group, peak in zip(every, self._peaks, strict=True):
            group["lr"] = peak * self._schedule()
        device = self._accelerator.device
        parts: dict[str, Tensor] = {}
        for number, batch in enumerate(step):
            last = number == len(step) - 1
            with self._accelerator.no_sync(self._learner) if not last else nullcontext():
                with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
                    losses = self._learner(batch.to(device))
                self._accelerator.backward(losses["loss"] / len(step))
            for name, value in losses.items():
                parts[name] = parts.get(name, 0) + value.detach() / len(step)
        means = self._means(parts)
        means["gradient"] = self._clip()
        for name in ("loss", "gradient"):
            if not math.isfinite(means[name]):
                raise DivergedError(
                    f"The {name} is {means[name]} at step {self.step}. Lower the learning rate, or "
                    "look at the data with recordings.check. What was learnt before is saved."
                )
        for optimizer in self._optimizers:
            optimizer.step()
        self._forget_gradients()
        self._average.update(self.step)
        return means

    def _forget_gradients(self) -> None:
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)

    @property
    def _bare_optimizers(self) -> list[torch.optim.Optimizer]:
        return [optimizer.optimizer for optimizer in self._optimizers]

    def _means(self, parts: dict[str, Tensor]) -> dict[str, float]:
        joined = torch.stack([value.float() for value in parts.values()])
        if self._accelerator.num_processes > 1:
            joined = self._accelerator.reduce(joined, "mean")
        return dict(zip(parts, joined.tolist(), strict=True))

    def _clip(self) -> float:
        norm = self._accelerator.clip_grad_norm_(self._learner.parameters(), self.request.clip)
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    def _save(self, save: Callable[[], None]) -> None:
        self.save_state()
        with self._average.instead():
            save()

    @property
    def learning_rates(self) -> dict[str, float]:
        """Of each group, at this step."""
        return {name: peak * self._schedule() for name, peak in self._rates.items()}

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""
        return bool(self._accelerator.is_main_process)


def quick_bf16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are quicker than in float32 on this device."""
    if device.type == "cuda":
        return True
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "avx512_bf16" in flags.read_text()
