"""Teaching the backbone where things are, and which of them the sentence means.

Ours: the paper grounds with boxes and points in words; a network of this size learns it in
minutes from dense labels instead. Heads of this stage are thrown away afterwards.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from policy.data.scenes import Scenes
from policy.model.processor import Inputs
from policy.model.qwen_vla import Context


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch of B scenes should be read as."""

    cells: Tensor
    """(B, image tokens) int64: what each token shows, 0 nothing, 1 + object number."""
    cell: Tensor
    """(B,) int64: the token of the first camera that holds the named object; -100 unseen."""
    centre: Tensor
    """(B, 2): where the first camera sees it, 0..1."""
    arm: Tensor
    """(B,) int64: number of the arm that the sentence names."""

    def to(self, device: torch.device) -> "Targets":
        """Move every tensor."""
        moved = (self.cells, self.cell, self.centre, self.arm)
        return Targets(*(tensor.to(device) for tensor in moved))


class GroundingHeads(nn.Module):
    """Reads the image tokens of the backbone's last hidden state."""

    def __init__(self, hidden: int, objects: int, arms: int = 2) -> None:
        super().__init__()
        self.shows = nn.Linear(hidden, objects + 1)
        self.named = nn.Linear(hidden, 1)
        self.arm = nn.Linear(hidden, arms)
        self.where = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))

    def forward(self, tokens: Tensor, first: int, targets: Targets) -> dict[str, Tensor]:
        """Losses and, for the log, how often and how well the named object is found.

        `tokens` (B, image tokens, hidden); the leading `first` of them are the first camera's.
        """
        view = tokens[:, :first]
        named = self.named(view).squeeze(-1).float()
        seen = targets.cell >= 0
        chosen = targets.cell.clamp(min=0)
        token = view[torch.arange(len(view), device=view.device), chosen]
        where = self.where(token).float()
        error = (where - targets.centre).abs().sum(dim=-1)
        hit = named.argmax(dim=1) == targets.cell
        arm = self.arm(token).float()
        return {
            "shows": functional.cross_entropy(
                self.shows(tokens).float().flatten(0, 1), targets.cells.flatten()
            ),
            "named": functional.cross_entropy(named, targets.cell, ignore_index=-100),
            "where": (error * seen).sum() / seen.sum().clamp(min=1),
            "arm": functional.cross_entropy(arm, targets.arm),
            "hit": (hit & seen).sum() / seen.sum().clamp(min=1),
        }


def image_tokens(context: Context, inputs: Inputs) -> Tensor:
    """The hidden states of the image tokens, (B, image tokens, hidden)."""
    picked = context.hidden[inputs.mm_token_type_ids == 1]
    return picked.view(len(context.hidden), -1, picked.shape[-1])


def targets_of(
    scenes: Scenes, cells: np.ndarray, named: np.ndarray, arm: np.ndarray, grid: tuple[int, int]
) -> Targets:
    """Targets of B scenes in which object `named` (B,) and arm `arm` (B,) are meant.

    `cells` (B, image tokens) are what the tokens of every camera show; `grid` is the first
    camera's tokens as rows and columns.
    """
    centres, seen = scenes.centres, scenes.seen
    rows, columns = grid
    pick = np.arange(len(named))
    centre = centres[pick, named]
    column = np.minimum((centre[:, 0] * columns).astype(int), columns - 1)
    row = np.minimum((centre[:, 1] * rows).astype(int), rows - 1)
    cell = np.where(seen[pick, named], row * columns + column, -100)
    return Targets(
        torch.from_numpy(cells),
        torch.from_numpy(cell),
        torch.from_numpy(centre),
        torch.from_numpy(arm),
    )
