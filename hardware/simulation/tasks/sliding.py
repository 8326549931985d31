"""Tasks that end with a thing nearer to the operator or further away: there to be taught."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware.simulation.contacts import Contacts
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.arranging import DRAGGED, PUSHED, standing
from hardware.simulation.tasks.task import Task, let_go, sideways
from hardware.simulation.things import Thing
from hardware.simulation.world import World

LANE = 0.075
"""Metres beside a thing's middle within which nothing may stand along its way."""

BEFORE, AFTER = 0.18, 0.11
"""Metres of its way, from its middle on, and of room behind it for the gripper to come down."""

FARTHEST = {1.0: 0.60, -1.0: 0.40}
"""Metres from the operator up to which, and down from which, a thing can be moved on: an arm
reaches 12 cm further."""


@dataclass(frozen=True)
class Slide(Task):
    """The thing is moved along the table, straight towards the operator or away."""

    tables: ClassVar[tuple[str, ...]] = ("blocks",)
    limit_secs: ClassVar[float] = 8.0
    from_start: ClassVar[bool] = True
    sign: ClassVar[float]
    """Of y, in which it is to go: the operator sits where y is small."""

    thing: Thing

    @property
    def id(self) -> str:
        """As `pull_red_cube`."""
        return f"{self.family}_{self.thing.slug}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """The one."""
        return (self.thing,)

    def done(self, world: World) -> bool:
        """Whether it stands on the table, `PUSHED` further that way, and was let go.

        Further that way than it strayed to a side; no other thing was dragged along.
        """
        contacts = Contacts.of(world)
        across, along = (float(step) for step in sideways(world, self.thing))
        return (
            self.sign * along >= max(PUSHED, abs(across))
            and standing(world, self.thing)
            and let_go(world, contacts, self.thing)
            and not any(
                np.linalg.norm(sideways(world, thing)) > DRAGGED
                for thing in world.layout.movables
                if thing != self.thing
            )
        )

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Each thing with room for it to go that way.

        None where only one has: the scene alone must not tell the task.
        """
        tasks: list[Task] = [
            cls(thing) for thing in layout.movables if _has_room(layout, thing, cls.sign)
        ]
        return tasks if len(tasks) > 1 else []


@dataclass(frozen=True)
class Pull(Slide):
    """The thing is pulled towards the operator."""

    family: ClassVar[str] = "pull"
    sign: ClassVar[float] = -1.0


@dataclass(frozen=True)
class PushAway(Slide):
    """The thing is pushed away from the operator."""

    family: ClassVar[str] = "push_away"
    sign: ClassVar[float] = 1.0


def _has_room(layout: Layout, thing: Thing, sign: float) -> bool:
    """Whether an arm reaches as far, and nothing stands in the thing's way or the gripper's."""
    x, y = layout.poses[thing][:2]
    if sign * (y - FARTHEST[sign]) > 0:
        return False
    return not any(
        abs(other[0] - x) < LANE and -AFTER < sign * (other[1] - y) < BEFORE
        for each, other in layout.poses.items()
        if each != thing
    )
