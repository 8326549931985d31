"""A vision tower that learns what things look like, by itself: no words, no words' layers."""

import torch
from torch import Tensor, nn

from policy.data.batch import Batch, PlaceTargets
from policy.model.qwen_vla import Context, QwenVLA
from policy.training.grounding import GroundingHeads, image_tokens

NEAR = 2.0
"""How much a side of a token of error about the middle of a thing counts beside what it is."""

EMPTY = 0.1
"""How much a cell that shows nothing counts beside one that shows a thing."""


class SeeingLearner(nn.Module):
    """Learns the cells of scenes from the tower's tokens, as they go to the words' layers.

    A tower with a stem is asked twice, after its blocks and before them: convolutions that are
    told directly what they should tell apart learn it sooner than through attention (ours).
    """

    def __init__(self, model: QwenVLA, heads: GroundingHeads) -> None:
        super().__init__()
        self.model, self.heads = model, heads
        self.middle = nn.Linear(model.backbone.config.text_config.hidden_size, 2)
        self._last = model.config.first_picture_last

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss to minimise as `loss`, and its parts for the log.

        `shown` and `off` are of the tower's own tokens: what they show, and where its middle is.
        """
        inputs, places = batch.inputs, batch.places
        if inputs is None or places is None or inputs.image_grid_thw is None:
            raise ValueError("A tower learns to see from pictures with labelled cells.")
        tower, pixels = self.model.backbone.model.visual, inputs.pixel_values
        tokens = [tower(pixels, grid_thw=inputs.image_grid_thw).pooler_output]
        if self.model.config.stem:
            sizes = [(down, across) for _, down, across in inputs.image_grid_thw.tolist()]
            tokens.append(tower.merger(tower.stem(pixels, sizes)))
        found = []
        for each in tokens:
            hidden = each.new_zeros(*inputs.input_ids.shape, each.shape[-1])
            hidden[inputs.mm_token_type_ids == 1] = each
            context = Context(hidden, inputs.input_ids[None], inputs.attention_mask)
            last = places.first if self._last else 0
            seen = image_tokens(context, inputs, places.rows, places.cells.shape[1], last)
            shown = self.heads.shown(seen, places.cells, empty=EMPTY)
            found.append(torch.stack([shown, self._off(seen, places)]))
        means = (torch.stack(found) * batch.weight[places.rows]).sum(dim=-1)
        shown, off = means.detach()[0]
        loss = (means * means.new_tensor([1.0, NEAR])).sum()
        return {"loss": loss, "shown": shown, "off": off}

    def _off(self, tokens: Tensor, places: PlaceTargets) -> Tensor:
        """How far (b,) from the middle of what a token shows it is said to be, sides of a token."""
        thing = (places.cells > 0).float()
        off = (self.middle(tokens).float() - places.middles).abs().sum(dim=-1)
        mean: Tensor = (off * thing).sum(dim=1) / thing.sum(dim=1).clamp(min=1)
        return mean
