"""Items put together as the network takes them: one backbone pass, whatever kinds there are."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from policy.data.item import Item, Place
from policy.model.action_space import pad
from policy.model.config import QwenVLAConfig, TimeLaw
from policy.model.flow import draw_times
from policy.model.processor import Inputs, Processor


@dataclass(frozen=True, slots=True)
class ActionTargets:
    """What b of a batch's rows should do; H rows of K channels, D noise draws."""

    rows: Tensor
    """(b,) which rows of the batch."""
    state: Tensor
    """(b, K)."""
    actions: Tensor
    """(b, H, K)."""
    mask: Tensor
    """(b, H, K), 1 where a number is real."""
    noise: Tensor
    """(b, D, H, K)."""
    tau: Tensor
    """(b, D) flow times."""
    prefix: Tensor
    """(b, D) int64: leading rows that are given clean, as already committed; 0 for none."""


@dataclass(frozen=True, slots=True)
class PlaceTargets:
    """Where things are in b of a batch's rows; see `Place`."""

    rows: Tensor
    cells: Tensor
    """(b, image tokens), as many as the row that says most of has; -100 where nothing is said."""
    cell: Tensor
    """(b,)."""
    centre: Tensor
    """(b, 2)."""
    arm: Tensor
    """(b,)."""
    middles: Tensor
    """(b, image tokens, 2); 0 where nothing is said."""
    first: int


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows of any kinds."""

    inputs: Inputs | None
    """None when the backbone's output is looked up by `keys` instead."""
    keys: Tensor
    """(B, 2) int64: number of the source, number of the item in it."""
    kinds: tuple[str, ...]
    """Of each row."""
    weight: Tensor
    """(B,): summed over a kind's rows in every shard of a step, and divided by the number of
    shards, 1. So a weighted sum is that kind's mean over the step, however it is cut up."""
    actions: ActionTargets | None
    labels: Tensor | None
    """(B, L) int64, -100 where nothing is to be predicted; None without questions."""
    places: PlaceTargets | None

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor."""
        return moved(self, device)


T = TypeVar("T")


def moved(value: T, device: torch.device) -> T:
    """`value` on `device`: a tensor, or a dataclass with all that is in it; else as it is."""
    if isinstance(value, Tensor):
        return cast("T", value.to(device, non_blocking=True))
    if is_dataclass(value) and not isinstance(value, type):
        inside = {f.name: moved(getattr(value, f.name), device) for f in fields(value)}
        return replace(value, **inside)
    return value


@dataclass(frozen=True, slots=True)
class Draws:
    """How flow noise is drawn for each sample."""

    law: TimeLaw
    count: int = 2
    """Noise draws of a sample from one backbone pass."""
    longest_prefix: int = 0
    """Most rows given clean, as if committed already (training-time real-time chunking)."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An item with the noise that was drawn for it."""

    item: Item
    noise: np.ndarray
    """(D, H, K) float32; H is 0 without actions."""
    tau: np.ndarray
    """(D,) float32."""
    prefix: np.ndarray
    """(D,) int64."""


def draw(item: Item, draws: Draws, config: QwenVLAConfig, rng: np.random.Generator) -> Drawn:
    """Draw the flow noise of an item, as many rows as it has actions."""
    if item.actions is None:
        empty = np.zeros((draws.count, 0, config.channels), np.float32)
        return Drawn(item, empty, np.zeros(draws.count, np.float32), np.zeros(draws.count, int))
    rows = len(item.actions)
    shape = (draws.count, rows, config.channels)
    longest = min(draws.longest_prefix, rows - 1) if item.kind == "actions" else 0
    return Drawn(
        item,
        rng.standard_normal(shape, np.float32),
        draw_times(draws.law, draws.count, rng),
        rng.integers(0, longest + 1, draws.count),
    )


def collate(
    drawn: Sequence[Drawn], keys: np.ndarray, weight: np.ndarray, processor: Processor, *, see: bool
) -> Batch:
    """Put items together. Without `see`, pictures and words are left out."""
    items = [d.item for d in drawn]
    inputs, labels = None, None
    if see:
        rows = [processor.encode(i.prompt, i.pictures, i.answer) for i in items]
        inputs, labels = processor.collate(rows)
    acting = [n for n, item in enumerate(items) if item.actions is not None]
    placed = [n for n, item in enumerate(items) if item.place is not None]
    asked = any(item.answer is not None for item in items)
    return Batch(
        inputs,
        torch.from_numpy(keys),
        tuple(item.kind for item in items),
        torch.from_numpy(weight.astype(np.float32)),
        _actions([drawn[n] for n in acting], acting, processor.config) if acting else None,
        labels if asked else None,
        place_targets([items[n].place for n in placed], placed) if placed else None,
    )


def _actions(drawn: list[Drawn], rows: list[int], config: QwenVLAConfig) -> ActionTargets:
    horizon = max(d.noise.shape[1] for d in drawn)
    padded = []
    noise = np.zeros((len(drawn), len(drawn[0].tau), horizon, config.channels), np.float32)
    state = np.zeros((len(drawn), config.channels), np.float32)
    for n, d in enumerate(drawn):
        actions = d.item.actions
        if actions is None:
            raise ValueError("An item without actions has no action targets.")
        padded.append(pad(actions, horizon=horizon, channels=config.channels))
        noise[n, :, : d.noise.shape[1]] = d.noise
        if d.item.state is not None and config.state == "decoder":
            state[n] = pad(d.item.state[None], horizon=1, channels=config.channels)[0][0]
    return ActionTargets(
        torch.tensor(rows),
        torch.from_numpy(state),
        torch.from_numpy(np.stack([actions for actions, _ in padded])),
        torch.from_numpy(np.stack([mask for _, mask in padded])),
        torch.from_numpy(noise),
        torch.from_numpy(np.stack([d.tau for d in drawn])),
        torch.from_numpy(np.stack([d.prefix for d in drawn])),
    )


def place_targets(places: Sequence[Place | None], rows: list[int]) -> PlaceTargets:
    """Put the places of `rows` of a batch together."""
    known = [place for place in places if place is not None]
    longest = max(len(place.cells) for place in known)
    return PlaceTargets(
        torch.tensor(rows),
        torch.from_numpy(np.stack([_filled(p.cells, longest) for p in known])),
        torch.tensor([p.cell for p in known]),
        torch.from_numpy(np.stack([p.centre for p in known])),
        torch.tensor([p.arm for p in known]),
        torch.from_numpy(np.stack([_filled(p.middles, longest, 0.0) for p in known])),
        known[0].first,
    )


def _filled(rows: np.ndarray, length: int, value: float = -100) -> np.ndarray:
    missing = [(0, length - len(rows))] + [(0, 0)] * (rows.ndim - 1)
    return np.pad(rows, missing, constant_values=value)
