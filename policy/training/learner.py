"""What a pass over a batch costs: the network and every loss, as one module to be wrapped."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from policy.data.batch import Batch
from policy.data.item import Kind
from policy.model.qwen_vla import Context, QwenVLA
from policy.training.contexts import StoredContexts, corrected
from policy.training.grounding import GROUNDING_PARTS, GroundingHeads, image_tokens

TOUCHES, FOUND = "touches", "touches_found"
"""Names of the loss of where hands act next in demonstrations, and of how often that is found."""

POINTED = "pointed"
"""Name of the loss of grounding in the pictures of questions: a sum over those that point to a
place, shared out over all questions."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each kind of loss counts; the paper fine-tunes with 1.0 and 0.1."""

    actions: float = 1.0
    questions: float = 0.1
    grounding: float = 1.0
    touches: float = 0.0


class Learner(nn.Module):
    """The network while it learns. Its `forward` is the whole loss, so that DDP and FSDP see it."""

    def __init__(
        self,
        model: QwenVLA,
        weights: LossWeights,
        kinds: Iterable[Kind],
        heads: GroundingHeads | None = None,
        *,
        correct_pointing: bool = False,
    ) -> None:
        """`kinds` are those of the mixture, for every batch to name the same losses.

        With `correct_pointing` the decoder is told the truth where the network points wrong.
        Raises `ValueError` where that could do nothing.
        """
        super().__init__()
        if correct_pointing and (model.pointer is None or weights.actions <= 0):
            raise ValueError(
                "correct_pointing is for a network with a pointer that learns actions. Leave it "
                "out, or start from a base that points and set action_weight above 0."
            )
        self._correct = correct_pointing
        self.model, self.heads, self._weights = model, heads, weights
        names: set[str] = set(kinds)
        if heads is not None:
            names |= {*GROUNDING_PARTS, POINTED, TOUCHES, FOUND}
        self._names = tuple(sorted(names))
        self.stored: StoredContexts | None = None
        """Contexts of a frozen backbone, computed once; used for batches without inputs."""

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss to minimise as `loss`, and the mean of each kind for the log.

        Over the shards of a step, the mean of what they return is that of the whole step. A kind
        that this shard has nothing of is 0, so that every process names the same losses.
        """
        context = self._context(batch)
        kinds: dict[str, float] = {n: getattr(self._weights, n) for n in LossWeights.__slots__}
        kinds |= {"trajectories": self._weights.actions, POINTED: self._weights.grounding}
        total = torch.zeros((), device=context.hidden.device)
        parts: dict[str, Tensor] = dict.fromkeys(self._names, total)
        for name, rows, losses in self._losses(batch, context):
            mean = (losses * batch.weight[rows]).sum()
            parts[name] = mean
            if name in kinds:
                total = total + kinds[name] * mean
        return {"loss": total, **parts}

    def _context(self, batch: Batch) -> Context:
        if batch.inputs is not None:
            context, known = self.model.see(batch.inputs), batch.places
            if not self._correct or known is None or context.pointed is None:
                return context
            told = corrected(context.pointed[known.rows], known.cell, known.centre, known.arm)
            return replace(context, pointed=context.pointed.index_copy(0, known.rows, told))
        if self.stored is None:
            raise ValueError("A batch without pictures and words needs stored contexts.")
        return self.stored.of(batch.keys)

    def _losses(self, batch: Batch, context: Context) -> list[tuple[str, Tensor, Tensor]]:
        """Name, rows of the batch, and the loss of each of them."""
        found: list[tuple[str, Tensor, Tensor]] = []
        given = batch.actions
        if given is not None and self._weights.actions > 0:
            losses = self.model.action_loss(
                context.take(given.rows),
                *(given.state, given.actions, given.mask, given.noise, given.tau, given.prefix),
            )
            for kind in ("actions", "trajectories"):
                own = [n for n, row in enumerate(given.rows.tolist()) if batch.kinds[row] == kind]
                if own:
                    found.append((kind, given.rows[own], losses[own]))
        if batch.labels is not None:
            rows = [n for n, kind in enumerate(batch.kinds) if kind == "questions"]
            asked = torch.tensor(rows, device=context.hidden.device)
            losses = self.model.answer_loss(context.hidden[asked], batch.labels[asked])
            found.append(("questions", asked, losses))
        if batch.places is not None and batch.inputs is not None and self.heads is not None:
            rows_of = batch.places.rows
            count = max(batch.places.cells.shape[1], batch.places.first)
            last = batch.places.first if self.model.config.first_picture_last else 0
            tokens = image_tokens(context, batch.inputs, rows_of, count, last)
            parts = self.heads(tokens, batch.places, self.model.pointer)
            kinds = [batch.kinds[row] for row in rows_of.tolist()]
            shown, asked, driven = (
                torch.tensor([kind == each for kind in kinds]).to(rows_of.device)
                for each in ("grounding", "questions", "actions")
            )
            found += [(name, rows_of[shown], losses[shown]) for name, losses in parts.items()]
            found.append((POINTED, rows_of[asked], parts["grounding"][asked]))
            found.append((TOUCHES, rows_of[driven], parts["grounding"][driven]))
            labelled = (batch.places.cell[driven] >= 0).float().mean().clamp(min=1e-6)
            found.append((FOUND, rows_of[driven], parts["hit"][driven] / labelled))
        return found
