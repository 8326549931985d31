"""What goes wrong in a demonstration on purpose, so that it shows how to find back."""

import numpy as np

from hardware.aloha import ARM_WIDTH, ARMS
from hardware.simulation.standard.world import StandardWorld

SPREAD = (0.25, 0.15, 0.15, 0.15, 0.20, 0.20)
"""Largest deviation of each joint of an arm from its start, radians."""

SLIP_SHARE = 0.5
"""How often a thing slips out of the fingers, too."""

SLIP_TICKS = (70, 120)
"""When it does, in control ticks from the start: about when it is lifted."""

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
        self._tick = int(rng.integers(*SLIP_TICKS)) if rng.random() < SLIP_SHARE else None
        self._thing = str(rng.choice(world.task.things))
        shift = np.append(rng.uniform(-ASIDE, ASIDE, 2), 0.0)
        self._place = world.position(self._thing) + shift

    def watch(self) -> None:
        """Look at the world after a step: when it is time, the thing is lost if it is held."""
        held = any(self._world.fingers_on(arm, self._thing) for arm in ARMS)
        if self._world.steps == self._tick and held:
            self._world.put(self._thing, self._place)
