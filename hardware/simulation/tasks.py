"""What the simulated ALOHA can be told to do, and how physics says whether it was done."""

import enum
from collections import deque
from dataclasses import dataclass

import numpy as np

from hardware.aloha import ARMS
from hardware.simulation.contacts import Contacts
from hardware.simulation.scene import CUBE_SIZE, CUBES
from hardware.simulation.world import World

LIFT_HEIGHT = 0.05
"""Metres between table and cube from which on a cube counts as lifted."""

OPEN_ENOUGH = 0.6
"""Opening of a gripper that has let go."""

AWAY = 0.06
"""Metres between the cube's middle and the tip of a gripper that has withdrawn."""

HELD_TICKS = 10
"""The last control ticks by which an attempt is judged."""

HELD_SHARE = 0.8
"""Share of them that must agree: the contact of a finger may flicker for one tick."""

PICK_WORDINGS = (
    "pick up the {cube} cube with the {arm} arm",
    "lift the {cube} cube with the {arm} arm",
    "use the {arm} arm to pick up the {cube} cube",
    "with the {arm} gripper, grab the {cube} cube and lift it",
    "take the {cube} block with the {arm} hand",
    "{arm} arm: raise the {cube} cube off the table",
)

TRANSFER_WORDINGS = (
    "pass the red cube from the right arm to the left arm",
    "hand the red cube from the right gripper to the left gripper",
    "transfer the red cube to the left arm",
    "pick up the red cube with the right arm and give it to the left arm",
    "take the red block with the right hand and pass it to the left hand",
)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: a cube, the arm that must end up holding it, and how people say it."""

    id: str
    cube: str
    arm: str
    wordings: tuple[str, ...]
    """Ways to say it; the first is canonical."""
    giver: str | None = None
    """The arm that picks the cube up first, in a transfer."""

    def instruction(self, rng: np.random.Generator | None = None) -> str:
        """Say it in one of its wordings, or in the canonical one without `rng`."""
        return self.wordings[0 if rng is None else int(rng.integers(len(self.wordings)))]

    def done(self, world: World) -> bool:
        """Whether the named arm alone holds the named cube up at this moment.

        A giver must besides have let go and withdrawn.
        """
        contacts = Contacts.of(world)
        other = next(arm for arm in ARMS if arm != self.arm)
        held = (
            _held_up(world, contacts, self.cube, self.arm)
            and not contacts.touches(other, self.cube)
            and not contacts.supported(self.cube)
        )
        if self.giver is None:
            return held
        gone = np.linalg.norm(world.tip(self.giver) - world.object_positions()[self.cube]) > AWAY
        return held and bool(gone) and float(world.positions(self.giver)[-1]) > OPEN_ENOUGH

    def wrong_object(self, world: World) -> str | None:
        """Name a cube that was lifted though the task is about another, if there is one."""
        contacts = Contacts.of(world)
        for cube in CUBES:
            if cube != self.cube and any(_held_up(world, contacts, cube, arm) for arm in ARMS):
                return cube
        return None

    def wrong_arm(self, world: World) -> bool:
        """Whether an arm that the task does not name holds the named cube up."""
        contacts = Contacts.of(world)
        return any(
            _held_up(world, contacts, self.cube, arm)
            for arm in ARMS
            if arm not in (self.arm, self.giver)
        )


class Outcome(enum.StrEnum):
    """How an attempt stands."""

    RUNNING = enum.auto()
    SUCCESS = enum.auto()
    WRONG_OBJECT = enum.auto()
    WRONG_ARM = enum.auto()


class Judge:
    """Watches an attempt tick by tick; what it sees must last for `HELD_TICKS` to count."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._seen: deque[Outcome] = deque(maxlen=HELD_TICKS)
        self.outcome = Outcome.RUNNING
        """How the attempt stands; the first thing that lasted is kept."""

    def watch(self, world: World) -> Outcome:
        """Look at `world` after one control tick."""
        if self.outcome is Outcome.RUNNING:
            self._seen.append(self._look(world))
            for outcome in set(self._seen):
                if self._seen.count(outcome) >= HELD_SHARE * HELD_TICKS:
                    self.outcome = outcome
        return self.outcome

    def _look(self, world: World) -> Outcome:
        if max(spot[2] for spot in world.object_positions().values()) < _LIFTED:
            return Outcome.RUNNING  # the common case, without reading contacts
        if self._task.done(world):
            return Outcome.SUCCESS
        if self._task.wrong_object(world) is not None:
            return Outcome.WRONG_OBJECT
        return Outcome.WRONG_ARM if self._task.wrong_arm(world) else Outcome.RUNNING


_LIFTED = CUBE_SIZE / 2 + LIFT_HEIGHT


def _held_up(world: World, contacts: Contacts, cube: str, arm: str) -> bool:
    high = float(world.object_positions()[cube][2]) >= _LIFTED
    return high and contacts.fingers_on(arm, cube) == 2


def _pick(cube: str, arm: str) -> Task:
    wordings = tuple(wording.format(cube=cube, arm=arm) for wording in PICK_WORDINGS)
    return Task(f"pick_{cube}_{arm}", cube, arm, wordings)


TASKS: dict[str, Task] = {
    task.id: task
    for task in (
        *(_pick(cube, arm) for cube in CUBES for arm in ARMS),
        Task("transfer_red", "red", "left", TRANSFER_WORDINGS, giver="right"),
    )
}
"""Every task by its id."""


def task_named(name: str) -> Task:
    """Return the task with this id. Raises `ValueError` listing those that exist."""
    try:
        return TASKS[name]
    except KeyError:
        raise ValueError(f"There is no task {name!r}. Tasks: {', '.join(TASKS)}.") from None
