"""The outputs of a frozen backbone, computed once for every item and kept in memory."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from policy.data.item import Source
from policy.model.processor import Encoded, Processor
from policy.model.qwen_vla import Context, QwenVLA

BATCH = 128
LARGEST = 8e9
"""Bytes that stored contexts may take."""


class StoredContexts:
    """Looked up by (number of the source, number of the item)."""

    def __init__(
        self,
        model: QwenVLA,
        processor: Processor,
        sources: tuple[Source, ...],
        *,
        device: torch.device,
        bf16: bool,
    ) -> None:
        """Run the backbone over every item. Raises `ValueError` when they would not fit."""
        lengths = [len(source) for source in sources]
        self._first = torch.tensor(np.cumsum([0, *lengths[:-1]]))
        self._device = device
        parts: list[Context] = []
        with (
            torch.inference_mode(),
            torch.autocast(device.type, torch.bfloat16, enabled=bf16),
            tqdm(total=sum(lengths), desc="hidden states", unit="sample") as bar,
        ):
            for source in sources:
                for start in range(0, len(source), BATCH):
                    stop = min(start + BATCH, len(source))
                    rows = [_encode(source, i, processor) for i in range(start, stop)]
                    parts.append(_small(model.see(processor.collate(rows)[0].to(device))))
                    _check_size(parts[0], sum(lengths))
                    bar.update(stop - start)
        longest = max(part.hidden.shape[1] for part in parts)
        padded = [_pad(part, longest) for part in parts]
        self._hidden = torch.cat([part.hidden for part in padded])
        self._positions = torch.cat([part.positions for part in padded], dim=1)
        self._mask = torch.cat([part.attention_mask for part in padded])
        told = [part.pointed for part in padded if part.pointed is not None]
        self._pointed = torch.cat(told) if told else None

    def of(self, keys: Tensor) -> Context:
        """What was computed for `keys` (B, 2)."""
        picked = self._first[keys[:, 0].cpu()] + keys[:, 1].cpu()
        mask = self._mask[picked].long()
        longest = int(mask.sum(dim=1).max())
        return Context(
            self._hidden[picked, :longest].to(self._device).float(),
            self._positions[:, picked, :longest].to(self._device).long(),
            mask[:, :longest].to(self._device),
            None if self._pointed is None else self._pointed[picked].to(self._device),
        )


def _encode(source: Source, index: int, processor: Processor) -> Encoded:
    item = source.item(index, np.random.default_rng([0, index]))
    return processor.encode(item.prompt, item.pictures, item.answer)


def _small(context: Context) -> Context:
    return Context(
        context.hidden.to(torch.bfloat16).cpu(),
        context.positions.to(torch.int16).cpu(),
        context.attention_mask.to(torch.int8).cpu(),
        None if context.pointed is None else context.pointed.cpu(),
    )


def _pad(context: Context, length: int) -> Context:
    more = length - context.hidden.shape[1]
    return Context(
        functional.pad(context.hidden, (0, 0, 0, more)),
        functional.pad(context.positions, (0, more)),
        functional.pad(context.attention_mask, (0, more)),
        context.pointed,
    )


def _check_size(part: Context, count: int) -> None:
    needed = part.hidden[0].numel() * 2 * count
    if needed > LARGEST:
        raise ValueError(
            f"Keeping the frozen backbone's output of {count} samples takes {needed / 1e9:.0f} GB. "
            'Use "freeze": ["vision", "language"] instead of "freeze_backbone".'
        )
