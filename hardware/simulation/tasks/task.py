"""What a task is, and what several of them ask of the world. Knows no task by name."""

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware.aloha import ARMS
from hardware.simulation.contacts import Contacts
from hardware.simulation.layout import Layout
from hardware.simulation.things import HALF_HEIGHTS, Thing
from hardware.simulation.world import World

LIFT_HEIGHT = 0.05
"""Metres between the table and a thing's underside from which on it counts as lifted."""

OPEN_ENOUGH = 0.6
"""Opening of a gripper that has let go."""

MOVED = 0.06
"""Metres from its place at the start from which on a thing to be left alone was moved."""

AWAY = 0.06
"""Metres between a thing's middle and the tip of a gripper that has withdrawn."""


class Outcome(enum.StrEnum):
    """How an attempt stands."""

    RUNNING = enum.auto()
    SUCCESS = enum.auto()
    WRONG_OBJECT = enum.auto()
    WRONG_ARM = enum.auto()


@dataclass(frozen=True)
class Task(ABC):
    """One thing to do in one scene."""

    family: ClassVar[str]
    """Name of all tasks of this kind."""
    tables: ClassVar[tuple[str, ...]]
    """On which it can be done."""
    limit_secs: ClassVar[float]
    """Simulated time after which an attempt has failed."""
    from_start: ClassVar[bool] = False
    """Whether it speaks of where things were at the start."""

    @property
    @abstractmethod
    def id(self) -> str:
        """Its name with everything that it is about: `pick_red_cube_left`."""

    @property
    @abstractmethod
    def things(self) -> tuple[Thing, ...]:
        """What it is about; whatever else lies there is to be left alone."""

    @abstractmethod
    def done(self, world: World) -> bool:
        """Whether it is done at this moment."""

    def begun(self, world: World) -> bool:  # noqa: ARG002 - most tasks are judged by their end
        """Whether that is so which must have been so before it counts as done."""
        return True

    @classmethod
    @abstractmethod
    def every(cls, layout: Layout) -> list["Task"]:
        """Every task of this kind that can be done in the scene."""

    def wrong(self, world: World) -> Outcome | None:
        """What is being done that was not asked for: another thing is held up or moved."""
        contacts = Contacts.of(world)
        for thing in world.layout.movables:
            if thing not in self.things and (
                any(held_up(world, contacts, thing, arm) for arm in ARMS)
                or float(np.linalg.norm(sideways(world, thing))) >= MOVED
            ):
                return Outcome.WRONG_OBJECT
        return None


def lifted(world: World, thing: Thing) -> bool:
    """Whether the middle of `thing` is as high as when it is lifted upright."""
    height = float(world.object_positions()[thing.name][2])
    return height >= HALF_HEIGHTS[thing.shape] + LIFT_HEIGHT


def held_up(world: World, contacts: Contacts, thing: Thing, arm: str) -> bool:
    """Whether both fingers of `arm` hold `thing` over the table."""
    return contacts.fingers_on(arm, thing.name) == 2 and lifted(world, thing)


def let_go(world: World, contacts: Contacts, thing: Thing) -> bool:
    """Whether no arm touches `thing` or has its gripper about it."""
    place = world.object_positions()[thing.name]
    return all(
        not contacts.touches(arm, thing.name)
        and float(np.linalg.norm(world.tip(arm) - place)) > AWAY
        for arm in ARMS
    )


def other_arm(arm: str) -> str:
    """The arm that is not `arm`."""
    return next(other for other in ARMS if other != arm)


def sideways(world: World, thing: Thing) -> np.ndarray:
    """How far `thing` is from where it was set out, (2,): x and y in metres."""
    start = world.layout.poses[thing][:2]
    return np.asarray(world.object_positions()[thing.name][:2] - start)
