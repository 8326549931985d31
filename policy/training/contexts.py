"""Where a training sample's backbone output comes from: computed each time, or once and kept."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from policy.data.samples import Samples
from policy.model.processor import Processor
from policy.model.qwen_vla import Context, QwenVLA


@runtime_checkable
class Contexts(Protocol):
    """Gives the backbone's output for rows of the samples."""

    def of(self, rows: np.ndarray, rng: np.random.Generator) -> Context:
        """`rows` (B,) are row numbers."""


def jitter(pictures: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Change brightness and contrast of each sample a little; pixels stay where they are."""
    changed = {}
    for name, batch in pictures.items():
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (len(batch), 1, 1, 1)).astype(np.float32))
        shift = torch.from_numpy(rng.uniform(-15, 15, (len(batch), 1, 1, 1)).astype(np.float32))
        changed[name] = (batch.float() * gain + shift).clamp(0, 255)
    return changed


class LiveContexts:
    """Runs the backbone on every batch, with gradients and picture augmentation."""

    def __init__(
        self, model: QwenVLA, processor: Processor, samples: Samples, prompts: list[str]
    ) -> None:
        self._model, self._processor = model, processor
        self._samples, self._prompts = samples, prompts

    def of(self, rows: np.ndarray, rng: np.random.Generator | None) -> Context:
        """Without `rng`, pictures are not augmented."""
        pictures = {
            name: torch.from_numpy(np.ascontiguousarray(frames[rows]))
            for name, frames in self._samples.pictures.items()
        }
        if rng is not None:
            pictures = jitter(pictures, rng)
        prompts = [self._prompts[self._samples.episode_of[row]] for row in rows]
        inputs = self._processor(prompts, pictures)
        return self._model.see(inputs.to(next(self._model.parameters()).device))


class StoredContexts:
    """The outputs of a frozen backbone, computed once for every row and kept in memory."""

    def __init__(
        self,
        live: LiveContexts,
        count: int,
        *,
        device: torch.device,
        bf16: bool,
        batch: int = 128,
    ) -> None:
        parts = []
        self._device = device
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            for start in tqdm(range(0, count, batch), desc="hidden states", unit="batch"):
                context = live.of(np.arange(start, min(start + batch, count)), None)
                parts.append(
                    (
                        context.hidden.to(torch.bfloat16).cpu(),
                        context.positions.to(torch.int16).cpu(),
                        context.attention_mask.to(torch.int8).cpu(),
                    )
                )
        longest = max(hidden.shape[1] for hidden, _, _ in parts)
        padded = [
            (
                functional.pad(hidden, (0, 0, 0, longest - hidden.shape[1])),
                functional.pad(positions, (0, longest - positions.shape[2])),
                functional.pad(mask, (0, longest - mask.shape[1])),
            )
            for hidden, positions, mask in parts
        ]
        self._hidden = torch.cat([hidden for hidden, _, _ in padded])
        self._positions = torch.cat([positions for _, positions, _ in padded], dim=1)
        self._mask = torch.cat([mask for _, _, mask in padded])

    def of(self, rows: np.ndarray, rng: np.random.Generator) -> Context:  # noqa: ARG002 - kept
        """What was computed for these rows."""
        picked = torch.from_numpy(rows)
        return Context(
            self._hidden[picked].to(self._device).float(),
            self._positions[:, picked].to(self._device).long(),
            self._mask[picked].to(self._device).long(),
        )
