"""Decodes a dataset's films into the cache of a recipe's jobs: `python -m policy.recipe.decoding`.

A training does that by itself, one film after the other; a recipe with many cores decodes dataset
by dataset, side by side, while the GPU is busy with something else.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from policy.data.samples import load_samples
from policy.model.presets import preset


@dataclass(frozen=True, slots=True)
class Options:
    """Decode the films of DATASET as a network that starts at random looks at them."""

    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")]
    """Folder of demonstrations."""
    cache: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CACHE")]
    """Where a job keeps them: a folder named by the dataset's place in its mixture."""
    done: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DONE")]
    """File to write when all is decoded."""
    cameras: tuple[str, ...] = ("cam_high",)
    """What the network looks at."""
    size: str = "nano"
    """Preset of the network."""


def main(options: Options) -> None:
    """Decode. Raises `SystemExit` in words for a dataset that cannot be read."""
    sizes = preset(options.size, options.cameras).image_sizes
    try:
        samples = load_samples(options.dataset, sizes, options.cache)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    options.done.parent.mkdir(parents=True, exist_ok=True)
    options.done.write_text(f"{len(samples)} rows\n")
    sys.stdout.write(f"{len(samples)} rows of {options.dataset} decoded.\n")


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m policy.recipe.decoding"))
