"""Pictures changed a little, so that a network does not hang on the light of one room.

Pictures only; what is said and done is not touched. Everything random comes from a Generator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from hardware.interfaces import Image

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""

_YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_RGB = np.linalg.inv(_YIQ)

UNCROPPED = ("wrist",)
"""Cameras with one of these words in their name keep their geometry (openpi's rule)."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly pictures are changed; all zero leaves them as they are.

    Stated elsewhere: openpi jitters brightness by 0.3, contrast 0.4 and saturation 0.5, and crops
    to 0.95 and turns by 5 degrees all but wrist cameras; LeRobot uses 0.2, 0.2, 0.5 and hue 0.05,
    with shifts of 0.05. Ours: LeRobot's brightness and contrast, openpi's crop, and less hue and
    saturation, for instructions name colours. The paper does not say what it does.
    """

    brightness: int | float = 0.2
    """Pixels are multiplied by up to 1 plus or minus this."""
    contrast: int | float = 0.2
    """Distance from the picture's mean brightness, likewise."""
    saturation: int | float = 0.3
    """Distance of colours from grey, likewise."""
    hue: int | float = 0.02
    """Turn of the colour circle, in turns: 0.02 is 7 degrees."""
    crop: int | float = 0.05
    """Share of each side cut off, the rest moved about in what was cut and enlarged to fill."""
    rotation: int | float = 0.0
    """Degrees."""
    blur: int | float = 0.0
    """Deviation of a Gaussian, in pixels."""
    noise: int | float = 0.0
    """Deviation of each colour value, in 0..1 of its range."""
    cutout: int | float = 0.0
    """Share of each side of a grey rectangle laid over the picture."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not np.isfinite(value) or value < 0:
                raise ValueError(f"Augmentation {field.name} is 0 or more, got {value}.")
        for name in ("brightness", "contrast", "saturation", "crop", "cutout"):
            if getattr(self, name) >= 1:
                raise ValueError(
                    f"Augmentation {name} is less than 1, got {getattr(self, name)}: nothing of "
                    "the picture would be left."
                )

    @classmethod
    def none(cls) -> "Augmentation":
        """Leave pictures as they are."""
        return cls(**{field.name: 0.0 for field in fields(cls)})

    def scaled(self, strength: int | float) -> "Augmentation":
        """`strength` times as strong; 0 is `none`."""
        return Augmentation(**{f.name: strength * getattr(self, f.name) for f in fields(self)})

    def in_place(self) -> "Augmentation":
        """Only what leaves things where they are and to be seen: for points, boxes and labels."""
        return replace(self, crop=0.0, rotation=0.0, cutout=0.0)

    def __call__(
        self, pictures: Mapping[str, Image], rng: np.random.Generator
    ) -> dict[str, UInt8[np.ndarray, "h w 3"]]:
        """Change each camera's picture on its own; wrist cameras are not cropped or turned."""
        still = replace(self, crop=0.0, rotation=0.0)
        return {
            name: (still if any(word in name for word in UNCROPPED) else self).change(picture, rng)
            for name, picture in pictures.items()
        }

    def change(self, picture: Image, rng: np.random.Generator) -> Image:
        """Return a changed copy of one picture, of the same size."""
        changed = picture
        if self.crop or self.rotation:
            changed = _move(changed, self._window(changed, rng))
        if self.brightness or self.contrast or self.saturation or self.hue:
            changed = _recolour(changed, self._colours(changed, rng))
        if self.blur:
            sigma = max(rng.uniform(0, self.blur), 1e-3)
            changed = cv2.GaussianBlur(changed, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        if self.noise:
            grain = rng.standard_normal(changed.shape, np.float32)
            grain *= 255 * rng.uniform(0, self.noise)
            changed = np.clip(np.rint(changed + grain), 0, 255).astype(np.uint8)
        if self.cutout:
            changed = _cover(changed, self.cutout, rng)
        return np.array(changed) if changed is picture else changed

    def _window(self, picture: Image, rng: np.random.Generator) -> Float64[np.ndarray, "2 3"]:
        """From pixels of the new picture to those of the old: turned about the middle, enlarged."""
        height, width = picture.shape[:2]
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = (1 - self.crop) * np.array([[cosine, -sine], [sine, cosine]])
        room = self.crop / 2 * np.array([width, height])
        shift = middle + rng.uniform(-room, room) - turn @ middle
        return np.concatenate([turn, shift[:, None]], axis=1)

    def _colours(self, picture: Image, rng: np.random.Generator) -> Float64[np.ndarray, "3 4"]:
        """All colour changes as one affine map: each of them is one."""
        gain, spread, chroma = (
            rng.uniform(1 - strength, 1 + strength)
            for strength in (self.brightness, self.contrast, self.saturation)
        )
        angle = 2 * np.pi * rng.uniform(-self.hue, self.hue)
        cosine, sine = chroma * np.cos(angle), chroma * np.sin(angle)
        turn = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
        mean = LUMA @ np.array(cv2.mean(picture)[:3])
        matrix = gain * spread * (_RGB @ turn @ _YIQ)
        return np.column_stack([matrix, np.full(3, gain * (1 - spread) * mean)])


def _move(picture: Image, window: Float64[np.ndarray, "2 3"]) -> Image:
    height, width = picture.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        picture, window, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def _recolour(picture: Image, colours: Float64[np.ndarray, "3 4"]) -> Image:
    return np.asarray(cv2.transform(picture, colours), np.uint8)  # rounds, and stays in 0..255


def _cover(picture: Image, share: int | float, rng: np.random.Generator) -> Image:
    height, width = picture.shape[:2]
    rows, columns = round(height * share), round(width * share)
    top = int(rng.integers(height - rows + 1))
    left = int(rng.integers(width - columns + 1))
    covered = np.array(picture)
    covered[top : top + rows, left : left + columns] = 128
    return covered
