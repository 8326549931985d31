"""Pictures of random simulated scenes with the truth about them: what is where.

The simulator's own labels, no driver needed. They teach a small vision tower where things are,
which the flow loss alone does not in the time a laptop has (`docs/log.md`).
"""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hardware.aloha import ARM_WIDTH, START
from hardware.simulation.scene import CUBES
from hardware.simulation.world import World, draw_cubes
from policy.model.processor import resize

RENDERED = (240, 320)
"""Height and width drawn before resizing, as demonstrations are."""

REACH_LOW = np.array([-0.7, -0.9, 0.3, -0.3, -0.5, -0.5, 0.0])
REACH_HIGH = np.array([0.7, 0.6, 1.4, 0.3, 1.6, 0.5, 1.0])
"""Joint ranges (radians, gripper opening) in which arms are strewn about the work area."""

LEAST_SHARE = 0.12
"""Share of a cell's pixels that an object must cover to be what the cell shows."""

LEAST_PIXELS = 20
"""Of `RENDERED` pixels that must show an object for it to count as seen."""


@dataclass(frozen=True, slots=True)
class Scenes:
    """N labelled scenes."""

    pictures: Mapping[str, np.ndarray]
    """Camera to (N, height, width, 3) uint8."""
    cells: Mapping[str, np.ndarray]
    """Camera to (N, cells) int64: 0 nothing, 1 + number in `CUBES`; cells row by row."""
    centres: np.ndarray
    """(N, cubes, 2) float32: where each cube is seen by the first camera, x and y in 0..1."""
    seen: np.ndarray
    """(N, cubes) bool: whether the first camera sees it."""

    def __len__(self) -> int:
        return len(self.seen)

    def of(self, rows: np.ndarray) -> "Scenes":
        """Only these scenes, in this order."""
        return Scenes(
            {name: pictures[rows] for name, pictures in self.pictures.items()},
            {name: cells[rows] for name, cells in self.cells.items()},
            self.centres[rows],
            self.seen[rows],
        )

    def save(self, path: Path) -> None:
        """Write as one .npz file."""
        arrays = {f"picture.{name}": values for name, values in self.pictures.items()}
        arrays |= {f"cells.{name}": values for name, values in self.cells.items()}
        partial = path.with_name("partial-" + path.name)
        arrays |= {"centres": self.centres, "seen": self.seen}
        np.savez(partial, allow_pickle=False, **arrays)
        partial.rename(path)

    @classmethod
    def load(cls, path: Path) -> "Scenes":
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            kinds: dict[str, dict[str, np.ndarray]] = {"picture": {}, "cells": {}}
            for key in arrays.files:
                kind, _, name = key.partition(".")
                if kind in kinds:
                    kinds[kind][name] = arrays[key]
            return cls(kinds["picture"], kinds["cells"], arrays["centres"], arrays["seen"])


def draw_arms(rng: np.random.Generator) -> np.ndarray:
    """Both arms' joints (14,): at rest, or somewhere about the table."""
    state = START.astype(np.float64)
    for arm in range(2):
        if rng.random() < 0.6:
            part = slice(arm * ARM_WIDTH, (arm + 1) * ARM_WIDTH)
            share = rng.uniform(0.2, 1.0)
            state[part] += share * (rng.uniform(REACH_LOW, REACH_HIGH) - state[part])
    return state.astype(np.float32)


def label_cells(segmentation: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Which cube each cell of a grid shows, (rows * columns,): 0 or 1 + its number."""
    height, width = segmentation.shape
    blocks = segmentation.reshape(rows, height // rows, columns, width // columns)
    cells = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, -1)
    shares = np.stack([(cells == i + 1).mean(axis=1) for i in range(len(CUBES))], axis=1)
    return np.where(shares.max(axis=1) >= LEAST_SHARE, shares.argmax(axis=1) + 1, 0)


@dataclass(frozen=True, slots=True)
class _View:
    picture: np.ndarray
    cells: np.ndarray
    centres: np.ndarray
    seen: np.ndarray


def _draw(seed: int, sizes: dict[str, tuple[int, int]], cell: int) -> list[_View]:
    rng = np.random.default_rng(seed)
    cubes = draw_cubes(rng)
    if rng.random() < 0.35:  # one is in the air, as when it is carried
        lifted = cubes[CUBES[rng.integers(len(CUBES))]]
        lifted[:3] += [*rng.uniform(-0.06, 0.06, 2), rng.uniform(0.02, 0.15)]
    world = _world()
    world.place(draw_arms(rng), cubes)
    drawn = []
    for name, (height, width) in sizes.items():
        picture = resize(world.render(name, *RENDERED), (height, width))
        segmentation = world.render_segmentation(name, *RENDERED)
        cells = label_cells(segmentation, height // cell, width // cell)
        y, x = np.mgrid[0 : RENDERED[0], 0 : RENDERED[1]]
        centres, seen = np.zeros((len(CUBES), 2), np.float32), np.zeros(len(CUBES), bool)
        for i in range(len(CUBES)):
            mask = segmentation == i + 1
            seen[i] = mask.sum() >= LEAST_PIXELS
            if seen[i]:
                centres[i] = x[mask].mean() / RENDERED[1], y[mask].mean() / RENDERED[0]
        drawn.append(_View(picture, cells, centres, seen))
    return drawn


@cache
def _world() -> World:
    return World()


def draw_scenes(
    count: int, seed: int, sizes: dict[str, tuple[int, int]], cell: int, workers: int = 2
) -> Scenes:
    """Draw `count` scenes in `workers` processes. The same seed gives the same scenes.

    `sizes` are the pictures' heights and widths by camera, multiples of `cell` pixels.
    """
    draw = partial(_draw, sizes=sizes, cell=cell)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        every = list(
            tqdm(
                pool.map(draw, range(seed, seed + count), chunksize=16),
                total=count,
                desc="scenes",
                unit="scene",
            )
        )
    by_camera = {name: [scene[i] for scene in every] for i, name in enumerate(sizes)}
    first = next(iter(by_camera.values()))
    return Scenes(
        pictures={name: np.stack([s.picture for s in shots]) for name, shots in by_camera.items()},
        cells={name: np.stack([s.cells for s in shots]) for name, shots in by_camera.items()},
        centres=np.stack([s.centres for s in first]),
        seen=np.stack([s.seen for s in first]),
    )


FIRST_SEED = 100_000
"""Scenes of training start here; evaluation draws from 600,000 on."""


def load_scenes(cache: Path, count: int, sizes: dict[str, tuple[int, int]], cell: int) -> Scenes:
    """Return the scenes kept in `cache`, drawing them the first time."""
    if cache.exists():
        kept = Scenes.load(cache)
        if len(kept) == count:
            return kept
    cache.parent.mkdir(parents=True, exist_ok=True)
    scenes = draw_scenes(count, FIRST_SEED, sizes, cell)
    scenes.save(cache)
    return scenes
