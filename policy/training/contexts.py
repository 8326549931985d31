"""The outputs of a frozen backbone, computed once for every item and kept in a file beside the job.

The file is mapped, not read: processes of one machine share it, and it may be larger than memory.
"""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from policy.data.item import Source
from policy.model.processor import Encoded, Processor
from policy.model.qwen_vla import Context, QwenVLA

BATCH = 128
SPARE = 2e9
"""Bytes that stay free on the disk."""


class StoredContexts:
    """Looked up by (number of the source, number of the item)."""

    def __init__(
        self,
        model: QwenVLA,
        processor: Processor,
        sources: tuple[Source, ...],
        *,
        folder: Path,
        device: torch.device,
        bf16: bool,
    ) -> None:
        """Run the backbone over every item, or find in `folder` what was computed before.

        Raises `ValueError` when the disk has no room for it.
        """
        lengths = [len(source) for source in sources]
        self._first = torch.tensor(np.cumsum([0, *lengths[:-1]]))
        self._device = device
        name = _name(model, processor, sources)
        self._path, index = folder / f"{name}.bf16", folder / f"{name}.npz"
        if not index.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _forget_others(folder)
            with (
                torch.inference_mode(),
                torch.autocast(device.type, torch.bfloat16, enabled=bf16),
            ):
                _store(model, processor, sources, self._path, index, device)
        with np.load(index) as stored:
            self._ends, self._positions = stored["ends"], stored["positions"]
            self._pointed = torch.from_numpy(stored["pointed"])
        width = int(model.backbone.config.text_config.hidden_size)
        tokens = int(self._ends[-1])
        self._hidden = np.memmap(self._path, np.int16, "r", shape=(tokens, width))

    def of(self, keys: Tensor) -> Context:
        """What was computed for `keys` (B, 2)."""
        picked = (self._first[keys[:, 0].cpu()] + keys[:, 1].cpu()).numpy()
        spans = [slice(self._ends[n - 1] if n else 0, self._ends[n]) for n in picked]
        hidden = [torch.from_numpy(self._hidden[span].copy()) for span in spans]
        positions = [torch.from_numpy(self._positions[span].astype(np.int64)) for span in spans]
        mask = [torch.ones(len(each), dtype=torch.long) for each in hidden]
        padded = pad_sequence(hidden, batch_first=True).view(torch.bfloat16)
        return Context(
            padded.to(self._device).float(),
            pad_sequence(positions, batch_first=True).permute(2, 0, 1).to(self._device),
            pad_sequence(mask, batch_first=True).to(self._device),
            self._pointed[torch.from_numpy(picked)].to(self._device)
            if len(self._pointed)
            else None,
        )


def _store(
    model: QwenVLA,
    processor: Processor,
    sources: tuple[Source, ...],
    path: Path,
    index: Path,
    device: torch.device,
) -> None:
    """Write every item's hidden states to `path` and, once whole, to `index` where each one is."""
    total = sum(map(len, sources))
    lengths: list[int] = []
    positions, pointed = [], []
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file, tqdm(total=total, desc="hidden states", unit="sample") as bar:
        for source in sources:
            for start in range(0, len(source), BATCH):
                stop = min(start + BATCH, len(source))
                rows = [_encode(source, i, processor) for i in range(start, stop)]
                seen = model.see(processor.collate(rows)[0].to(device))
                real = seen.attention_mask.bool().cpu()
                hidden = seen.hidden.to(torch.bfloat16).cpu()[real]
                if not lengths:
                    _check_room(hidden.numel() * 2 / len(rows) * total, total, path.parent)
                file.write(hidden.view(torch.int16).numpy().tobytes())
                positions.append(seen.positions.to(torch.int16).cpu().permute(1, 2, 0)[real])
                lengths += real.sum(dim=1).tolist()
                if seen.pointed is not None:
                    pointed.append(seen.pointed.float().cpu())
                bar.update(len(rows))
    partial.replace(path)
    told = torch.cat(pointed).numpy() if pointed else np.zeros((0, 0), np.float32)
    whole = index.with_suffix(".partial.npz")
    np.savez(whole, ends=np.cumsum(lengths), positions=torch.cat(positions).numpy(), pointed=told)
    whole.replace(index)


def _encode(source: Source, index: int, processor: Processor) -> Encoded:
    item = source.item(index, np.random.default_rng([0, index]))
    return processor.encode(item.prompt, item.pictures, item.answer)


def _name(model: QwenVLA, processor: Processor, sources: tuple[Source, ...]) -> str:
    """Says which backbone looked at what: its weights, and some items of each source."""
    digest = hashlib.blake2b(digest_size=8)
    looked = [model.backbone] if model.pointer is None else [model.backbone, model.pointer]
    for part in looked:
        for name, weight in part.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    for source in sources:
        digest.update(f"{source.name} {len(source)}".encode())
        for index in sorted({0, len(source) // 2, len(source) - 1}):
            inputs = processor.collate([_encode(source, index, processor)])[0]
            digest.update(inputs.input_ids.numpy().tobytes())
            if inputs.pixel_values is not None:
                digest.update(inputs.pixel_values.numpy().tobytes())
    return f"contexts-{digest.hexdigest()}"


def _forget_others(folder: Path) -> None:
    for stale in folder.glob("contexts-*"):
        stale.unlink()


def _check_room(needed: float, count: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise ValueError(
            f"Keeping the frozen backbone's output of {count} samples takes {needed / 1e9:.0f} GB. "
            f"{folder} has {free / 1e9:.0f} GB free, of which {SPARE / 1e9:.0f} GB stay so. Make "
            'room, or use "freeze": ["vision", "language"] instead of "freeze_backbone".'
        )
