"""What a simulated scene looks like apart from its things: surfaces, walls and light."""

from dataclasses import dataclass

import mujoco
import numpy as np

from hardware.aloha_model import (
    FLOOR_COLOUR,
    LIGHTS,
    MAT_COLOUR,
    ROOM_LIGHT,
    TABLE_COLOUR,
    WALL_COLOUR,
    WALLS,
)

Rgba = tuple[float, float, float, float]

HUE_STEPS = 12
"""Unseen surfaces take one of so many hues."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colours of the surfaces, and light."""

    table: Rgba = TABLE_COLOUR
    mat: Rgba = MAT_COLOUR
    walls: Rgba = WALL_COLOUR
    floor: Rgba = FLOOR_COLOUR
    room_light: float = ROOM_LIGHT
    """Of the light that comes from everywhere, 0 to 1."""
    lights: tuple[tuple[tuple[float, float, float], float], ...] = LIGHTS
    """Direction and strength, 0 to 1, of each lamp."""

    def apply(self, model: mujoco.MjModel) -> None:
        """Give `model` this look; what is drawn next shows it."""
        surfaces = {"table": self.table, "mat": self.mat, "floor": self.floor}
        surfaces |= dict.fromkeys(("ceiling", *WALLS), self.walls)
        for name, rgba in surfaces.items():
            model.geom(name).rgba = rgba
        model.vis.headlight.ambient[:] = np.array([1.0, 1.0, 1.06]) * self.room_light
        for number, (direction, strength) in enumerate(self.lights):
            model.light_dir[number] = np.array(direction) / np.linalg.norm(direction)
            model.light_diffuse[number] = strength


def draw_unseen_look(rng: np.random.Generator) -> Look:
    """Draw surfaces and light that training never shows, never as strong as a thing's colour."""
    darkness = rng.uniform(0.45, 1.5)
    return Look(
        table=_pale(rng),
        mat=_pale(rng),
        walls=_pale(rng),
        floor=_pale(rng),
        room_light=ROOM_LIGHT * darkness,
        lights=tuple(
            (
                (float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)), -1.0),
                float(strength * rng.uniform(0.5, 1.6)),
            )
            for _, strength in LIGHTS
        ),
    )


def _pale(rng: np.random.Generator) -> Rgba:
    angle = 2 * np.pi * rng.integers(HUE_STEPS) / HUE_STEPS
    brightness, strength = rng.uniform(0.25, 0.85), rng.uniform(0.05, 0.16)
    shifts = np.cos(angle - np.array([0, 2, 4]) * np.pi / 3)
    red, green, blue = np.clip(brightness + strength * shifts, 0, 1)
    return float(red), float(green), float(blue), 1.0
