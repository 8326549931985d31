"""Convolutions before a small vision tower, in the place of its projection of patches.

Ours. A projection sees each patch alone, at one offset: whether five pixels of red are a ball or a
cube has to be learnt for every offset anew, which takes a laptop's network hundreds of thousands of
pictures. Convolutions learn it from ten thousand (`docs/log.md`), as "Early Convolutions Help
Transformers See Better" (arXiv 2106.14881) found at scale.
"""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

GROUPS = 4
"""Of channels that are normalised together; the first convolution's are one."""

Size = tuple[int, int]
"""Patches of a picture, down and across."""


class Convolution(nn.Linear):
    """3 x 3, its weights kept as a matrix, so that they are stepped as one."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__(9 * channels, out)
        self._channels, self._stride = channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, out, H / stride, W / stride)."""
        weight = self.weight.view(-1, self._channels, 3, 3)
        return functional.conv2d(x, weight, self.bias, self._stride, padding=1)


class Step(nn.Module):
    """Halves the picture, then looks once more at the same size."""

    def __init__(self, channels: int, out: int, *, again: bool) -> None:
        super().__init__()
        self.halve = Convolution(channels, out, stride=2)
        self.norm = nn.GroupNorm(GROUPS if again else 1, out)
        self.again = Convolution(out, out, stride=1) if again else None
        self.second = nn.GroupNorm(GROUPS, out) if again else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, out, H / 2, W / 2)."""
        x = functional.gelu(self.norm(self.halve(x)))
        if self.again is None or self.second is None:
            return x
        return x + functional.gelu(self.second(self.again(x)))


class Stem(nn.Module):
    """What each patch shows, seen with what is around it."""

    def __init__(self, widths: Sequence[int], hidden: int, *, patch: int, merge: int) -> None:
        """Channels after each halving; as many halvings as make a patch one place.

        Raises `ValueError` for another number of them, and for widths that groups do not fill.
        """
        super().__init__()
        if 2 ** len(widths) != patch:
            raise ValueError(
                f"A stem halves a patch of {patch} pixels to one place in {patch.bit_length() - 1} "
                f"steps, got {len(widths)} widths: {list(widths)}."
            )
        if any(width < GROUPS or width % GROUPS for width in widths):
            raise ValueError(
                f"Channels of a stem are multiples of {GROUPS}, got {list(widths)}: they are "
                f"normalised in {GROUPS} groups."
            )
        self._patch, self._merge = patch, merge
        before = (3, *widths[:-1])
        self.steps = nn.Sequential(
            *(Step(a, b, again=n > 0) for n, (a, b) in enumerate(zip(before, widths, strict=True)))
        )
        self.out = nn.Linear(widths[-1], hidden)

    def forward(self, pixels: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Patches (N, features) of pictures of `sizes`, in the tower's order, to (N, hidden)."""
        found, start = [], 0
        for size, run in groupby(sizes):
            count = len(list(run))
            stop = start + count * size[0] * size[1]
            found.append(self._run(pixels[start:stop].to(self.out.weight.dtype), count, size))
            start = stop
        return torch.cat(found)

    def _run(self, pixels: Tensor, count: int, size: Size) -> Tensor:
        """The same of `count` pictures of one size."""
        (height, width), merge, patch = size, self._merge, self._patch
        down, across = height // merge, width // merge
        blocks = pixels.view(count, down, across, merge, merge, 3, -1, patch, patch)
        pictures = blocks.mean(dim=6).permute(0, 5, 1, 3, 6, 2, 4, 7)
        places = self.steps(pictures.reshape(count, 3, height * patch, width * patch))
        places = places.view(count, -1, down, merge, across, merge).permute(0, 2, 4, 3, 5, 1)
        return torch.as_tensor(self.out(places.reshape(len(pixels), -1)))


def use_stem(tower: PreTrainedModel, widths: Sequence[int]) -> None:
    """Give a Qwen3.5 vision tower a stem with random weights, in place of its patch projection."""
    vision = tower.config
    sides = {"patch": int(vision.patch_size), "merge": int(vision.spatial_merge_size)}
    stem = Stem(widths, int(vision.hidden_size), **sides)
    tower.stem, tower.patch_embed = stem, nn.Identity()
    tower.forward = partial(_through, tower.forward, stem)


def _through(
    rest: Any,  # noqa: ANN401 - the tower's own forward
    stem: Stem,
    pixels: Tensor,
    grid_thw: Tensor,
    *,
    sizes: tuple[Size, ...] | None = None,
    **options: Any,  # noqa: ANN401 - likewise
) -> Any:  # noqa: ANN401 - likewise
    """`sizes`, where known beforehand, spare a GPU to be asked for those of `grid_thw`."""
    sizes = sizes or tuple((height, width) for _, height, width in grid_thw.tolist())
    return rest(stem(pixels, sizes), grid_thw=grid_thw, **options)
