"""Pulling the drawer open by its knob with one arm. Knows nothing of what it is for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hardware.simulation.experts.grasp import HOVER, NEAR, OPENED, PITCH
from hardware.simulation.experts.reach import Goal
from hardware.simulation.layout import DRAWER_SPOT
from hardware.simulation.stock import DRAWER_SIZE, KNOB
from hardware.simulation.world import World

OPEN = 0.085
"""Metres that the drawer is pulled out; a judge asks for less."""

STILL_OPEN = 0.07
"""Metres out below which it is pulled again."""

OVER_KNOB = 0.018
"""Metres from the knob's middle up to a tip that grips it: its fingers stay over the cabinet."""

ABOUT = 0.04
"""Metres beside the knob within which a low gripper is about it."""

GRIPPED = 0.5
"""Opening below which fingers have closed on the knob."""

PULL = 0.055
"""Metres that the goal lies ahead of the tip while it pulls."""


@dataclass(frozen=True)
class Pull:
    """The drawer is opened, and let go."""

    arm: str

    def made(self, world: World) -> bool:
        """Whether the drawer is out and the gripper is not about its knob."""
        opening = world.drawer_opening()
        return opening >= STILL_OPEN and not self._about(world)

    def goal(self, world: World, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        """Where to go from a gripper whose `tip` (3,) and `opening` were measured."""
        aim = knob(world) + np.array([0.0, 0.0, OVER_KNOB])
        if world.drawer_opening() >= OPEN:
            rise = 0.1 if opening > GRIPPED + 0.1 else 0.0
            return Goal(tip + np.array([0.0, 0.0, rise]), PITCH, gripper=1.0)
        aside = float(np.hypot(*(tip - aim)[:2]))
        if aside < 2 * NEAR and abs(tip[2] - aim[2]) < 2 * NEAR and opening < GRIPPED:
            return Goal(np.array([aim[0], tip[1] - PULL, aim[2]]), PITCH, gripper=0.0)
        closing = aside < NEAR and abs(tip[2] - aim[2]) < NEAR
        over = np.clip((aside - 0.012) / 0.05, 0.0, 1.0)
        if opening < OPENED and aside > 2 * NEAR:
            over = 1.0
        aim[2] += HOVER * float(over * over * (3 - 2 * over))
        return Goal(aim, PITCH, gripper=0.0 if closing else 1.0)

    def _about(self, world: World) -> bool:
        away = world.tip(self.arm) - knob(world)
        return float(np.hypot(away[0], away[1])) < ABOUT and float(away[2]) < ABOUT


def knob(world: World) -> Float64[np.ndarray, "3"]:
    """Where the middle of the drawer's knob is, metres."""
    x, y = DRAWER_SPOT
    height = DRAWER_SIZE[2] + 0.002 + KNOB[2]
    return np.array([x + KNOB[0], y + KNOB[1] - world.drawer_opening(), height])
