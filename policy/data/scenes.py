"""Pictures of random simulated scenes with the truth about them: what is where.

The simulator's own labels, no driver needed. They teach a small vision tower where things are,
which the flow loss alone does not in the time a laptop has (`docs/log.md`).
"""

import logging
import zipfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import mujoco
import numpy as np
from jaxtyping import Float64
from tqdm import tqdm

from hardware.aloha import ARM_WIDTH, ARMS, START
from hardware.aloha_model import tip_site
from hardware.simulation.scene import CUBES
from hardware.simulation.world import World, draw_cubes

logger = logging.getLogger(__name__)

RENDERED = (240, 320)
"""Height and width drawn before resizing, as demonstrations are."""

REACH_LOW = np.array([-0.7, -0.9, 0.3, -0.3, -0.5, -0.5, 0.0])
REACH_HIGH = np.array([0.7, 0.6, 1.4, 0.3, 1.6, 0.5, 1.0])
"""Joint ranges (radians, gripper opening) in which arms are strewn about the work area."""

LEAST_SHARE = 0.12
"""Share of a cell's pixels that an object must cover to be what the cell shows."""

LEAST_PIXELS = 20
"""Of `RENDERED` pixels that must show an object for it to count as seen."""

HOLDING = 0.45
"""Opening of a gripper whose pads touch a cube between them."""

LOWEST_CARRIED = 0.06
"""Metres over the table from which on a gripper may be shown holding a cube."""

AWAY = np.array([0.0, 0.5, -50.0, 0.0])
"""Pose of a cube that is taken out of the scene: too far below the floor to be seen."""

FORMAT = 2
"""Of the saved file; raised when what is drawn changes, so that an old cache is drawn again."""

TRUTHS = ("centres", "seen", "boxes", "areas", "spots", "tips", "held", "distances")
"""The fields of `Scenes` that are one array."""


@dataclass(frozen=True, slots=True)
class Scenes:
    """N labelled scenes."""

    pictures: Mapping[str, np.ndarray]
    """Camera to (N, height, width, 3) uint8."""
    cells: Mapping[str, np.ndarray]
    """Camera to (N, cells) int64: 0 nothing, 1 + number in `CUBES`; cells row by row."""
    centres: np.ndarray
    """(N, cubes, 2) float32: a point where the first camera sees each cube, x and y in 0..1."""
    seen: np.ndarray
    """(N, cubes) bool: whether the first camera sees it."""
    boxes: np.ndarray
    """(N, cubes, 4) float32: around what the first camera sees of it, x1, y1, x2, y2 in 0..1."""
    areas: np.ndarray
    """(N, cubes) float32: share of the first camera's picture that shows it."""
    spots: np.ndarray
    """(N, cubes, 3) float32: middle of each cube in metres; also of cubes out of the scene."""
    tips: np.ndarray
    """(N, arms, 3) float32: the point between the finger pads of each arm, metres."""
    held: np.ndarray
    """(N, cubes) int64: 0 held by nobody, 1 + number of the arm in `ARMS`."""
    distances: np.ndarray
    """(N, cubes) float32: metres from the first camera to the middle of each cube."""

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
    boxes: np.ndarray
    areas: np.ndarray


@dataclass(frozen=True, slots=True)
class _Drawn:
    views: list[_View]
    spots: np.ndarray
    tips: np.ndarray
    held: np.ndarray
    distances: np.ndarray


def _arrange(world: World, rng: np.random.Generator) -> np.ndarray:
    """Set up one scene; returns who holds each cube, as `Scenes.held` says it."""
    cubes = draw_cubes(rng)
    arms = draw_arms(rng)
    held = np.zeros(len(CUBES), np.int64)
    if rng.random() < 0.3:  # so that counting is no guess
        for name in rng.permutation(CUBES)[: rng.integers(1, len(CUBES))]:
            cubes[name] = AWAY
    world.place(arms, cubes)
    if rng.random() < 0.35:  # one is in the air, as when it is carried
        number, arm = int(rng.integers(len(CUBES))), int(rng.integers(len(ARMS)))
        if rng.random() < 0.5 and world.tip(ARMS[arm])[2] > LOWEST_CARRIED:
            cubes[CUBES[number]] = _in_gripper(world, ARMS[arm], rng)
            arms[(arm + 1) * ARM_WIDTH - 1] = HOLDING
            held[number] = 1 + arm
        elif cubes[CUBES[number]] is not AWAY:
            cubes[CUBES[number]][:3] += [*rng.uniform(-0.06, 0.06, 2), rng.uniform(0.02, 0.15)]
        world.place(arms, cubes)
    return held


