"""Starts with the arms off their pose, so that demonstrations show how to find back."""

import numpy as np

from hardware.aloha import ARM_WIDTH, ARMS
from hardware.simulation.standard.world import StandardWorld

SPREAD = (0.25, 0.15, 0.15, 0.15, 0.20, 0.20)
"""Largest deviation of each joint of an arm from its start, radians."""


def disturb(world: StandardWorld, rng: np.random.Generator) -> None:
    """Move both arms of a world just reset to a pose near their start, grippers part open."""
    joints = world.state.copy()
    for number, _ in enumerate(ARMS):
        first = number * ARM_WIDTH
        offset = rng.uniform(-1.0, 1.0, len(SPREAD)) * np.array(SPREAD)
        joints[first : first + len(SPREAD)] += offset.astype(np.float32)
        joints[first + len(SPREAD)] = rng.uniform(0.1, 0.9)
    world.move_arms(joints)
