"""Pictures of random simulated scenes with the truth about them: what is where.

The simulator's own labels, no driver needed. They teach a small vision tower where things are,
which the flow loss alone does not in the time a laptop has (`docs/log.md`).
"""

import logging
import math
import os
import zipfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hardware.simulation.layout import TABLES, Layout, upright
from hardware.simulation.seeds import VALIDATION_SEED
from hardware.worker_processes import begin_worker
from policy.data.item import Place
from policy.data.kinds import KINDS
from policy.data.scene_drawing import LEAST_PIXELS, RENDERED, Drawn, draw_scene

logger = logging.getLogger(__name__)

FORMAT = 4
"""Of the saved file; raised when what is drawn changes, so that an old cache is drawn again."""

VIEWED = ("centres", "seen", "boxes", "areas")
ARRANGED = ("table", "present", "spots", "tips", "held", "inside", "opening", "distances")
TRUTHS = (*VIEWED, *ARRANGED)
"""The fields of `Scenes` that are one array."""


@dataclass(frozen=True, slots=True)
class Scenes:
    """N labelled scenes. Where an axis is `kinds`, it counts `KINDS`."""

    pictures: Mapping[str, np.ndarray]
    """Camera to (N, height, width, 3) uint8."""
    cells: Mapping[str, np.ndarray]
    """Camera to (N, cells) int64: 0 nothing, 1 + number of the kind; cells row by row."""
    centres: np.ndarray
    """(N, kinds, 2) float32: a point where the first camera sees each, x and y in 0..1."""
    seen: np.ndarray
    """(N, kinds) bool: whether the first camera sees it."""
    boxes: np.ndarray
    """(N, kinds, 4) float32: around what the first camera sees of it, x1, y1, x2, y2 in 0..1."""
    areas: np.ndarray
    """(N, kinds) float32: share of the first camera's picture that shows it."""
    table: np.ndarray
    """(N,) int64: number of the table in `TABLES`."""
    present: np.ndarray
    """(N, kinds) bool: whether it is in the scene, seen or not."""
    spots: np.ndarray
    """(N, kinds, 3) float32: middle of each in metres, the foot of what stays; 0 if absent."""
    tips: np.ndarray
    """(N, arms, 3) float32: the point between the finger pads of each arm, metres."""
    held: np.ndarray
    """(N, kinds) int64: 0 held by nobody, 1 + number of the arm in `ARMS`."""
    inside: np.ndarray
    """(N, kinds) int64: 0 in nothing, 1 + number of the kind that it lies in."""
    opening: np.ndarray
    """(N,) float32: how far the drawer is out, metres; 0 without one."""
    distances: np.ndarray
    """(N, kinds) float32: metres from the first camera to `spots`."""

    def __len__(self) -> int:
        return len(self.seen)

    @property
    def camera(self) -> str:
        """The first camera, whose view centres, boxes and areas are of."""
        return next(iter(self.pictures))

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of the pictures of each camera."""
        return {name: (shots.shape[1], shots.shape[2]) for name, shots in self.pictures.items()}

    def layout(self, number: int) -> Layout:
        """What stands where in scene `number` now, all upright, as instructions are told of it."""
        poses = {
            KINDS[kind]: upright(*(float(metres) for metres in self.spots[number, kind]))
            for kind in np.flatnonzero(self.present[number])
        }
        return Layout(TABLES[int(self.table[number])], poses)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the first camera's cells."""
        height, width = self.sizes[self.camera]
        cell = math.isqrt(height * width // self.cells[self.camera].shape[1])
        return height // cell, width // cell

    def place(self, number: int, kind: int | None, arm: int = -100) -> Place:
        """What each token of scene `number` shows, and which is meant when `kind` is named.

        `arm` is the number of the arm that is to go there, if one is.
        """
        return self.place_at(number, None if kind is None else self.centres[number, kind], arm)

    def place_at(self, number: int, centre: np.ndarray | None, arm: int = -100) -> Place:
        """The same where a point (2,) of the first picture is meant, x and y in 0..1."""
        rows, columns = self.grid
        cells = np.concatenate([self.cells[name][number] for name in self.pictures])
        if centre is None or not ((centre >= 0) & (centre <= 1)).all():
            return Place(cells, -100, np.zeros(2, np.float32), -100, rows * columns)
        centre = np.asarray(centre, np.float32)
        column = min(int(centre[0] * columns), columns - 1)
        row = min(int(centre[1] * rows), rows - 1)
        return Place(cells, row * columns + column, centre, arm, rows * columns)

    def of(self, rows: np.ndarray) -> "Scenes":
        """Only these scenes, in this order."""
        return replace(
            self,
            pictures={name: pictures[rows] for name, pictures in self.pictures.items()},
            cells={name: cells[rows] for name, cells in self.cells.items()},
            **{name: getattr(self, name)[rows] for name in TRUTHS},
        )

    def save(self, path: Path) -> None:
        """Write as one .npz file."""
        arrays = {f"picture.{name}": values for name, values in self.pictures.items()}
        arrays |= {f"cells.{name}": values for name, values in self.cells.items()}
        arrays |= {name: getattr(self, name) for name in TRUTHS}
        partial = path.with_name("partial-" + path.name)
        np.savez(partial, allow_pickle=False, format=np.array(FORMAT), **arrays)
        partial.rename(path)

    @classmethod
    def load(cls, path: Path) -> "Scenes":
        """Read what `save` wrote. Raises `ValueError` when it was written in another format."""
        with np.load(path) as arrays:
            found = int(arrays["format"]) if "format" in arrays.files else 1
            if found != FORMAT:
                raise ValueError(
                    f"Scenes are kept in format {FORMAT}, {path.name} has format {found}. "
                    "Delete it: scenes are drawn again."
                )
            kinds: dict[str, dict[str, np.ndarray]] = {"picture": {}, "cells": {}}
            for key in arrays.files:
                kind, _, name = key.partition(".")
                if kind in kinds:
                    kinds[kind][name] = arrays[key]
            truths = {name: arrays[name] for name in TRUTHS}
            return cls(pictures=kinds["picture"], cells=kinds["cells"], **truths)


def draw_scenes(
    count: int, seed: int, sizes: dict[str, tuple[int, int]], cell: int, workers: int = 2
) -> Scenes:
    """Draw `count` scenes in `workers` processes. The same seed gives the same scenes.

    `sizes` are the pictures' heights and widths by camera, multiples of `cell` pixels.
    """
    draw = partial(draw_scene, sizes=sizes, cell=cell)
    with ProcessPoolExecutor(workers, get_context("spawn"), begin_worker) as pool:
        drawing = pool.map(draw, range(seed, seed + count), chunksize=16)
        every = list(tqdm(drawing, total=count, desc="scenes", unit="scene"))
    return _together(every, list(sizes))


def _together(every: list[Drawn], cameras: list[str]) -> Scenes:
    by_camera = {name: [scene.views[i] for scene in every] for i, name in enumerate(cameras)}
    first = by_camera[cameras[0]]
    areas = np.stack([view.areas for view in first])
    return Scenes(
        pictures={name: np.stack([s.picture for s in shots]) for name, shots in by_camera.items()},
        cells={name: np.stack([s.cells for s in shots]) for name, shots in by_camera.items()},
        centres=np.stack([view.centres for view in first]),
        seen=areas >= (LEAST_PIXELS - 0.5) / (RENDERED[0] * RENDERED[1]),
        boxes=np.stack([view.boxes for view in first]),
        areas=areas,
        **{name: np.stack([scene.truths[name] for scene in every]) for name in ARRANGED},
    )


FIRST_SEED = 100_000
"""Scenes of training start here, and end before those kept for measuring."""


def load_scenes(cache: Path, count: int, sizes: dict[str, tuple[int, int]], cell: int) -> Scenes:
    """Return the scenes kept in `cache`, drawing them the first time, and when they do not fit.

    Raises `ValueError` for more than there are for training.
    """
    if count > VALIDATION_SEED - FIRST_SEED:
        raise ValueError(
            f"There are {VALIDATION_SEED - FIRST_SEED} scenes to train on, got {count}."
        )
    kept = _kept(cache) if cache.exists() else None
    if kept is not None and len(kept) == count and kept.sizes == sizes:
        return kept
    cache.parent.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    scenes = draw_scenes(count, FIRST_SEED, sizes, cell, workers=cores)
    scenes.save(cache)
    return scenes


def _kept(cache: Path) -> Scenes | None:
    try:
        return Scenes.load(cache)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        logger.info("Drawing the scenes again: %s", error)
        return None
