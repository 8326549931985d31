"""Moving things to places, one after the other, each with one arm. Knows no task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from hardware.aloha import arm_slice
from hardware.interfaces import Action, Observation
from hardware.simulation.contacts import Contacts
from hardware.simulation.experts.grasp import OPENED, PITCH, Grasp
from hardware.simulation.experts.pulling import Pull
from hardware.simulation.experts.reach import Goal
from hardware.simulation.experts.turns import Turns
from hardware.simulation.experts.variation import STEADY, Variation
from hardware.simulation.stock import BOWL_HEIGHT, SOCKET_HEIGHT, TRAY_HEIGHT
from hardware.simulation.tasks.task import AWAY
from hardware.simulation.things import HALF_HEIGHTS, Thing
from hardware.simulation.world import World

TOPS = {"bowl": BOWL_HEIGHT, "tray": TRAY_HEIGHT, "socket": SOCKET_HEIGHT, "drawer": 0.09}
"""Metres from the table to the top of what does not move; of a drawer, its knob."""

CLEARANCE = 0.018
"""Metres at which a thing is carried over everything else."""

CENTRED = 0.004
"""Metres beside its place at which a thing is let go, at most."""

SEATED = 0.006
"""Metres above the height for letting go at which it is let go."""

FINGERS = 0.035
"""Metres by which a tip must be over the top of a thing so that the fingers pass over it."""

Point = Float64[np.ndarray, "3"]


@dataclass(frozen=True)
class Move:
    """One thing to its place."""

    thing: Thing
    arm: str
    place: Point
    """Of its middle when it stands there, metres."""
    within: float = 0.012
    """Metres beside `place` that are near enough."""
    drop: float = 0.0
    """Metres above `place` from which it falls."""
    brim: float = 0.0
    """Metres above `place` below which it may come only when it is centred."""

    shift: float = 0.0
    """Metres along x from `place` at which it is let go."""

    @property
    def target(self) -> Point:
        """Where its middle is to be when it is let go, metres."""
        return np.asarray(self.place + np.array([self.shift, 0.0, self.drop]))

    def made(self, world: World) -> bool:
        """Whether the thing is in its place and the gripper has withdrawn or has another."""
        thing = world.object_positions()[self.thing.name]
        if not self.ends(thing):
            return False
        touched = Contacts.of(world).touched(self.arm)
        clear = max(HALF_HEIGHTS[self.thing.shape] + FINGERS, AWAY + 0.005)
        away = float(np.linalg.norm(world.tip(self.arm) - thing)) > clear
        others = {each.name for each in world.layout.movables if each != self.thing}
        return self.thing.name not in touched and (away or bool(touched & others))

    def ends(self, thing: Point) -> bool:
        """Whether a `thing` there (3,) that nobody holds stays or falls where it should be."""
        away = thing - self.place
        beside = float(np.hypot(away[0], away[1]))
        return beside <= self.within and float(away[2]) < self.drop + 3 * SEATED


Plan = Callable[[World], Sequence[Move | Pull]]
"""What is to be moved in a world as it is now; moves that were made stay in the list."""


class MovesExpert:
    """Makes the first move of a plan that is not yet made, until all are.

    What it does next follows from where things and grippers are now, so a thing that slips or a
    grasp that misses is made good without being noticed. The other arm rests.
    """

    def __init__(self, world: World, plan: Plan, variation: Variation = STEADY) -> None:
        self._world = world
        self._plan = plan
        self._variation = variation
        self._turns = Turns(variation)
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        self._turns.reset()
        self._grasp: Grasp | None = None
        self._grasping = ("", "")

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        for move in self._plan(self._world):
            if not move.made(self._world):
                return self._turns.act(observation, move.arm, self._goal(move, observation))
        return self._turns.act(observation, None, None)

    def _goal(self, move: Move | Pull, observation: Observation) -> Goal:
        """Where the arm of `move` should go now."""
        tip = self._turns.tip(move.arm, observation)
        opening = float(observation.state[arm_slice(move.arm)][-1])
        if isinstance(move, Pull):
            return move.goal(self._world, tip, opening)
        grasp = self._grasp_of(move)
        goal = grasp.goal(tip, opening)
        places = self._world.object_positions()
        thing = places[move.thing.name]
        if grasp.lifting and not self._seated(thing, move):
            return self._carried(thing, move, observation)
        if move.ends(thing):
            touched = Contacts.of(self._world).touched(move.arm) & set(places)
            rise = np.array([0.0, 0.0, 0.0 if touched and opening < OPENED else 0.1])
            return Goal(tip + rise, PITCH, gripper=1.0)
        return goal

    def _grasp_of(self, move: Move) -> Grasp:
        wanted = (move.arm, move.thing.name)
        if self._grasp is None or self._grasping != wanted:
            varied = self._variation if self._grasp is None else replace(self._variation, miss=None)
            self._grasp = Grasp(self._world, move.arm, move.thing, varied)
            self._grasping = wanted
        return self._grasp

    def _seated(self, thing: Point, move: Move) -> bool:
        """Whether a thing that is held has come to where it is let go."""
        away = thing - move.target
        above = float(away[2])
        if float(np.hypot(away[0], away[1])) > CENTRED:
            return False
        if above < SEATED:
            return True
        return above < 3 * SEATED and Contacts.of(self._world).supported(move.thing.name)

    def _carried(self, thing: Point, move: Move, observation: Observation) -> Goal:
        """Lift the thing over all others, bring it over its place, and let it down."""
        tip = self._turns.tip(move.arm, observation)
        ahead = self._turns.commanded_tip(move.arm, observation) - tip
        way = move.target - thing
        beside = float(np.hypot(way[0], way[1]))
        # Two funnels: high while far from the place, at the brim while not yet centred over it.
        cruise = self._cruise(move)
        height = move.target[2] + move.brim * _eased((beside - CENTRED) / CENTRED)
        height += max(cruise - height, 0.02) * _eased((beside - 0.01) / 0.05)
        low = height - float(thing[2])
        sideways = 1.0 - _eased((low - 0.01) / 0.03)
        step = np.array([way[0] * sideways, way[1] * sideways, low])
        # Where it will be counts while it moves fast; where it is, when it comes to rest.
        moving = np.array([_eased((abs(each) - 0.005) / 0.03) for each in step])
        return Goal(tip + ahead + step - moving * ahead, PITCH, gripper=0.0)

    def _cruise(self, move: Move) -> float:
        """Height of the thing's middle at which it passes over everything else, metres."""
        world = self._world
        tops = [TOPS[thing.shape] for thing in world.things if not thing.movable]
        places = world.object_positions()
        tops += [
            float(places[thing.name][2]) + HALF_HEIGHTS[thing.shape]
            for thing in world.layout.movables
            if thing != move.thing
        ]
        return max(tops) + CLEARANCE + HALF_HEIGHTS[move.thing.shape]


def _eased(share: float) -> float:
    """Zero up to 0, one from 1 on, smooth between."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
