"""What a vision tower that does not learn made of pictures, kept by what they show.

A training that looks at the same pictures again and again, with the tower frozen and nothing
varied, need not run the tower again.
"""

import hashlib

import torch
from torch import Tensor
from transformers import PreTrainedModel

LARGEST = 4e9
"""Bytes that are kept; pictures met after that are looked at each time."""


class SeenPictures:
    """The tokens of pictures met before, in bfloat16 in memory."""

    def __init__(self, tower: PreTrainedModel, largest: int | float = LARGEST) -> None:
        self._tower, self._largest = tower, largest
        self._kept: dict[bytes, Tensor] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @torch.no_grad()
    def __call__(self, pixels: Tensor, grid: Tensor) -> Tensor:
        """Tokens (tokens, hidden) of `pixels` (patches, features) in pictures of `grid` (n, 3)."""
        sizes = grid.prod(dim=1).tolist()
        pictures = torch.split(pixels, sizes)
        keys = [_digest(picture) for picture in pictures]
        new = sorted({key: n for n, key in enumerate(keys) if key not in self._kept}.values())
        found = {}
        if new:
            looked = self._look([pictures[n] for n in new], grid[new])
            found = {keys[n]: tokens for n, tokens in zip(new, looked, strict=True)}
        self._keep(found)
        tokens = [found[key] if key in found else self._kept[key] for key in keys]
        return torch.cat(tokens).to(pixels.device).float()

    def _look(self, pictures: list[Tensor], grid: Tensor) -> list[Tensor]:
        pixels = torch.cat(pictures).to(self._tower.dtype)
        tokens = self._tower(pixels, grid_thw=grid).pooler_output.to(torch.bfloat16).cpu()
        merged = int(self._tower.config.spatial_merge_size) ** 2
        return list(torch.split(tokens, [size // merged for size in grid.prod(dim=1).tolist()]))

    def _keep(self, found: dict[bytes, Tensor]) -> None:
        for key, tokens in found.items():
            size = tokens.numel() * tokens.element_size()
            if self._bytes + size <= self._largest:
                self._kept[key] = tokens.clone()
                self._bytes += size


def _digest(picture: Tensor) -> bytes:
    return hashlib.blake2b(picture.cpu().numpy().tobytes(), digest_size=16).digest()
