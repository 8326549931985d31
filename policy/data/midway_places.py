"""Tasks under way as a source: what the sentence asks for at this moment, and with which arm."""

import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64
from tqdm import tqdm

from hardware.aloha import START, aloha_embodiment
from hardware.embodiment import Embodiment
from hardware.simulation.seeds import VALIDATION_SEED
from hardware.worker_processes import begin_worker
from policy.data.demonstrations import Augment, Reword
from policy.data.gripper_paths import known_camera, seen_tips
from policy.data.item import Item
from policy.data.midway import Midway, draw_midway
from policy.data.places import gripper_state
from policy.data.scenes import FIRST_SEED
from policy.data.touches import NOWHERE, Touches
from policy.model.config import QwenVLAConfig
from policy.model.prompt import action_prompt

FORMAT = 1
"""Of the saved folder; raised when what is drawn changes, so that an old one is drawn again."""

INDEX = "index.json"
"""Says what was drawn."""

Sizes = Mapping[str, tuple[int, int]]
"""Height and width of the pictures of each view."""


@dataclass(frozen=True, slots=True)
class Midways:
    """N tasks under way, their pictures on disk."""

    pictures: Mapping[str, np.ndarray]
    """By view, (N, height, width, 3) uint8."""
    centres: Float32[np.ndarray, "n 2"]
    """Where the first camera sees the next act, x and y in 0..1."""
    arms: Int64[np.ndarray, "n"]
    """Number of the hand that acts; `NOWHERE` where the first camera does not see the place."""
    holding: Int64[np.ndarray, "n"]
    """Number of the arm that holds something, or -1."""
    said: tuple[tuple[str, ...], ...]
    """Wordings of each."""

    def __len__(self) -> int:
        return len(self.arms)


class MidwayPlaces:
    """Each told in one of its wordings; asked is where a hand acts next, and which."""

    def __init__(
        self,
        midways: Midways,
        embodiment: Embodiment,
        config: QwenVLAConfig,
        cell: int,
        vary: tuple[Augment, Reword],
    ) -> None:
        """The first of `vary` must leave things where they are, the other what is meant.

        `cell` is the side of an image token in pixels.
        """
        self.name = "midway"
        self._midways, self._config, self._embodiment = midways, config, embodiment
        self._augment, self._reword = vary
        self._touches = Touches(midways.centres, midways.arms)
        height, width = next(iter(midways.pictures.values())).shape[1:3]
        self._grid = height // cell, width // cell

    def __len__(self) -> int:
        return len(self._midways)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Task `index`, and where a hand acts next for it."""
        wordings = self._midways.said[index]
        said = self._reword(wordings[int(rng.integers(len(wordings)))], rng)
        state = np.zeros(0, np.float32)
        if self._config.prompt_grippers:
            state = gripper_state(self._embodiment, {int(self._midways.holding[index])}, rng)
        prompt = action_prompt(self._config, self._embodiment, said, state)
        pictures = {name: np.asarray(p[index]) for name, p in self._midways.pictures.items()}
        place = self._touches.place(index, self._grid)
        return Item("grounding", prompt, self._augment(pictures, rng), place=place)


def load_midways(folder: Path, count: int, sizes: Sizes) -> Midways:
    """Return the tasks kept in `folder`, drawing them the first time, and when they do not fit.

    Raises `ValueError` for none, for more than there are for training, and for a first view of
    which labels cannot be told.
    """
    if not 0 < count <= VALIDATION_SEED - FIRST_SEED:
        raise ValueError(
            f"There are 1 to {VALIDATION_SEED - FIRST_SEED} tasks under way to train on, got "
            f"{count}. Change midway."
        )
    _require_still(next(iter(sizes)))
    wanted = {"format": FORMAT, "count": count, "sizes": {k: list(v) for k, v in sizes.items()}}
    if _drawn(folder) != wanted:
        partial = folder.with_name(f"partial-{folder.name}-{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            _draw(partial, count, sizes)
            (partial / INDEX).write_text(json.dumps(wanted))
            shutil.rmtree(folder, ignore_errors=True)  # who has it mapped keeps it
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    with np.load(folder / "labels.npz") as labels:
        centres, arms = labels["centres"], labels["arms"]
        inside = ((centres >= 0) & (centres <= 1)).all(axis=1)
        return Midways(
            {view: np.load(_pictures(folder, view), mmap_mode="r") for view in sizes},
            centres,
            np.where(inside, arms, NOWHERE),
            labels["holding"],
            tuple(tuple(each) for each in json.loads((folder / "said.json").read_text())),
        )


def _require_still(view: str) -> None:
    body = aloha_embodiment()
    kinematics = known_camera(body, view)
    if kinematics is None:
        raise ValueError(
            f"Where a hand acts is told in the first view; that must be what a camera of "
            f"{body.name!r} sees now, got {view!r}."
        )
    seen_tips(START[None], kinematics, view, 1.0)  # refuses a camera that moves


def _drawn(folder: Path) -> object:
    """What the folder says it holds; None for nothing that can be read."""
    try:
        return json.loads((folder / INDEX).read_text())
    except (OSError, ValueError):
        return None


def _draw(folder: Path, count: int, sizes: Sizes) -> None:
    """Draw with every core, pictures straight to disk."""
    files = {
        view: np.lib.format.open_memmap(_pictures(folder, view), "w+", np.uint8, (count, *size, 3))
        for view, size in sizes.items()
    }
    drawn: list[Midway] = []
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, get_context("spawn"), begin_worker) as pool:
        seeds = range(FIRST_SEED, FIRST_SEED + count)
        drawing = pool.map(partial(draw_midway, sizes=dict(sizes)), seeds, chunksize=16)
        for number, each in enumerate(tqdm(drawing, total=count, desc="midway", unit="scene")):
            for view, file in files.items():
                file[number] = each.pictures[view]
            drawn.append(replace(each, pictures={}))
    np.savez(
        folder / "labels.npz",
        centres=np.stack([each.centre for each in drawn]),
        arms=np.array([each.arm for each in drawn]),
        holding=np.array([each.holding for each in drawn]),
    )
    (folder / "said.json").write_text(json.dumps([each.said for each in drawn]))


def _pictures(folder: Path, view: str) -> Path:
    return folder / f"picture.{view}.npy"
