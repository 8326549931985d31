"""Picks a thing up."""

from hardware.aloha import START, arm_slice
from hardware.interfaces import Action, JointPositions, Observation
from hardware.simulation.experts.grasp import Grasp
from hardware.simulation.experts.reach import Reach
from hardware.simulation.experts.variation import STEADY, Variation
from hardware.simulation.tasks.holding import Pick
from hardware.simulation.world import World


class PickExpert:
    """Picks the task's thing up with the task's arm and holds it still; the other arm rests."""

    def __init__(self, world: World, task: Pick, variation: Variation = STEADY) -> None:
        self._world = world
        self._task = task
        self._variation = variation
        self._reach = Reach(task.arm, variation)
        self._own = arm_slice(task.arm)
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arm is."""
        self._grasp = Grasp(self._world, self._task.arm, self._task.thing, self._variation)
        self._begun = False

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        own: JointPositions = observation.state[self._own]
        if not self._begun:
            self._reach.begin(own)
            self._begun = True
        goal = self._grasp.goal(self._reach.tip(own), float(own[-1]))
        action = START.copy()
        action[self._own] = self._reach.advance(goal)
        return action
