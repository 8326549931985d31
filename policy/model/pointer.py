"""Points at the place that the words mean now: what the decoder is told beside every token.

Ours. The paper's network says points in words when asked; at a laptop's size the same knowledge is
read off the image tokens by three small heads, learnt from dense labels (`policy.data.places`,
`policy.data.touches`), and given to the decoder as numbers with the state.
"""

import torch
from torch import Tensor, nn

POINTED = 5
"""Numbers of a pointing: x and y in -1..1 over the first picture, how likely each arm is to go
there, and how sure the place is."""


class Pointer(nn.Module):
    """Which token of the first picture is meant, where in it, and by which arm."""

    def __init__(self, hidden: int, grid: tuple[int, int], arms: int = 2) -> None:
        """`grid`: rows and columns of tokens of the first picture."""
        super().__init__()
        self._grid = grid
        self.named = nn.Linear(hidden, 1)
        self.arm = nn.Linear(hidden, arms)
        self.offset = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))

    def forward(self, hidden: Tensor, picture: Tensor) -> Tensor:
        """Numbers (B, POINTED) of tokens (B, L, hidden), `picture` (B, L) true in the first view.

        0 for samples without a picture. No gradient goes back: the heads learn where things are,
        not what suits the decoder.
        """
        hidden = hidden.detach()
        logits = self.named(hidden).squeeze(-1).float()
        logits = logits.masked_fill(~picture, torch.finfo(logits.dtype).min)
        chosen = logits.argmax(dim=1, keepdim=True)
        token = hidden.gather(1, chosen[..., None].expand(-1, 1, hidden.shape[-1])).squeeze(1)
        sure = logits.softmax(dim=1).amax(dim=1, keepdim=True)
        cell = (picture.cumsum(dim=1) - 1).gather(1, chosen).squeeze(1).clamp(min=0)
        place = 2 * self.place(token, cell) - 1
        arm = self.arm(token).float().softmax(dim=-1)
        found = torch.cat([place, arm, sure], dim=1).detach()
        return found * picture.any(dim=1, keepdim=True)

    def place(self, token: Tensor, cell: Tensor) -> Tensor:
        """Where in the picture (b, 2), x and y in 0..1, `token` (b, hidden) says its thing is.

        Said from the middle of its own `cell` (b,), counted row by row, in sides of a cell: what a
        token sees tells that more finely than how far the picture's corner is.
        """
        rows, columns = self._grid
        off = self.offset(token).float()
        across, down = cell % columns + 0.5 + off[:, 0], cell // columns + 0.5 + off[:, 1]
        return torch.stack([across / columns, down / rows], dim=-1)


def first_picture(kinds: Tensor, tokens: int, *, last: bool = False) -> Tensor:
    """(B, L) true at the first `tokens` image tokens of `kinds` (B, L), 1 for an image token.

    With `last` at the last ones: `QwenVLAConfig.first_picture_last`.
    """
    shown = kinds == 1
    counted = shown.flip(1).cumsum(dim=1).flip(1) if last else shown.cumsum(dim=1)
    return shown & (counted <= tokens)
