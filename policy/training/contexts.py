"""The outputs of a frozen backbone, computed once for every item and kept in files of the job.

One file a source, mapped and not read: processes of one machine share it, and it may be larger than
memory. It is named by what it was made of, so that a job that goes on finds it again.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from policy.data.batch import place_targets
from policy.data.demonstrations import Demonstrations
from policy.data.item import Item, Source
from policy.model.processor import Processor
from policy.model.qwen_vla import Context, QwenVLA

FORMAT = 2
"""Of the files; raised when they would be read otherwise."""

WRONG = 0.03
"""Share of the picture's sides by which a pointed place may be off: some 2 cm on a table."""

BATCH = 128
SPARE = 2e9
"""Bytes that stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Of one source, T tokens in all."""

    hidden: np.ndarray
    """(T, hidden) bfloat16 as int16, mapped."""
    positions: np.ndarray
    """(T, 3) int16."""
    ends: np.ndarray
    """(items,) int64: where each item's tokens end."""
    pointed: np.ndarray
    """(items, POINTED) float32; none of a network without a pointer."""

    def span(self, item: int) -> slice:
        """The tokens of an item."""
        return slice(int(self.ends[item - 1]) if item else 0, int(self.ends[item]))


class StoredContexts:
    """Looked up by (number of the source, number of the item)."""

    def __init__(self, stored: tuple[Stored, ...], device: torch.device) -> None:
        self._stored, self._device = stored, device

    def of(self, keys: Tensor) -> Context:
        """What was computed for `keys` (B, 2)."""
        picked = [(self._stored[source], item) for source, item in keys.tolist()]
        hidden = [torch.from_numpy(s.hidden[s.span(n)].copy()) for s, n in picked]
        positions = [torch.from_numpy(s.positions[s.span(n)].astype(np.int64)) for s, n in picked]
        mask = [torch.ones(len(each), dtype=torch.long) for each in hidden]
        pointed = [torch.from_numpy(s.pointed[n]) for s, n in picked if len(s.pointed)]
        padded = pad_sequence(hidden, batch_first=True).view(torch.bfloat16)
        return Context(
            padded.to(self._device).float(),
            pad_sequence(positions, batch_first=True).permute(2, 0, 1).to(self._device),
            pad_sequence(mask, batch_first=True).to(self._device),
            torch.stack(pointed).to(self._device) if pointed else None,
        )


