"""Decisions put together as PPO learns from them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from policy.model.processor import Inputs, Processor
from policy.model.qwen_vla import Context
from policy.training.rl.explorer import Decision, active_channels, padded_state


@dataclass(frozen=True, slots=True)
class Scores:
    """What the network said of N decisions before it learnt from them, and how they turned out."""

    log_probability: Tensor
    """(N,)."""
    value: Tensor
    """(N,), expected of the situation."""
    advantage: Tensor
    """(N,), normalised over the round."""
    target: Tensor
    """(N,), what the value should have been."""

    def take(self, rows: Tensor) -> "Scores":
        """Only the decisions `rows`, in that order."""
        return Scores(*(getattr(self, name)[rows] for name in self.__slots__))

    def to(self, device: torch.device) -> "Scores":
        """Move every tensor."""
        return Scores(*(getattr(self, name).to(device) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Experience:
    """B decisions. Just made, they have no scores; of a frozen backbone, contexts stay known."""

    inputs: Inputs | None
    context: Context | None
    """One of the two is given."""
    state: Tensor
    """(B, K)."""
    before: Tensor
    """(B, H, K) noisy actions before the step whose likelihood counts."""
    after: Tensor
    """(B, H, K)."""
    step: Tensor
    """(B,) int64, the number of that step."""
    mask: Tensor
    """(B, H, K), 1 for channels that the body has in rows that moved it."""
    channels: Tensor
    """(K,), 1 for channels that the body has."""
    scores: Scores | None = None
    success: Tensor | None = None
    """() share of the round's episodes that succeeded, for the log."""

    def to(self, device: torch.device) -> "Experience":
        """Move every tensor."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "context"}
        here = {name: part.to(device) for name, part in given.items() if part is not None}
        return replace(self, **here, context=self.context and moved(self.context, device))


def moved(context: Context, device: torch.device) -> Context:
    """The same context on `device`."""
    return Context(
        context.hidden.to(device),
        context.positions.to(device),
        context.attention_mask.to(device),
        None if context.pointed is None else context.pointed.to(device),
    )


def collate(
    decisions: Sequence[Decision],
    processor: Processor,
    context: Context | None = None,
) -> Experience:
    """Put decisions together, with their `context` (B rows) if that is known."""
    config = processor.config
    inputs = None
    if context is None:
        rows = [processor.encode(d.item.prompt, d.item.pictures) for d in decisions]
        inputs, _ = processor.collate(rows)
    channels = active_channels(decisions[0].width, config.channels)
    played = torch.tensor([d.rows for d in decisions])
    moved = torch.arange(config.horizon) < played[:, None]
    return Experience(
        inputs,
        context,
        torch.stack([padded_state(d.item, config.channels) for d in decisions]),
        torch.from_numpy(np.stack([d.before for d in decisions])),
        torch.from_numpy(np.stack([d.after for d in decisions])),
        torch.tensor([d.step for d in decisions]),
        moved[..., None] * channels,
        channels,
    )


def join(contexts: Sequence[Context]) -> Context:
    """Contexts of several batches as one, right-padded to the longest."""
    longest = max(context.hidden.shape[1] for context in contexts)
    hidden, positions, masks = [], [], []
    for context in contexts:
        more = longest - context.hidden.shape[1]
        hidden.append(functional.pad(context.hidden, (0, 0, 0, more)))
        positions.append(functional.pad(context.positions, (0, more)))
        masks.append(functional.pad(context.attention_mask, (0, more)))
    told = [context.pointed for context in contexts if context.pointed is not None]
    return Context(
        *(torch.cat(hidden), torch.cat(positions, dim=1), torch.cat(masks)),
        torch.cat(told) if told else None,
    )
