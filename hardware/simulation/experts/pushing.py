"""Shoves a thing along the table."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hardware.aloha import START, arm_slice
from hardware.interfaces import Action, JointPositions, Observation
from hardware.simulation.experts.grasp import HOVER
from hardware.simulation.experts.reach import Goal, Reach
from hardware.simulation.experts.variation import STEADY, Variation
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.arranging import Push
from hardware.simulation.tasks.holding import nearer_arm
from hardware.simulation.tasks.sliding import Slide
from hardware.simulation.tasks.task import other_arm, sideways
from hardware.simulation.things import Thing
from hardware.simulation.world import World

PITCH = math.radians(60)
"""How steeply the gripper points down: less than to grasp, for a push ends far from its arm."""

LOW = 0.03
"""Height of the tip while it pushes, metres; the finger ends are then 1 cm above the table."""

BEHIND = 0.06
"""Metres from a thing's middle to where the gripper comes down."""

BROADSIDE, LOW_BROADSIDE, UNDER = 0.075, 0.022, 0.005
"""Distance behind, height and nearness where it pushes with the flat outside of a finger: higher up
that tips things over, and what it tilts a little comes nearer to the tip."""

TOUCHING = 0.02
"""Metres from a thing's middle beyond which a tip is still behind it."""

DOWN = 0.018
"""Metres above its height for pushing at which a tip counts as down: the load lifts it a little."""

APART = 0.2
"""Opening of the gripper that pushes: fingers a little apart turn a thing less."""

ABOUT = 0.05
"""Metres from a thing's middle within which open fingers may be about it and would drag it."""

ASIDE = 0.012
"""Metres that the tip may be beside the line of the push when it begins."""

AHEAD = 0.025
"""Metres that the goal of a push lies ahead of the tip: this makes a speed of 0.17 m/s."""

STEER = 2.0
"""How much further than to the middle of a thing beside it the tip goes: what is pushed off its
middle turns, and slips away."""

RETURN = 1.0
"""Share of a thing's distance from the line along which it is to go that the tip goes back."""

WAY = 0.085
"""Metres to push; a judge asks for less."""


@dataclass(frozen=True, slots=True)
class Shove:
    """A thing to be shoved along one axis of the table."""

    thing: Thing
    arm: str
    axis: int
    """0 for x, to a side; 1 for y, towards the operator or away."""
    sign: float
    """Of the axis, in which the thing is to go."""
    behind: float = BEHIND
    """Metres from its middle to where the gripper comes down."""
    opening: float = APART
    """Of the gripper while it pushes."""
    low: float = LOW
    """Height of the tip while it pushes, metres."""
    touching: float = TOUCHING
    """Metres from its middle beyond which the tip is still behind it."""


def away_from_arm(task: Push) -> Shove:
    """To a side, by the arm that pushes away from itself: the right one to the left."""
    sign = 1.0 if task.side == "right" else -1.0
    return Shove(task.thing, other_arm(task.side), 0, sign)


def towards_or_away(task: Slide, layout: Layout) -> Shove:
    """Along y, broadside, by the arm on whose side the thing lies."""
    arm = nearer_arm(layout, task.thing)
    return Shove(
        *(task.thing, arm, 1, task.sign, BROADSIDE, 0.0), low=LOW_BROADSIDE, touching=UNDER
    )


class PushExpert:
    """Comes down behind the thing, fingers almost closed, pushes it on and withdraws upwards.

    Each tick looks only at where thing and tip are, so whatever goes astray is begun anew.
    """

    def __init__(self, world: World, shove: Shove, variation: Variation = STEADY) -> None:
        self._world = world
        self._shove = shove
        self._hover = HOVER + variation.hover
        self._low = shove.low + variation.height
        self._reach = Reach(shove.arm, variation)
        self._own = arm_slice(shove.arm)
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arm is."""
        self._begun = False

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        own: JointPositions = observation.state[self._own]
        if not self._begun:
            self._reach.begin(own)
            self._begun = True
        goal = self._goal(self._reach.tip(own), float(own[-1]))
        action = START.copy()
        action[self._own] = self._reach.advance(goal)
        return action

    def _goal(self, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        shove, along, across = self._shove, self._shove.axis, 1 - self._shove.axis
        thing = self._world.object_positions()[shove.thing.name]
        behind = shove.sign * float(thing[along] - tip[along])
        moved = shove.sign * float(sideways(self._world, shove.thing)[along])
        back = thing.copy()
        back[along] -= shove.sign * shove.behind
        closed = opening < APART + 0.1
        if not closed and float(np.linalg.norm(tip - thing)) < ABOUT:
            away = np.array([back[0], back[1], self._low + self._hover])
            return Goal(away, PITCH, gripper=1.0)
        if moved >= WAY:
            return self._to(back[:2], self._low + self._hover)
        beside = abs(float(thing[across] - tip[across]))
        low = tip[2] < self._low + DOWN
        if closed and low and behind > shove.touching and beside < 2 * ASIDE:
            line = float(self._world.layout.poses[shove.thing][across])
            ahead = tip[:2].copy()
            ahead[along] += shove.sign * AHEAD
            ahead[across] = (
                tip[across]
                + STEER * (thing[across] - tip[across])
                + RETURN * (line - thing[across])
            )
            return self._to(ahead, self._low)
        # A funnel beside the thing, as to grasp.
        aside = float(np.hypot(*(tip - back)[:2]))
        over = np.clip((aside - ASIDE) / 0.05, 0.0, 1.0)
        height = self._low + self._hover * float(over * over * (3 - 2 * over))
        return self._to(back[:2], height)

    def _to(self, spot: Float64[np.ndarray, "2"], height: float) -> Goal:
        """Go there with both fingers side by side along y.

        Along x they push together, along y the outer one pushes.
        """
        away = spot - self._reach.base[:2]
        square = math.atan(float(away[1] / away[0]) / math.sin(PITCH))
        place = np.array([spot[0], spot[1], height])
        return Goal(place, PITCH, gripper=self._shove.opening, roll=square)
