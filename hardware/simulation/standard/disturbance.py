"""What goes wrong in a demonstration on purpose, so that it shows how to find back."""

import numpy as np

from hardware.aloha import ARM_WIDTH, ARMS
from hardware.simulation.standard.world import StandardWorld

SPREAD = (0.25, 0.15, 0.15, 0.15, 0.20, 0.20)
"""Largest deviation of each joint of an arm from its start, radians."""

SLIP_SHARE = 0.5
"""How often a thing slips out of the fingers, too."""

SLIP_HEIGHTS = (0.08, 0.14)
"""How high it is then, metres."""

ASIDE = 0.02
"""How far from where it lay it comes to lie again, at most, in x and in y; metres."""


class Disturbance:
    """Arms that start off their pose, and perhaps a thing that is lost on the way.

    Only the state is disturbed: no action in the demonstration is a wrong one.
    """

    def __init__(self, world: StandardWorld, rng: np.random.Generator) -> None:
        """Draw it, and move both arms of a world just reset, grippers part open."""
        self._world = world
        joints = world.state
        for first in range(0, len(ARMS) * ARM_WIDTH, ARM_WIDTH):
            offset = rng.uniform(-1.0, 1.0, len(SPREAD)) * np.array(SPREAD)
            joints[first : first + len(SPREAD)] += offset.astype(np.float32)
            joints[first + len(SPREAD)] = rng.uniform(0.1, 0.9)
        world.move_arms(joints)
        self._slips = bool(rng.random() < SLIP_SHARE)
        self._height = float(rng.uniform(*SLIP_HEIGHTS))
        self._thing = str(rng.choice(world.task.things))
        shift = np.append(rng.uniform(-ASIDE, ASIDE, 2), 0.0)
        self._place = world.position(self._thing) + shift

    def watch(self) -> None:
        """Look at the world after a step: the thing is lost once, when it is high enough."""
        if self._slips and self._world.position(self._thing)[2] > self._height:
            self._world.put(self._thing, self._place)
            self._slips = False
