"""Disturbed starts: states half-way through a task, knocked astray, from which to find back."""

import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARMS, CONTROL_HZ, START, arm_slice
from hardware.interfaces import JointPositions, Observation
from hardware.inverse_kinematics import InverseKinematics, TipPose
from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.expert import expert_for
from hardware.simulation.tasks.task import Task, sideways
from hardware.simulation.world import World

SHARE = 0.3
"""Of a task's time limit after which its expert is stopped at the latest: mostly before it is
done, often with something in a gripper."""

SHORTEST_SECS = 0.3
"""After this it is stopped at the earliest."""

SPREAD = 0.10
"""Metres by which a gripper is knocked off its way at most, along each axis."""

TILT = 0.2
"""Radians by which it is tilted at most."""

LOWEST = 0.04
"""Metres over the table of a knocked gripper's tip at least."""

MOVED = 0.05
"""Radians from rest from which on an arm counts as on its way."""

SQUEEZE = 0.06
"""Openings by which fingers about a thing are set closer: a driver begins with what it measures,
and so with a firm grip."""

STRAYED = 0.015
"""Metres that a thing may have moved where the goal speaks of its place at the start."""

ATTEMPTS = 40
"""Draws after which a start is given up."""


class DisturbedStarts:
    """Lets the expert of any task begin, stops it somewhere and knocks its empty grippers astray.

    An arm that touches something is left as it is, so some starts hold a thing already.
    """

    def __init__(self) -> None:
        self._kinematics = {arm: InverseKinematics(arm) for arm in ARMS}

    def disturb(self, world: World, task: Task, rng: np.random.Generator) -> JointPositions:
        """Bring `world` from its layout into a disturbed state; return that of the arms, (14,).

        Poses in which an arm would touch anything are drawn again.
        """
        for _ in range(ATTEMPTS):
            _begin(world, task, rng)
            if settled(world, task):
                world.set_out(world.layout)
                continue
            state = self._knocked(world, rng)
            if state is not None and not settled(world, task):
                return state
            world.set_out(world.layout)
        raise RuntimeError(f"No free start in {ATTEMPTS} draws for task {task.id!r}.")

    def _knocked(self, world: World, rng: np.random.Generator) -> JointPositions | None:
        """Knock every empty arm that is on its way; None if all draws bump into something."""
        before, contacts = world.state(), Contacts.of(world)
        busy = [arm for arm in ARMS if any(contacts.touches(arm, t.name) for t in world.things)]
        grippers = [arm_slice(arm).stop - 1 for arm in busy]
        before[grippers] = np.maximum(before[grippers] - SQUEEZE, 0.0)
        empty = [arm for arm in ARMS if arm not in busy and _on_its_way(before[arm_slice(arm)])]
        state = before.copy()
        for _ in range(ATTEMPTS):
            drawn = {arm: self._drawn(arm, before[arm_slice(arm)], rng) for arm in empty}
            if any(own is None for own in drawn.values()):
                continue
            for arm, own in drawn.items():
                state[arm_slice(arm)] = own
            world.place(state, {})
            if not any(Contacts.of(world).touched(arm) - {""} for arm in empty):
                return state
        return None

    def _drawn(
        self, arm: str, own: JointPositions, rng: np.random.Generator
    ) -> JointPositions | None:
        kinematics = self._kinematics[arm]
        joints = own[:-1].astype(np.float64)
        tip = kinematics.tip(joints)
        position = tip.position + rng.uniform(-SPREAD, SPREAD, 3)
        position[2] = max(position[2], LOWEST)
        pose = TipPose(position, tip.rotation @ _tilted(float(rng.uniform(-TILT, TILT))))
        found = kinematics.solve(joints, pose, tolerance=2e-3)
        if found is None:
            return None
        return np.array([*found, rng.uniform(0.3, 1.0)], np.float32)


def _begin(world: World, task: Task, rng: np.random.Generator) -> None:
    """Let the expert do the beginning of `task`."""
    expert = expert_for(task, world, rng)
    expert.reset()
    ticks = CONTROL_HZ * rng.uniform(SHORTEST_SECS, SHARE * task.limit_secs)
    for _ in range(round(ticks)):
        action = expert.act(Observation(world.now(), world.state(), {}))
        if action is not None:
            for arm in ARMS:
                world.command(arm, action[arm_slice(arm)])
        world.step_tick()


def settled(world: World, task: Task) -> bool:
    """Whether nothing is left to show: it is done or spoilt, or no picture tells the goal now."""
    forgotten = task.from_start and any(
        float(np.linalg.norm(sideways(world, thing))) > STRAYED for thing in task.things
    )
    return forgotten or task.done(world) or task.wrong(world) is not None


def _tilted(angle: float) -> Float64[np.ndarray, "3 3"]:
    """Turn about the gripper's own left axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _on_its_way(own: JointPositions) -> bool:
    return bool(np.abs(own - START[: len(own)])[:-1].max() > MOVED)
