"""Tasks that end with things inside others: containers, a drawer, sockets."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware.simulation.contacts import Contacts
from hardware.simulation.layout import DRAWER_SPOT, Layout
from hardware.simulation.stock import (
    BOWL_HEIGHT,
    BOWL_RADIUS,
    DRAWER_SIZE,
    SOCKET_HEIGHT,
    SOCKET_HOLE,
    THICK,
    TRAY_HEIGHT,
    TRAY_SIDE,
)
from hardware.simulation.tasks.task import Outcome, Task, let_go
from hardware.simulation.things import CONTAINERS, HALF_HEIGHTS, Thing
from hardware.simulation.world import World

BRIM = 0.6
"""Share of its container's height at which the underside of what lies in it may be at most."""

PILE = 0.03
"""Metres for the same, away from the wall, where it can only lie on something inside."""

FROM_WALL = 0.015
"""Metres between the wall's middle and the middle of a thing that cannot lie on it."""

UPRIGHT = 0.9
"""Cosine of the angle between an inserted peg and the vertical, at least."""

DRAWER_OPEN = 0.06
"""Metres that a drawer must be out for something to be put in."""


@dataclass(frozen=True)
class Put(Task):
    """The thing lies in the container."""

    family: ClassVar[str] = "put"
    tables: ClassVar[tuple[str, ...]] = ("containers",)
    limit_secs: ClassVar[float] = 12.0

    thing: Thing
    container: Thing

    @property
    def id(self) -> str:
        """As `put_red_cube_in_blue_bowl`."""
        return f"put_{self.thing.slug}_in_{self.container.slug}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """The one and its container."""
        return self.thing, self.container

    def done(self, world: World) -> bool:
        """Whether it lies inside and was let go."""
        inside = _inside(world, self.thing, self.container)
        return inside and let_go(world, Contacts.of(world), self.thing)

    def wrong(self, world: World) -> Outcome | None:
        """Another thing is held up or lies in a container, or this one in another container."""
        for container in _containers(world.layout):
            for thing in world.layout.movables:
                wanted = (thing, container) == (self.thing, self.container)
                if not wanted and _inside(world, thing, container):
                    return Outcome.WRONG_OBJECT
        return super().wrong(world)

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Each thing into each container."""
        return [
            cls(thing, container) for thing in layout.movables for container in _containers(layout)
        ]


@dataclass(frozen=True)
class Sort(Task):
    """Everything lies in the container of its colour or, if `opposite`, in the other one."""

    family: ClassVar[str] = "sort"
    tables: ClassVar[tuple[str, ...]] = ("containers",)
    limit_secs: ClassVar[float] = 40.0

    groups: tuple[tuple[Thing, Thing], ...]
    """Each thing and its container."""
    opposite: bool

    @property
    def id(self) -> str:
        """As `sort_by_colour` or `sort_opposite`."""
        return "sort_opposite" if self.opposite else "sort_by_colour"

    @property
    def things(self) -> tuple[Thing, ...]:
        """All of them."""
        return tuple(dict.fromkeys(thing for group in self.groups for thing in group))

    def done(self, world: World) -> bool:
        """Whether each lies in its container and was let go."""
        contacts = Contacts.of(world)
        return all(
            _inside(world, thing, container) and let_go(world, contacts, thing)
            for thing, container in self.groups
        )

    def wrong(self, world: World) -> Outcome | None:
        """A thing lies in the wrong container, let go."""
        own = dict(self.groups)
        contacts = Contacts.of(world)
        for container in _containers(world.layout):
            for thing in world.layout.movables:
                if (
                    own.get(thing) != container
                    and _inside(world, thing, container)
                    and let_go(world, contacts, thing)
                ):
                    return Outcome.WRONG_OBJECT
        return None

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """By colour, and the other way round."""
        own = {container.colour: container for container in _containers(layout)}
        if len(own) != 2 or {thing.colour for thing in layout.movables} - set(own):
            return []
        other = dict(zip(own, reversed(own.values()), strict=True))
        return [
            cls(tuple((thing, by[thing.colour]) for thing in layout.movables), opposite)
            for by, opposite in ((own, False), (other, True))
        ]


