"""How random scenes differ from those of demonstrations: names, shapes, places, surfaces, light.

The paper's network has seen the world's colours and shapes before it sees a robot. Scenes stand for
that: they show what demonstrations hold out, and no driver. Draws no picture.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hardware.aloha_model import LIGHTS, ROOM_LIGHT
from hardware.simulation.layout import Layout, Pose, draw_layout
from hardware.simulation.look import HUE_STEPS, Look, Rgba
from hardware.simulation.stock import STOCK
from hardware.simulation.things import (
    COLOURS,
    HALF_HEIGHTS,
    SHAPES,
    UNSEEN_COLOURS,
    UNSEEN_SHAPES,
    Thing,
)

PLAIN = 0.4
"""Share of scenes whose things are those of demonstrations, where these lie."""

RENAMED = 0.6
"""Share of the others in which some colours are others, and share in which some shapes are."""

ELSEWHERE = 0.35
"""Share of the others in which things lie around where they do in demonstrations."""

DRESSED = 0.5
"""Share of all scenes with surfaces and light of their own."""

Poses = Mapping[Thing, Pose]


def draw_varied_layout(table: str, seed: int, rng: np.random.Generator) -> Layout:
    """Draw scene `seed` of `table`, varied by `rng`. Every task that it offers can be told."""
    plain = rng.random() < PLAIN
    recoloured, reshaped, elsewhere = rng.random(3) < (RENAMED, RENAMED, ELSEWHERE)
    layout = draw_layout(table, seed, "position" if elsewhere and not plain else None)
    poses: Poses = layout.poses
    if recoloured and not plain:
        poses = _recoloured(poses, rng)
    if reshaped and not plain:
        poses = _reshaped(poses, rng)
    look = draw_broad_look(rng) if rng.random() < DRESSED else layout.look
    return replace(layout, poses=poses, look=look)


def draw_broad_look(rng: np.random.Generator) -> Look:
    """Draw surfaces of any brightness, pale or strong, and light from anywhere above.

    A family that includes much of what an evaluation's looks (`draw_unseen_look`) are like, as a
    pretrained network has seen rooms of all kinds; of the hues of those, `HUE_STEPS` in number,
    none comes nearer than a quarter of a step, 7.5 degrees.
    """
    return Look(
        table=_surface(rng),
        mat=_surface(rng),
        walls=_surface(rng),
        floor=_surface(rng),
        room_light=ROOM_LIGHT * rng.uniform(0.45, 1.4),
        lights=tuple(
            (
                (float(rng.uniform(-1.3, 1.3)), float(rng.uniform(-1.3, 1.3)), -1.0),
                float(strength * rng.uniform(0.4, 1.4)),
            )
            for _, strength in LIGHTS
        ),
    )


def _surface(rng: np.random.Generator) -> Rgba:
    step = rng.integers(HUE_STEPS) + rng.uniform(0.25, 0.75)
    brightness, strength = rng.uniform(0.12, 0.92), rng.uniform(0.0, 0.3)
    strength = min(strength, brightness, 1 - brightness)  # what is cut off would turn the hue
    shifts = np.cos(2 * np.pi * step / HUE_STEPS - np.array([0, 2, 4]) * np.pi / 3)
    red, green, blue = brightness + strength * shifts
    return float(red), float(green), float(blue), 1.0


def _recoloured(poses: Poses, rng: np.random.Generator) -> Poses:
    """Exchange one to four colours for others, the same way everywhere: what matched still does."""
    count = int(rng.integers(1, len(COLOURS) + 1))
    gone = rng.permutation(COLOURS)[:count].tolist()
    come = rng.permutation(UNSEEN_COLOURS)[:count].tolist()
    other = dict(zip(gone, come, strict=True))
    return {
        replace(thing, colour=other.get(thing.colour, thing.colour)): pose
        for thing, pose in poses.items()
    }


def _reshaped(poses: Poses, rng: np.random.Generator) -> Poses:
    """Give about two in three of the movable things a shape that demonstrations lack."""
    changed: dict[Thing, Pose] = {}
    for thing, pose in poses.items():
        used = [each.shape for each in changed]
        free = [
            shape
            for shape in _exchangeable(thing.shape)
            if used.count(shape) < STOCK[shape] and Thing(thing.colour, shape) not in changed
        ]
        if free and rng.random() < 2 / 3:
            thing = replace(thing, shape=free[int(rng.integers(len(free)))])
            pose = np.array([*pose[:2], HALF_HEIGHTS[thing.shape], *pose[3:]])
        changed[thing] = pose
    return changed


def _exchangeable(shape: str) -> tuple[str, ...]:
    if shape in SHAPES:
        return UNSEEN_SHAPES
    return ("rod",) if shape == "peg" else ()
