"""Disturbed starts: poses beside the way to a cube, from which a driver must find back."""

import math

import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARMS, START, START_JOINTS, arm_slice
from hardware.interfaces import JointPositions
from hardware.inverse_kinematics import InverseKinematics, TipPose
from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.grasp import HOVER, OVER_OTHERS, PITCH
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.task import Task
from hardware.simulation.things import Thing
from hardware.simulation.world import World

SPREAD = 0.10
"""Metres that a disturbed start may lie off the path."""

LOWEST = 0.05
"""Height of the lowest disturbed start beside a cube, metres."""

ATTEMPTS = 40
"""Draws after which a start gives up on being disturbed; never seen to happen."""


class DisturbedStarts:
    """Draws start states around the path that the expert takes to a task's thing."""

    def __init__(self) -> None:
        self._kinematics = {arm: InverseKinematics(arm) for arm in ARMS}

    def disturb(self, world: World, task: Task, rng: np.random.Generator) -> JointPositions:
        """Move the arm of `world` that acts first to a drawn pose; return the state, shape (14,).

        Things stay. Poses in which the arm would touch anything are drawn again.
        """
        arm, thing = first_move(task)
        places = world.object_positions()
        for _ in range(ATTEMPTS):
            own = self._draw(arm, places[thing.name], rng)
            if own is None:
                continue
            state = START.copy()
            state[arm_slice(arm)] = own
            world.place(state, {})
            contacts = Contacts.of(world)
            bumps = any(contacts.touches(arm, each.name) for each in world.layout.movables)
            if not bumps and not contacts.arm_on_table(arm):
                return state
        raise RuntimeError(f"No free start in {ATTEMPTS} draws for task {task.id!r}.")

    def _draw(
        self, arm: str, thing: Float64[np.ndarray, "3"], rng: np.random.Generator
    ) -> JointPositions | None:
        kinematics = self._kinematics[arm]
        low = float(thing[2]) + OVER_OTHERS
        rest = np.array(START_JOINTS)
        first = kinematics.tip(rest).position
        over = np.array([thing[0], thing[1], low + HOVER])
        share = rng.uniform(0.0, 1.3)
        if share < 1:
            middle = first + share * (over - first)
        else:  # above the cube, between hovering and grasping
            middle = over - np.array([0, 0, HOVER * (share - 1) / 0.3])
        near = 0.03 if share > 1 else SPREAD
        position = middle + rng.uniform(-near, near, 3)
        position[2] = max(position[2], low if share > 1 else LOWEST)
        pitch = min(share * 1.3, 1.0) * PITCH + rng.uniform(-0.2, 0.2)
        pitch = min(max(pitch, 0.0), math.radians(78))
        pose = TipPose(position, kinematics.pointing(position, pitch))
        joints = kinematics.solve(rest, pose, tolerance=2e-3)
        if joints is None:
            return None
        return np.array([*joints, rng.uniform(0.3, 1.0)], np.float32)


def first_move(task: Task) -> tuple[str, Thing]:
    """The arm that moves first and the thing it goes to. Raises `ValueError` for other tasks."""
    match task:
        case Pick():
            return task.arm, task.thing
        case HandOver():
            return task.giver, task.thing
    raise ValueError(f"Nothing is known of how {task.family!r} starts.")
