"""Tasks that end with a thing in a gripper: picking it up, and handing it over."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware.aloha import ARMS
from hardware.simulation.contacts import SIDES, Contacts
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.task import (
    AWAY,
    OPEN_ENOUGH,
    Outcome,
    Task,
    held_up,
    other_arm,
)
from hardware.simulation.things import Thing
from hardware.simulation.world import World


@dataclass(frozen=True)
class Pick(Task):
    """The named arm alone holds the thing up."""

    family: ClassVar[str] = "pick"
    tables: ClassVar[tuple[str, ...]] = ("blocks", "containers", "drawer", "pegs")
    limit_secs: ClassVar[float] = 8.0

    thing: Thing
    arm: str

    @property
    def id(self) -> str:
        """As `pick_red_cube_left`."""
        return f"pick_{self.thing.slug}_{self.arm}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """The one."""
        return (self.thing,)

    def done(self, world: World) -> bool:
        """Whether it hangs in the named gripper, 5 cm over the table, touching nothing else."""
        contacts = Contacts.of(world)
        return (
            held_up(world, contacts, self.thing, self.arm)
            and not contacts.touches(other_arm(self.arm), self.thing.name)
            and not contacts.supported(self.thing.name)
        )

    def wrong(self, world: World) -> Outcome | None:
        """Another thing is held up, or this one by the other arm."""
        if (wrong := super().wrong(world)) is not None:
            return wrong
        held = held_up(world, Contacts.of(world), self.thing, other_arm(self.arm))
        return Outcome.WRONG_ARM if held else None

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Each thing with each arm that reaches it."""
        return [
            cls(thing, arm)
            for thing in layout.movables
            for arm in ARMS
            if layout.table != "drawer" or arm == nearer_arm(layout, thing)
        ]


@dataclass(frozen=True)
class HandOver(Task):
    """The other arm gives the thing to `arm`, which alone holds it up at the end."""

    family: ClassVar[str] = "hand_over"
    tables: ClassVar[tuple[str, ...]] = ("blocks",)
    limit_secs: ClassVar[float] = 12.0

    thing: Thing
    arm: str
    """That has it at the end."""

    @property
    def giver(self) -> str:
        """The arm that takes it from the table."""
        return other_arm(self.arm)

    @property
    def id(self) -> str:
        """As `hand_over_red_cube_left`: to the left arm."""
        return f"hand_over_{self.thing.slug}_{self.arm}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """The one."""
        return (self.thing,)

    def done(self, world: World) -> bool:
        """Whether `arm` alone holds it up, and the giver has opened its gripper and withdrawn."""
        if not Pick(self.thing, self.arm).done(world):
            return False
        gap = np.linalg.norm(world.tip(self.giver) - world.object_positions()[self.thing.name])
        return bool(gap > AWAY) and float(world.positions(self.giver)[-1]) > OPEN_ENOUGH

    def begun(self, world: World) -> bool:
        """Whether the giver alone holds it: who took it from the table was given nothing."""
        contacts = Contacts.of(world)
        return (
            contacts.fingers_on(self.giver, self.thing.name) == len(SIDES)
            and not contacts.touches(self.arm, self.thing.name)
            and not contacts.supported(self.thing.name)
        )

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Each thing to each arm."""
        return [cls(thing, arm) for thing in layout.movables for arm in ARMS]


def nearer_arm(layout: Layout, thing: Thing) -> str:
    """The arm on whose side `thing` lies at the start."""
    return "left" if float(layout.poses[thing][0]) < 0 else "right"