class ContextStore:
    """Where the contexts of a network and of sources that do not vary are kept."""

    def __init__(
        self,
        model: QwenVLA,
        processor: Processor,
        folder: Path,
        *,
        device: torch.device,
        bf16: bool,
    ) -> None:
        self._model, self._processor, self._folder = model, processor, folder
        self._device, self._bf16 = device, bf16
        digest = hashlib.blake2b(repr((FORMAT, bf16)).encode(), digest_size=8)
        looked = [model.backbone] if model.pointer is None else [model.backbone, model.pointer]
        for part in looked:
            for name, weight in part.state_dict().items():
                digest.update(name.encode())
                digest.update(weight.cpu().contiguous().view(torch.uint8).numpy().tobytes())
        self._weights = digest.hexdigest()

    def compute(
        self, sources: tuple[Source, ...], stop: threading.Event, *, share: int = 0, shares: int = 1
    ) -> None:
        """Run the backbone over every `shares`-th source from number `share` on, unless known.

        Raises `ValueError` when the disk has no room. When stopped, whole sources stay.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        needed = {self._path(source).name for source in sources}
        for path in self._folder.iterdir() if share == 0 else ():
            if path.stem.removesuffix(".partial") not in {name.split(".")[0] for name in needed}:
                path.unlink()
        with (
            torch.inference_mode(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16),
        ):
            for source in sources[share::shares]:
                if not stop.is_set() and not self._path(source).exists():
                    self._store(source, stop)

    def load(self, sources: tuple[Source, ...]) -> StoredContexts | None:
        """What was computed of `sources`; None where that was stopped."""
        paths = [self._path(source) for source in sources]
        if not all(path.exists() for path in paths):
            return None
        return StoredContexts(tuple(self._load(path) for path in paths), self._device)

    def forget(self) -> None:
        """Remove every file: gigabytes that nobody needs once the job is done."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, source: Source) -> Path:
        if not isinstance(source, Demonstrations):
            raise TypeError(f"Contexts are kept of demonstrations, not of {source.name!r}.")
        return self._folder / f"{self._weights}-{source.fingerprint}.npz"

    def _load(self, path: Path) -> Stored:
        with np.load(path) as index:
            ends, positions, pointed = (index[n] for n in ("ends", "positions", "pointed"))
        width = int(self._model.backbone.config.text_config.hidden_size)
        shape = (int(ends[-1]), width)
        hidden = np.memmap(path.with_suffix(".bf16"), np.int16, "r", shape=shape)
        return Stored(hidden, positions, ends, pointed)

    def _store(self, source: Source, stop: threading.Event) -> None:
        """Write hidden states and, once they are whole, where each item's are."""
        index = self._path(source)
        partial, whole = index.with_suffix(".partial"), index.with_suffix(".partial.npz")
        try:
            with partial.open("wb") as file:
                described = self._write(source, file.write, stop)
            if described is None:
                return
            partial.replace(index.with_suffix(".bf16"))
            np.savez(
                whole,
                ends=described["ends"],
                positions=described["positions"],
                pointed=described["pointed"],
            )
            whole.replace(index)
        finally:
            partial.unlink(missing_ok=True)
            whole.unlink(missing_ok=True)

    def _write(
        self, source: Source, write: Callable[[bytes], object], stop: threading.Event
    ) -> dict[str, np.ndarray] | None:
        """Give `write` the hidden states; what else is to be kept, or None when stopped."""
        lengths: list[int] = []
        positions, pointed = [], []
        with tqdm(total=len(source), desc=f"hidden states of {source.name}", unit="row") as bar:
            for start in range(0, len(source), BATCH):
                if stop.is_set():
                    return None
                stop_row = min(start + BATCH, len(source))
                items = [_item(source, number) for number in range(start, stop_row)]
                rows = [self._processor.encode(i.prompt, i.pictures, i.answer) for i in items]
                seen = self._model.see(self._processor.collate(rows)[0].to(self._device))
                real = seen.attention_mask.bool().cpu()
                hidden = seen.hidden.to(torch.bfloat16).cpu()[real]
                if not start:
                    self._check_room(hidden.numel() * 2 / len(rows) * len(source), source)
                write(hidden.view(torch.int16).numpy().tobytes())
                positions.append(seen.positions.to(torch.int16).cpu().permute(1, 2, 0)[real])
                lengths += real.sum(dim=1).tolist()
                if seen.pointed is not None:
                    pointed.append(_told(seen.pointed.float().cpu(), items))
                bar.update(len(rows))
        return {
            "ends": np.cumsum(lengths),
            "positions": torch.cat(positions).numpy(),
            "pointed": torch.cat(pointed).numpy() if pointed else np.zeros((0, 0), np.float32),
        }

    def _check_room(self, needed: float, source: Source) -> None:
        free = shutil.disk_usage(self._folder).free
        if needed + SPARE > free:
            raise ValueError(
                f"Keeping the frozen backbone's output of {len(source)} rows of {source.name} "
                f"takes {needed / 1e9:.1f} GB. {self._folder} has {free / 1e9:.1f} GB free, of "
                f"which {SPARE / 1e9:.0f} GB stay so. Make room, or use "
                '"freeze": ["vision", "language"] instead of "freeze_backbone".'
            )


def _item(source: Source, number: int) -> Item:
    return source.item(number, np.random.default_rng([0, number]))


def _told(pointed: Tensor, items: Sequence[Item]) -> Tensor:
    """What a decoder is told of `items`: the truth where it comes with them."""
    known = [n for n, item in enumerate(items) if item.place is not None]
    if not known:
        return pointed
    targets = place_targets([items[n].place for n in known], known)
    right = corrected(pointed[known], targets.cell, targets.centre, targets.arm)
    return pointed.index_copy(0, targets.rows, right)


def corrected(pointed: Tensor, cell: Tensor, centre: Tensor, arm: Tensor) -> Tensor:
    """Return `pointed` (B, POINTED) with the known place and arm where it is wrong about either.

    `cell` (B,) is negative and `arm` (B,) too where nothing is known; `centre` (B, 2) in 0..1. A
    place that is `WRONG` off or less stays, so that a decoder meets such errors too.
    """
    place, arms = pointed[:, :2], pointed[:, 2:4]
    truth = (2 * centre - 1).to(pointed.dtype)
    off = torch.linalg.vector_norm(place - truth, dim=1) > 2 * WRONG
    known = cell >= 0
    place = torch.where((known & off)[:, None], truth, place)
    right = functional.one_hot(arm.clamp(min=0), arms.shape[1]).to(pointed.dtype)
    other = known & (arm >= 0) & (arms.argmax(dim=1) != arm)
    arms = torch.where(other[:, None], right, arms)
    return torch.cat([place, arms, pointed[:, 4:]], dim=1)
