"""Pictures and words to the backbone's tensors, the same for training and for driving."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from policy.model.config import QwenVLAConfig
from policy.model.prompt import camera_tag
from policy.model.words import END, IMAGE, THINK, THOUGHT, TURN, VISION_END, VISION_START

Picture = UInt8[np.ndarray, "_ _ 3"]

UNLABELLED = -100
"""In labels: a token that is not to be predicted."""


def resize(image: Picture, size: tuple[int, int]) -> UInt8[np.ndarray, "a b 3"]:
    """Resize to (height, width) by area, without keeping the aspect."""
    if image.shape[:2] == size:
        return image
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8)


HALF = (0.5, 0.5, 0.5)


def patches(
    images: Tensor,
    patch: int,
    merge: int,
    temporal: int,
    *,
    mean: tuple[float, ...] = HALF,
    std: tuple[float, ...] = HALF,
) -> Tensor:
    """Cut pictures (B, H, W, 3) of 0..255 into the rows Qwen's vision tower takes.

    Returns (B, H/patch * W/patch, 3 * temporal * patch * patch), less `mean` and over `std` of
    each colour (of 0..1), merged patches adjacent, as `Qwen2VLImageProcessor` lays them out. A
    still picture is repeated over the temporal patch.
    """
    batch, height, width, _ = images.shape
    rows, columns = height // (patch * merge), width // (patch * merge)
    x = images.float() / (255 * torch.tensor(std)) - torch.tensor(mean) / torch.tensor(std)
    x = x.view(batch, rows, merge, patch, columns, merge, patch, 3)
    x = x.permute(0, 1, 4, 2, 5, 7, 3, 6)  # rows, columns, merge, merge, colour, patch, patch
    x = x.unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, temporal, -1, -1)
    return x.reshape(batch, rows * columns * merge * merge, 3 * temporal * patch * patch)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one backbone pass takes, for a batch of B samples, each with its own pictures."""

    input_ids: Tensor
    """(B, L) int64, right-padded."""
    attention_mask: Tensor
    """(B, L) int64, 1 where a token is real."""
    mm_token_type_ids: Tensor
    """(B, L) int32: 0 text, 1 image."""
    pixel_values: Tensor | None
    """(patches, features) float32, the pictures of the first sample first."""
    image_grid_thw: Tensor | None
    """(pictures, 3) int64: patches of each over time, height and width."""

    def to(self, device: torch.device) -> "Inputs":
        """Move every tensor."""
        given = {name: getattr(self, name) for name in self.__slots__}
        return replace(
            self, **{n: t.to(device, non_blocking=True) for n, t in given.items() if t is not None}
        )


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sample, not yet in a batch."""

    ids: list[int]
    answer: int
    """How many of the last ids are the answer that is to be predicted."""
    pixels: Tensor
    """(patches, features) float32."""
    grid: list[tuple[int, int, int]]
    """Patches of each picture over time, height and width."""


class Processor:
    """Builds `Inputs` for one network."""

    def __init__(self, config: QwenVLAConfig, tokenizer: PreTrainedTokenizerBase) -> None:
        self.config = config
        self.tokenizer = tokenizer
        vision = config.backbone["vision_config"]
        self._patch = int(vision["patch_size"])
        self._merge = int(vision["spatial_merge_size"])
        self._temporal = int(vision["temporal_patch_size"])
        self._image_id = int(config.backbone["image_token_id"])
        self._word_ids: dict[str, list[int]] = {}
        for name, size in config.image_sizes.items():
            self._check(name, size)

    @property
    def cell(self) -> int:
        """Pixels along one side of the square that becomes one backbone token."""
        return self._patch * self._merge

    def num_image_tokens(self, camera: str) -> int:
        """Backbone tokens of one picture of `camera`."""
        height, width = self.config.image_sizes[camera]
        return (height // self.cell) * (width // self.cell)

    def __call__(self, prompts: Sequence[str], pictures: Sequence[Mapping[str, Picture]]) -> Inputs:
        """Prepare B embodiment prompts and the pictures that belong to each, to predict actions.

        Sides of pictures are multiples of `cell`; an empty mapping gives text alone.
        """
        rows = [self.encode(p, shown) for p, shown in zip(prompts, pictures, strict=True)]
        return self.collate(rows)[0]

    def encode(
        self, prompt: str, pictures: Mapping[str, Picture], answer: str | None = None
    ) -> Encoded:
        """Prepare one sample; with `answer`, the prompt is a question in Qwen's chat form.

        Words come before pictures, so that the causal backbone reads a picture knowing what is
        asked (ours). A picture named like a camera of the network stands between its tags.
        """
        pictures = self._in_order(pictures)
        chat = answer is not None
        ids = list(self._tokenize(f"{TURN}user\n{prompt}" if chat else prompt))
        for name, picture in pictures.items():
            ids += self._picture_ids(name, picture)
        answered: list[int] = []
        if answer is not None:
            thoughts = f"{THINK}\n\n{THOUGHT}\n\n" if self.config.think_block else ""
            ids += self._tokenize(f"{END}\n{TURN}assistant\n{thoughts}")
            answered = [*self._tokenize(answer), *self._tokenize(END)] if answer else []
        cut = [self._cut(torch.from_numpy(picture)) for picture in pictures.values()]
        features = 3 * self._temporal * self._patch**2
        return Encoded(
            ids + answered,
            len(answered),
            torch.cat(cut) if cut else torch.empty(0, features),
            [(1, p.shape[0] // self._patch, p.shape[1] // self._patch) for p in pictures.values()],
        )

    def question(self, prompt: str, pictures: Mapping[str, Picture]) -> Inputs:
        """Prepare one question up to where its answer begins, for `QwenVLA.answer`."""
        return self.collate([self.encode(prompt, pictures, answer="")])[0]

    def collate(self, rows: Sequence[Encoded]) -> tuple[Inputs, Tensor]:
        """Join samples, right-padded.

        Returns the inputs and labels (B, L) int64: an answer's tokens at their own positions
        (transformers' convention, shifted by whoever uses them), `UNLABELLED` elsewhere.
        """
        length = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), length), int(self.tokenizer.pad_token_id or 0))
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        labels = torch.full((len(rows), length), UNLABELLED)
        for i, row in enumerate(rows):
            end = len(row.ids)
            ids[i, :end] = torch.tensor(row.ids)
            mask[i, :end] = 1
            labels[i, end - row.answer : end] = ids[i, end - row.answer : end]
        kinds = (ids == self._image_id).int() * mask.int()
        grid = [shape for row in rows for shape in row.grid]
        if not grid:
            return Inputs(ids, mask, kinds, None, None), labels
        pixels = torch.cat([row.pixels for row in rows])
        return Inputs(ids, mask, kinds, pixels, torch.tensor(grid)), labels

    def _in_order(self, pictures: Mapping[str, Picture]) -> Mapping[str, Picture]:
        first = next(iter(self.config.image_sizes), "")
        if not self.config.first_picture_last or first not in pictures:
            return pictures
        return {n: p for n, p in pictures.items() if n != first} | {first: pictures[first]}

    def _cut(self, picture: Tensor) -> Tensor:
        sizes = (self._patch, self._merge, self._temporal)
        mean, std = self.config.image_mean, self.config.image_std
        return patches(picture[None], *sizes, mean=mean, std=std)[0]

    def _tokenize(self, text: str) -> list[int]:
        if text not in self._word_ids:
            if len(self._word_ids) > 4096:  # questions are endless
                self._word_ids.clear()
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            self._word_ids[text] = list(ids)
        return self._word_ids[text]

    def _picture_ids(self, name: str, picture: Picture) -> list[int]:
        height, width = picture.shape[:2]
        self._check(name, (height, width))
        tokens = IMAGE * ((height // self.cell) * (width // self.cell))
        start, end = camera_tag(name) if name in self.config.image_sizes else ("", "")
        return self._tokenize(f"{start}{VISION_START}{tokens}{VISION_END}{end}")

    def _check(self, name: str, size: tuple[int, int]) -> None:
        height, width = size
        if height % self.cell or width % self.cell or not height or not width:
            raise ValueError(
                f"Picture {name!r} is {height} x {width}, which must be multiples "
                f"of {self.cell} (patch {self._patch} times merge {self._merge})."
            )