def _in_gripper(world: World, arm: str, rng: np.random.Generator) -> Float64[np.ndarray, "7"]:
    """Pose of a cube between the pads of `arm`, turned at random about the line between them."""
    with world.lock:
        tip = world.data.site(tip_site(arm)).xmat.copy()
    turn, own, pose = rng.uniform(-0.8, 0.8), np.empty(4), np.empty(4)
    mujoco.mju_mat2Quat(own, tip)
    mujoco.mju_mulQuat(pose, own, np.array([np.cos(turn / 2), 0, np.sin(turn / 2), 0]))
    return np.array([*world.tip(arm), *pose])


def _look(segmentation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (cubes, 2), boxes (cubes, 4) and areas (cubes,) as `Scenes` has them."""
    size = np.array(segmentation.shape[::-1], np.float32)
    centres = np.zeros((len(CUBES), 2), np.float32)
    boxes = np.zeros((len(CUBES), 4), np.float32)
    areas = np.zeros(len(CUBES), np.float32)
    for number in range(len(CUBES)):
        y, x = np.nonzero(segmentation == number + 1)
        areas[number] = len(x) / segmentation.size
        if len(x) < LEAST_PIXELS:
            continue
        spots = np.stack([x, y], axis=1)
        # The mean of a cube behind a finger may lie on the finger: take the pixel next to it.
        nearest = np.linalg.norm(spots - spots.mean(axis=0), axis=1).argmin()
        centres[number] = (spots[nearest] + 0.5) / size
        boxes[number] = np.concatenate([spots.min(axis=0) / size, (spots.max(axis=0) + 1) / size])
    return centres, boxes, areas


def _draw(seed: int, sizes: dict[str, tuple[int, int]], cell: int) -> _Drawn:
    world = _world()
    held = _arrange(world, np.random.default_rng(seed))
    views = []
    for name, (height, width) in sizes.items():
        # As the processor resizes, whose import would cost each drawing process ten seconds.
        picture = cv2.resize(
            world.render(name, *RENDERED), (width, height), interpolation=cv2.INTER_AREA
        )
        segmentation = world.render_segmentation(name, *RENDERED)
        cells = label_cells(segmentation, height // cell, width // cell)
        views.append(_View(picture, cells, *_look(segmentation)))
    spots = np.stack(list(world.object_positions().values())).astype(np.float32)
    with world.lock:
        eye = world.data.camera(next(iter(sizes))).xpos.copy()
    return _Drawn(
        views,
        spots,
        np.stack([world.tip(arm) for arm in ARMS]).astype(np.float32),
        held,
        np.linalg.norm(spots - eye, axis=1).astype(np.float32),
    )


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
        drawing = pool.map(draw, range(seed, seed + count), chunksize=16)
        every = list(tqdm(drawing, total=count, desc="scenes", unit="scene"))
    by_camera = {name: [scene.views[i] for scene in every] for i, name in enumerate(sizes)}
    first = next(iter(by_camera.values()))
    areas = np.stack([view.areas for view in first])
    return Scenes(
        pictures={name: np.stack([s.picture for s in shots]) for name, shots in by_camera.items()},
        cells={name: np.stack([s.cells for s in shots]) for name, shots in by_camera.items()},
        centres=np.stack([view.centres for view in first]),
        seen=areas >= (LEAST_PIXELS - 0.5) / (RENDERED[0] * RENDERED[1]),
        boxes=np.stack([view.boxes for view in first]),
        areas=areas,
        spots=np.stack([scene.spots for scene in every]),
        tips=np.stack([scene.tips for scene in every]),
        held=np.stack([scene.held for scene in every]),
        distances=np.stack([scene.distances for scene in every]),
    )


FIRST_SEED = 100_000
"""Scenes of training start here; evaluation draws from 600,000 on."""


def load_scenes(cache: Path, count: int, sizes: dict[str, tuple[int, int]], cell: int) -> Scenes:
    """Return the scenes kept in `cache`, drawing them the first time, and when they do not fit."""
    kept = _kept(cache) if cache.exists() else None
    if kept is not None and len(kept) == count and kept.sizes == sizes:
        return kept
    cache.parent.mkdir(parents=True, exist_ok=True)
    scenes = draw_scenes(count, FIRST_SEED, sizes, cell)
    scenes.save(cache)
    return scenes


def _kept(cache: Path) -> Scenes | None:
    try:
        return Scenes.load(cache)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        logger.info("Drawing the scenes again: %s", error)
        return None