@dataclass(frozen=True)
class Store(Task):
    """The drawer is open and the thing lies in it."""

    family: ClassVar[str] = "store"
    tables: ClassVar[tuple[str, ...]] = ("drawer",)
    limit_secs: ClassVar[float] = 20.0

    thing: Thing

    @property
    def id(self) -> str:
        """As `store_red_cube`."""
        return f"store_{self.thing.slug}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """The one."""
        return (self.thing,)

    def done(self, world: World) -> bool:
        """Whether it lies inside and was let go."""
        return in_drawer(world, self.thing) and let_go(world, Contacts.of(world), self.thing)

    def wrong(self, world: World) -> Outcome | None:
        """Another thing is held up or lies in the drawer."""
        others = (thing for thing in world.layout.movables if thing != self.thing)
        if any(in_drawer(world, thing) for thing in others):
            return Outcome.WRONG_OBJECT
        return super().wrong(world)

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Each thing."""
        return [cls(thing) for thing in layout.movables]


@dataclass(frozen=True)
class Insert(Task):
    """The peg stands in the socket."""

    family: ClassVar[str] = "insert"
    tables: ClassVar[tuple[str, ...]] = ("pegs",)
    limit_secs: ClassVar[float] = 14.0

    peg: Thing
    socket: Thing

    @property
    def id(self) -> str:
        """As `insert_red_peg_in_blue_socket`."""
        return f"insert_{self.peg.slug}_in_{self.socket.slug}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """Both."""
        return self.peg, self.socket

    def done(self, world: World) -> bool:
        """Whether the peg's end is at the bottom of the hole and it was let go."""
        return _inserted(world, self.peg, self.socket) and let_go(
            world, Contacts.of(world), self.peg
        )

    def wrong(self, world: World) -> Outcome | None:
        """Another thing is held up or inserted, or this one elsewhere."""
        sockets = [thing for thing in world.things if thing.shape == "socket"]
        for peg in world.layout.movables:
            for socket in sockets:
                if (peg, socket) != (self.peg, self.socket) and _inserted(world, peg, socket):
                    return Outcome.WRONG_OBJECT
        return super().wrong(world)

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Each peg into each socket."""
        pegs = [thing for thing in layout.movables if thing.shape in ("peg", "rod")]
        sockets = [thing for thing in layout.things if thing.shape == "socket"]
        return [cls(peg, socket) for peg in pegs for socket in sockets]


def _containers(layout: Layout) -> list[Thing]:
    return [thing for thing in layout.things if thing.shape in CONTAINERS]


def _inside(world: World, thing: Thing, container: Thing) -> bool:
    """Whether the middle of `thing` is within the walls, and it lies neither on them nor above."""
    away = world.object_positions()[thing.name] - world.layout.poses[container][:3]
    if container.shape == "bowl":
        from_wall, height = BOWL_RADIUS - float(np.hypot(away[0], away[1])), BOWL_HEIGHT
    else:
        from_wall, height = TRAY_SIDE / 2 - float(np.abs(away[:2]).max()), TRAY_HEIGHT
    underside = float(away[2]) - HALF_HEIGHTS[thing.shape]
    return from_wall > THICK and underside < (PILE if from_wall > FROM_WALL else BRIM * height)


def in_drawer(world: World, thing: Thing) -> bool:
    """Whether the middle of `thing` is inside the drawer, and that is open."""
    opening = world.drawer_opening()
    place = world.object_positions()[thing.name]
    middle = np.array([DRAWER_SPOT[0], DRAWER_SPOT[1] - opening])
    within = np.abs(place[:2] - middle) < np.array(DRAWER_SIZE[:2])
    return opening >= DRAWER_OPEN and bool(within.all()) and float(place[2]) < 0.06


def _inserted(world: World, peg: Thing, socket: Thing) -> bool:
    away = world.object_positions()[peg.name] - world.layout.poses[socket][:3]
    beside = float(np.hypot(away[0], away[1]))
    deep = float(away[2]) < HALF_HEIGHTS[peg.shape] + SOCKET_HEIGHT / 3
    _, _, _, _, x, y, _ = world.poses()[peg.name]
    upright = abs(1 - 2 * (x * x + y * y)) > UPRIGHT  # either end up: no picture tells which
    return beside < SOCKET_HOLE / 2 and deep and bool(upright)
