"""Scripted agents that do the tasks, looking at the true poses of their world's cubes."""

import enum
import math

import numpy as np
from jaxtyping import Float64

from hardware.aloha import START, arm_slice
from hardware.interfaces import Action, Agent, JointPositions, Observation
from hardware.simulation.contacts import Contacts
from hardware.simulation.reach import Goal, Reach
from hardware.simulation.tasks import Task
from hardware.simulation.world import World

PITCH = math.radians(70)
"""How steeply the gripper points down to grasp: straight down is out of reach at the far side."""

GRASP_HEIGHT = 0.027
"""Of the gripper's tip over the table when it closes; the finger ends are then 7 mm above it."""

HOVER = 0.085
"""How much higher the gripper comes in, so that its fingers pass over the other cubes."""

LIFT = 0.12
"""Metres from grasp to the end of a lift."""

MEETING = np.array([0.0, 0.5, 0.27])
"""Where a cube changes hands, metres."""
MEETING.setflags(write=False)

NEAR = 0.008
"""Metres from the grasp at which the fingers begin to close."""

PATIENCE_TICKS = 45
"""How long fingers may take to close around a cube before the arm tries again."""


class _Phase(enum.Enum):
    REACH = enum.auto()
    CLOSE = enum.auto()
    LIFT = enum.auto()


class Grasp:
    """Takes one cube off the table with one arm, again and again until it holds it."""

    def __init__(self, world: World, arm: str, cube: str) -> None:
        self._world = world
        self._arm, self._cube = arm, cube
        self._phase = _Phase.REACH
        self._ticks = 0
        self._lift_to = np.zeros(3)

    @property
    def lifting(self) -> bool:
        """Whether the cube is held and on its way up."""
        return self._phase is _Phase.LIFT

    def goal(self, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        """Where to go from a gripper whose `tip` (3,) and `opening` were measured."""
        cube = self._world.object_positions()[self._cube]
        aside = float(np.hypot(*(tip - cube)[:2]))
        match self._phase:
            case _Phase.REACH:
                return self._reach(cube, tip, aside, opening)
            case _Phase.CLOSE:
                return self._close(cube, tip, aside)
            case _Phase.LIFT:
                return self._lift()

    def _enter(self, phase: _Phase) -> None:
        self._phase, self._ticks = phase, 0

    def _reach(
        self,
        cube: Float64[np.ndarray, "3"],
        tip: Float64[np.ndarray, "3"],
        aside: float,
        opening: float,
    ) -> Goal:
        # A funnel: high while beside the cube, lower the better the fingers are over it.
        over = np.clip((aside - 0.012) / 0.05, 0.0, 1.0)
        height = GRASP_HEIGHT + HOVER * float(over * over * (3 - 2 * over))
        if opening < 0.85:
            height = max(height, GRASP_HEIGHT + HOVER)
        if aside < NEAR and abs(tip[2] - GRASP_HEIGHT) < NEAR and opening > 0.85:
            self._enter(_Phase.CLOSE)
        return Goal(np.array([cube[0], cube[1], height]), PITCH, gripper=1.0)

    def _close(
        self, cube: Float64[np.ndarray, "3"], tip: Float64[np.ndarray, "3"], aside: float
    ) -> Goal:
        self._ticks = self._ticks + 1 if self._held() else min(self._ticks, 0) - 1
        if self._ticks >= 4:
            self._enter(_Phase.LIFT)
            self._lift_to = np.array([tip[0], tip[1], GRASP_HEIGHT + LIFT])
        elif self._ticks < -PATIENCE_TICKS or aside > 0.03:
            self._enter(_Phase.REACH)
        return Goal(np.array([cube[0], cube[1], GRASP_HEIGHT]), PITCH, gripper=0.0)

    def _lift(self) -> Goal:
        self._ticks = 0 if self._held() else self._ticks + 1
        if self._ticks >= 6:
            self._enter(_Phase.REACH)
        return Goal(self._lift_to, PITCH, gripper=0.0)

    def _held(self) -> bool:
        return Contacts.of(self._world).fingers_on(self._arm, self._cube) == 2


class PickExpert:
    """Picks the task's cube up with the task's arm and holds it still; the other arm rests."""

    def __init__(self, world: World, task: Task) -> None:
        self._world = world
        self._task = task
        self._reach = Reach(task.arm)
        self._own = arm_slice(task.arm)
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arm is."""
        self._grasp = Grasp(self._world, self._task.arm, self._task.cube)
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


class TransferExpert:
    """The giver picks the cube up and holds it out level; the taker grips it from across.

    The giver turns its gripper up far enough that the cube, taken at `PITCH`, is upright again.
    The taker comes level and rolled by a quarter turn, so that the four fingers do not meet.
    """

    def __init__(self, world: World, task: Task) -> None:
        if task.giver is None:
            raise ValueError(f"Task {task.id!r} is not a transfer: it has no giver.")
        self._world = world
        self._task = task
        self._giver, self._taker = Reach(task.giver), Reach(task.arm)
        self._from, self._to = arm_slice(task.giver), arm_slice(task.arm)
        self._side = 1.0 if task.giver == "right" else -1.0
        self.reset()

    def reset(self) -> None:
        """Start anew from wherever the arms are."""
        giver = self._task.giver
        self._grasp = Grasp(self._world, str(giver), self._task.cube)
        self._begun = False
        self._gripped = 0
        self._released = False

    def act(self, observation: Observation) -> Action:
        """Return the next command, shape (14,)."""
        given, taken = observation.state[self._from], observation.state[self._to]
        if not self._begun:
            self._giver.begin(given)
            self._taker.begin(taken)
            self._begun = True
        tip = self._giver.tip(given)
        action = START.copy()
        action[self._from] = self._giver.advance(self._give(tip, float(given[-1])))
        action[self._to] = self._taker.advance(self._take(self._taker.tip(taken), tip))
        return action

    def _give(self, tip: Float64[np.ndarray, "3"], opening: float) -> Goal:
        if self._released:
            away = MEETING + np.array([self._side * 0.14, 0, 0.0])
            return Goal(away if opening > 0.8 else tip, PITCH - math.pi / 2, gripper=1.0)
        goal = self._grasp.goal(tip, opening)
        high = tip[2] > GRASP_HEIGHT + 0.06
        if not (self._grasp.lifting and high):
            return goal
        return Goal(MEETING, PITCH - math.pi / 2, gripper=0.0)

    def _take(self, tip: Float64[np.ndarray, "3"], giver: Float64[np.ndarray, "3"]) -> Goal:
        offered = float(np.linalg.norm(giver - MEETING)) < 0.012 and self._grasp.lifting
        quarter = math.pi / 2
        if not (offered or self._released):
            waiting = MEETING - np.array([self._side * 0.13, 0, 0])
            return Goal(waiting, 0.0, gripper=1.0, roll=quarter)
        cube = self._world.object_positions()[self._task.cube]
        if self._released:
            return Goal(MEETING, 0.0, gripper=0.0, roll=quarter)
        arrived = float(np.linalg.norm(tip - cube)) < 0.012
        held = Contacts.of(self._world).fingers_on(self._task.arm, self._task.cube) == 2
        self._gripped = self._gripped + 1 if held else 0
        self._released = self._gripped >= 12
        return Goal(cube, 0.0, gripper=0.0 if arrived or held else 1.0, roll=quarter)


def expert_for(task: Task, world: World) -> Agent:
    """Return the agent that knows how to do `task` in `world`."""
    return PickExpert(world, task) if task.giver is None else TransferExpert(world, task)
