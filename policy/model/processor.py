"""Pictures and words to the backbone's tensors, the same for training and for driving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from policy.model.config import QwenVLAConfig
from policy.model.prompt import camera_tag
from policy.model.words import IMAGE, VISION_END, VISION_START


def resize(image: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "a b 3"]:
    """Resize to (height, width) by area, without keeping the aspect."""
    if image.shape[:2] == size:
        return image
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8)


def patches(images: Tensor, patch: int, merge: int, temporal: int) -> Tensor:
    """Cut pictures (B, H, W, 3) of 0..255 into the rows Qwen's vision tower takes.

    Returns (B, H/patch * W/patch, 3 * temporal * patch * patch) in [-1, 1], merged patches
    adjacent, as `Qwen2VLImageProcessor` lays them out with mean and deviation 0.5. A still
    picture is repeated over the temporal patch.
    """
    batch, height, width, _ = images.shape
    rows, columns = height // (patch * merge), width // (patch * merge)
    x = images.float() / 127.5 - 1
    x = x.view(batch, rows, merge, patch, columns, merge, patch, 3)
    x = x.permute(0, 1, 4, 2, 5, 7, 3, 6)  # rows, columns, merge, merge, colour, patch, patch
    x = x.unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, temporal, -1, -1)
    return x.reshape(batch, rows * columns * merge * merge, 3 * temporal * patch * patch)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one backbone pass takes, for a batch of B samples."""

    input_ids: Tensor
    """(B, L) int64, right-padded."""
    attention_mask: Tensor
    """(B, L) int64, 1 where a token is real."""
    mm_token_type_ids: Tensor
    """(B, L) int32: 0 text, 1 image."""
    pixel_values: Tensor | None
    """(B * patches, features) float32, samples outermost, cameras in config order."""
    image_grid_thw: Tensor | None
    """(B * cameras, 3) int64."""

    def to(self, device: torch.device) -> "Inputs":
        """Move every tensor."""
        moved = (
            None if t is None else t.to(device)
            for t in (
                self.input_ids,
                self.attention_mask,
                self.mm_token_type_ids,
                self.pixel_values,
                self.image_grid_thw,
            )
        )
        return Inputs(*moved)  # type: ignore[arg-type]


class Processor:
    """Builds `Inputs` for one network."""

    def __init__(self, config: QwenVLAConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        self.config = config
        self.tokenizer = tokenizer
        vision = config.backbone["vision_config"]
        self._patch = int(vision["patch_size"])
        self._merge = int(vision["spatial_merge_size"])
        self._temporal = int(vision["temporal_patch_size"])
        for name, (height, width) in config.image_sizes.items():
            if height % self.cell or width % self.cell:
                raise ValueError(
                    f"Camera {name!r} is resized to {height} x {width}, which must be multiples "
                    f"of {self.cell} (patch {self._patch} times merge {self._merge})."
                )
        self._picture_ids = self._tokenize(
            "".join(self._picture_words(name) for name in config.image_sizes)
        )
        self._word_ids: dict[str, list[int]] = {}

    @property
    def cell(self) -> int:
        """Pixels along one side of the square that becomes one backbone token."""
        return self._patch * self._merge

    def num_image_tokens(self, camera: str) -> int:
        """Backbone tokens of one picture of `camera`."""
        height, width = self.config.image_sizes[camera]
        return (height // self.cell) * (width // self.cell)

    def _picture_words(self, camera: str) -> str:
        start, end = camera_tag(camera)
        return f"{start}{VISION_START}{IMAGE * self.num_image_tokens(camera)}{VISION_END}{end}"

    def _tokenize(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def __call__(self, prompts: Sequence[str], pictures: Mapping[str, Tensor]) -> Inputs:
        """Tokenise B prompts and lay out their pictures.

        `pictures` holds (B, height, width, 3) of 0..255 per camera, already of the config's
        sizes; words come before pictures, so that the causal backbone reads a picture knowing
        what is asked. An empty mapping gives text alone.
        """
        rows = []
        for prompt in prompts:
            if prompt not in self._word_ids:
                self._word_ids[prompt] = self._tokenize(prompt)
            rows.append(self._word_ids[prompt] + (self._picture_ids if pictures else []))
        length = max(len(row) for row in rows)
        ids = torch.full((len(rows), length), int(self.tokenizer.pad_token_id or 0))
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        image_id = self.config.backbone["image_token_id"]
        kinds = (ids == image_id).int() * mask.int()
        if not pictures:
            return Inputs(ids, mask, kinds, None, None)
        names = list(self.config.image_sizes)
        cut = [patches(pictures[n], self._patch, self._merge, self._temporal) for n in names]
        pixels = torch.cat(cut, dim=1).flatten(0, 1)
        sizes = [self.config.image_sizes[name] for name in names]
        grid = torch.tensor([[1, h // self._patch, w // self._patch] for h, w in sizes])
        return Inputs(ids, mask, kinds, pixels, grid.repeat(len(rows), 1))
