"""The expert of the standard insertion: peg into socket in mid-air, looking at the true poses."""

import numpy as np
from jaxtyping import Float64

from hardware.interfaces import Action, Observation
from hardware.simulation.experts.reach import Goal
from hardware.simulation.standard.grasp import Grasp, Hand
from hardware.simulation.standard.manner import Manner
from hardware.simulation.standard.world import FULL_REWARD, StandardWorld

THINGS = {"left": "socket", "right": "peg"}
"""What each arm takes."""

MEETING = np.array([0.0, 0.5, 0.18])
"""Half-way between peg and socket before they meet, metres."""
MEETING.setflags(write=False)

APART = 0.17
"""Between the middles of peg and socket before the peg goes in, metres: they are 12 cm long."""

TOUCH = 0.10
"""Between their middles when the peg meets the pin inside, metres."""

PRESS = 0.002
"""How much further each hand goes once they have met, so that they stay so, metres."""

CLEAR = 0.07
"""Height at which a part may travel sideways, metres."""

LAG = 0.015
"""How far the peg may be behind before it is waited for, metres."""

LOST_TICKS = 10
"""How long they may be apart before they are brought together again."""

ALIGNED = 0.004
"""How far off its axis the peg may be to go in, metres: it has 8 mm of room."""

CREEP = 0.0012
"""How much nearer the peg comes per control tick, metres."""

SHARE = 0.6
"""Of a thing's measured distance from its place by which the next aim differs from the last: what
arm and grip give way is made up for, and the arm's lag does not make it swing."""


class InsertionExpert:
    """The right arm takes the peg, the left one the socket; they meet over the table.

    A gripper points away from its arm's base, so that both parts, grasped crosswise, lie along the
    line between the bases once they are there.
    """

    def __init__(self, world: StandardWorld, rng: np.random.Generator | None = None) -> None:
        self._world = world
        self._rng = rng
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        self._manner = Manner.drawn(self._rng)
        self._meeting = MEETING + np.array(self._manner.meeting)
        self._hands = {arm: Hand(self._world, arm, self._manner) for arm in THINGS}
        self._grasps = {
            arm: Grasp(self._world, self._hands[arm], thing, self._manner)
            for arm, thing in THINGS.items()
        }
        self._apart = APART
        self._rest: dict[str, Float64[np.ndarray, "3"]] | None = None
        self._lost = 0

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        action = observation.state.copy()
        carrying = all(grasp.holding for grasp in self._grasps.values())
        self._watch(carrying=carrying)
        for arm, hand in self._hands.items():
            goal = self._grasps[arm].goal()
            if self._grasps[arm].holding:
                goal = self._carry(arm, goal.pitch, together=carrying)
            hand.advance(goal, action)
        return action

    def _watch(self, *, carrying: bool) -> None:
        """See how far peg and socket are: bring them nearer, or rest where they have met."""
        met = carrying and self._world.reward >= FULL_REWARD
        self._lost = 0 if met else self._lost + 1
        if met and self._rest is None:
            self._rest = {arm: hand.aim() for arm, hand in self._hands.items()}
        if not carrying or self._lost > LOST_TICKS:
            self._rest = None
        offset = self._world.position("peg") - self._world.position("socket")
        if not carrying:
            self._apart = APART
        elif float(np.hypot(*offset[1:])) < ALIGNED and offset[0] < self._apart + LAG:
            self._apart = max(self._apart - CREEP, TOUCH - PRESS)

    def _carry(self, arm: str, pitch: float, *, together: bool) -> Goal:
        """Bring what `arm` holds to its place at the meeting."""
        side = -1.0 if arm == "left" else 1.0
        if self._rest is not None:
            return Goal(self._rest[arm] - np.array([side * PRESS, 0.0, 0.0]), pitch, gripper=0.0)
        thing, tip = self._world.position(THINGS[arm]), self._hands[arm].tip()
        if thing[2] < CLEAR and not together:  # straight up first
            return Goal(np.array([tip[0], tip[1], CLEAR + 0.05]), pitch, gripper=0.0)
        place = self._meeting + np.array([side * self._apart / 2, 0.0, 0.0])
        return Goal(self._hands[arm].aim() + SHARE * (place - thing), pitch, gripper=0.0)
