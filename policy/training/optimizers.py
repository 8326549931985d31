"""What steps the weights: AdamW, or Muon for the matrices inside and AdamW for the rest."""

from collections.abc import Mapping

import torch
from torch import nn

from policy.training.request import TrainRequest

ADAM_BETAS = (0.9, 0.95)

OUTSIDE = (
    "embed",
    "lm_head",
    "modulation",
    "actions_out",
    "lora_",
    "heads.",
    "middle.",
    "pointer.",
    "critic.",
)
"""Parts of the names of matrices that Muon is not for: tables, read-outs, adapters, layers that
begin at zero."""

Groups = Mapping[str, tuple[list[nn.Parameter], float]]


def make_optimizers(
    learner: nn.Module, groups: Groups, request: TrainRequest
) -> tuple[list[torch.optim.Optimizer], list[float]]:
    """Return the optimisers of `groups`, and the peak learning rate of each of their groups.

    With `request.optimizer` "muon", matrices of hidden layers are stepped by Muon (Jordan 2024),
    scaled as Moonlight does (arXiv 2502.16982, 0.2 sqrt(max(rows, columns))), so that one learning
    rate serves both; everything else by AdamW.
    """
    inside = _inside(learner) if request.optimizer == "muon" else set()
    adam, muon = [], []
    for own, peak in groups.values():
        rest = [p for p in own if id(p) not in inside]
        matrices = [p for p in own if id(p) in inside]
        adam += [{"params": rest, "lr": peak}] if rest else []
        muon += [{"params": matrices, "lr": peak}] if matrices else []
    made: list[torch.optim.Optimizer] = []
    if adam:
        made.append(torch.optim.AdamW(adam, betas=ADAM_BETAS, weight_decay=request.weight_decay))
    if muon:
        made.append(
            torch.optim.Muon(
                muon, weight_decay=request.weight_decay, adjust_lr_fn="match_rms_adamw"
            )
        )
    return made, [group["lr"] for optimizer in made for group in optimizer.param_groups]


def _inside(learner: nn.Module) -> set[int]:
    """Identities of the weights of hidden linear layers."""
    return {
        id(module.weight)
        for name, module in learner.named_modules()
        if isinstance(module, nn.Linear) and not any(part in name + "." for part in OUTSIDE)
    }
