"""Heads that teach the backbone where things are, and which of them the sentence means.

They drive nothing, and go with a checkpoint only so that a later training can go on with them. The
labels are those of `policy.data.places`.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from policy.data.batch import PlaceTargets
from policy.model.checkpoint import HEADS
from policy.model.pointer import Pointer
from policy.model.processor import Inputs
from policy.model.qwen_vla import Context

logger = logging.getLogger(__name__)

GROUNDING_PARTS = ("grounding", "named", "where", "arm", "hit")
"""What the heads measure; the first is the loss, made of some of the others."""


FAR = 8.0
"""How much it counts to be off by a whole picture: in pictures of 8 tokens a side, a token is 1."""


class GroundingHeads(nn.Module):
    """Reads the image tokens of the backbone's last hidden state.

    What a token shows is said by several heads, one for its colour and one for its shape.
    """

    def __init__(
        self, hidden: int, labels: Sequence[Sequence[int]], grid: tuple[int, int] | None = None
    ) -> None:
        """`labels`: for each head, the class of each thing that a cell can show.

        The heads that find what is meant, in a first picture of `grid` tokens, are the network's
        own if it points; then without a `grid`.
        """
        super().__init__()
        self.shows = nn.ModuleList(nn.Linear(hidden, max(classes) + 1) for classes in labels)
        self.register_buffer("labels", torch.tensor(labels))
        self.pointer = None if grid is None else Pointer(hidden, grid)

    def forward(
        self, tokens: Tensor, targets: PlaceTargets, pointer: Pointer | None = None
    ) -> dict[str, Tensor]:
        """Losses of each of b scenes and, for the log, whether the named object is found; (b,).

        `tokens` (b, image tokens, hidden), those of the first camera leading. `pointer` is the
        network's own, where it has one.
        """
        pointer = pointer or self.pointer
        if pointer is None:
            raise ValueError("These heads are for a network that points; give its pointer.")
        view = tokens[:, : targets.first]
        named = pointer.named(view).squeeze(-1).float()
        seen = (targets.cell >= 0).float()
        chosen = targets.cell.clamp(min=0)
        token = view[torch.arange(len(view), device=view.device), chosen]
        where = (pointer.place(token, chosen) - targets.centre).abs().sum(dim=-1) * seen
        shows = self.shown(tokens, targets.cells)
        picked = functional.cross_entropy(named, targets.cell, ignore_index=-100, reduction="none")
        arm = functional.cross_entropy(
            pointer.arm(token).float(), targets.arm, ignore_index=-100, reduction="none"
        )
        return {
            "grounding": shows + picked + FAR * where + arm,
            "named": picked,
            "where": where,
            "arm": arm,
            "hit": (named.argmax(dim=1) == targets.cell).float(),
        }

    def shown(self, tokens: Tensor, cells: Tensor, *, empty: float = 1.0) -> Tensor:
        """The loss (b,) of what `tokens` (b, image tokens, hidden) say that their `cells` show.

        A cell that shows nothing counts `empty` times as much as one that shows a thing.
        """
        said = (cells >= 0).float() * torch.where(cells == 0, empty, 1.0)
        tokens, cells = tokens[:, : cells.shape[1]], cells.clamp(min=0)
        losses = [
            (
                functional.cross_entropy(
                    head(tokens).float().transpose(1, 2), classes[cells], reduction="none"
                )
                * said
            ).sum(dim=1)
            / said.sum(dim=1).clamp(min=min(1.0, empty))
            for head, classes in zip(self.shows, self.get_buffer("labels"), strict=True)
        ]
        return torch.stack(losses).mean(dim=0)


POINTING = "pointer."
"""What the names of heads that point begin with, beside a network that does not point itself."""


def heads_of(base: Path) -> dict[str, Tensor]:
    """What a checkpoint holds beside its network; empty without, or where it is torn."""
    path = base / HEADS
    if not path.is_file():
        return {}
    try:
        saved: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        logger.warning("Grounding begins with new heads: %s is torn. %s", path, error)
        return {}
    return saved


def point_as(pointer: Pointer, base: Path) -> bool:
    """Let a network's new `pointer` go on as the heads beside `base`; whether there are such."""
    saved = {
        n.removeprefix(POINTING): value
        for n, value in heads_of(base).items()
        if n.startswith(POINTING)
    }
    if saved.keys() != pointer.state_dict().keys():  # none, or such as said places otherwise
        return False
    pointer.load_state_dict(saved)
    return True


def take_up(heads: GroundingHeads, base: Path) -> None:
    """Go on with the heads of a checkpoint; those that it lacks, or has otherwise, begin anew.

    New heads send large gradients through a backbone that has learnt: the loss of grounding went
    from 1.1 to 8.9 (`docs/log.md`).
    """
    own = heads.state_dict()
    saved = {
        n: value for n, value in heads_of(base).items() if n in own or not n.startswith(POINTING)
    }
    if not saved:
        logger.warning("Grounding begins with new heads: beside %s there are none.", base)
        return
    alike = set(saved) == set(own) and all(saved[n].shape == own[n].shape for n in own)
    if alike and torch.equal(saved["labels"], own["labels"]):
        heads.load_state_dict(saved)
    else:
        logger.warning("Grounding begins with new heads: those beside %s are others.", base)


def image_tokens(
    context: Context, inputs: Inputs, rows: Tensor, count: int, last: int = 0
) -> Tensor:
    """The hidden states of the first `count` image tokens of `rows`, (b, count, hidden).

    The `last` image tokens of a row come first (`QwenVLAConfig.first_picture_last`). A row that
    shows fewer is filled up with other tokens.
    """
    shown = (inputs.mm_token_type_ids[rows] == 1).int()
    counted = shown.flip(1).cumsum(dim=1).flip(1)
    shown = shown + shown * (counted <= last)
    order = shown.argsort(dim=1, descending=True, stable=True)[:, :count]
    return context.hidden[rows[:, None], order]
