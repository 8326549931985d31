"""Heads that teach the backbone where things are, and which of them the sentence means.

They are thrown away after training; the labels are those of `policy.data.places`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from policy.data.batch import PlaceTargets
from policy.model.processor import Inputs
from policy.model.qwen_vla import Context

GROUNDING_PARTS = ("grounding", "named", "where", "arm", "hit")
"""What the heads measure; the first is the loss, made of some of the others."""


class GroundingHeads(nn.Module):
    """Reads the image tokens of the backbone's last hidden state."""

    def __init__(self, hidden: int, objects: int, arms: int = 2) -> None:
        super().__init__()
        self.shows = nn.Linear(hidden, objects + 1)
        self.named = nn.Linear(hidden, 1)
        self.arm = nn.Linear(hidden, arms)
        self.where = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))

    def forward(self, tokens: Tensor, targets: PlaceTargets) -> dict[str, Tensor]:
        """Losses of each of b scenes and, for the log, whether the named object is found; (b,).

        `tokens` (b, image tokens, hidden), those of the first camera leading.
        """
        view = tokens[:, : targets.first]
        named = self.named(view).squeeze(-1).float()
        seen = (targets.cell >= 0).float()
        chosen = targets.cell.clamp(min=0)
        token = view[torch.arange(len(view), device=view.device), chosen]
        where = (self.where(token).float() - targets.centre).abs().sum(dim=-1) * seen
        shows = functional.cross_entropy(
            self.shows(tokens).float().transpose(1, 2), targets.cells, reduction="none"
        ).mean(dim=1)
        picked = functional.cross_entropy(named, targets.cell, ignore_index=-100, reduction="none")
        arm = functional.cross_entropy(self.arm(token).float(), targets.arm, reduction="none")
        return {
            "grounding": shows + picked + 3 * where + arm,
            "named": picked,
            "where": where,
            "arm": arm,
            "hit": (named.argmax(dim=1) == targets.cell).float(),
        }


def image_tokens(context: Context, inputs: Inputs, rows: Tensor) -> Tensor:
    """The hidden states of the image tokens of `rows`, (b, image tokens, hidden).

    All of these rows show the same number of tokens.
    """
    shown = inputs.mm_token_type_ids[rows] == 1
    return context.hidden[rows][shown].view(len(rows), -1, context.hidden.shape[-1])
