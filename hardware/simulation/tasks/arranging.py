"""Tasks that end with things elsewhere on the table: pushed, stacked, swapped, lined up."""

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import ClassVar

import numpy as np

from hardware.simulation.contacts import Contacts
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.task import Task, let_go, sideways
from hardware.simulation.things import HALF_HEIGHTS, Thing
from hardware.simulation.world import World

PUSHED = 0.06
"""Metres by which a thing must have moved to the named side, and more than it did across."""

DRAGGED = 0.03
"""Metres by which another may have moved with it at most."""

ON_TOP = 0.022
"""Metres between the middles of two stacked things, seen from above, at most."""

SWAPPED = 0.035
"""Metres between a thing and where the other one was, at most."""

LINE_GAPS = (0.045, 0.14)
"""Smallest and largest metres between neighbours in a line, along it."""

LINE_WIDTH = 0.03
"""Metres, towards the operator, between the nearest and the farthest thing of a line."""


@dataclass(frozen=True)
class Push(Task):
    """The thing is shoved along the table to the left or the right."""

    family: ClassVar[str] = "push"
    tables: ClassVar[tuple[str, ...]] = ("blocks",)
    limit_secs: ClassVar[float] = 8.0
    from_start: ClassVar[bool] = True

    thing: Thing
    side: str

    @property
    def id(self) -> str:
        """As `push_red_cube_left`."""
        return f"push_{self.thing.slug}_{self.side}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """The one."""
        return (self.thing,)

    def done(self, world: World) -> bool:
        """Whether it stands on the table, `PUSHED` further to that side, and was let go."""
        contacts = Contacts.of(world)
        sign = 1 if self.side == "right" else -1
        along, across = (sign * float(step) for step in sideways(world, self.thing))
        return (
            along >= max(PUSHED, abs(across))
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
        """Each thing to each side on which there is room for it."""
        return [
            cls(thing, side)
            for thing in layout.movables
            for side in ("left", "right")
            if _has_room(layout, thing, side)
        ]


def _has_room(layout: Layout, thing: Thing, side: str) -> bool:
    """Whether nothing stands in the way of 12 cm to that side, or where the gripper comes down."""
    sign = 1 if side == "right" else -1
    x, y = layout.poses[thing][:2]
    if sign * x > 0.06:
        return False
    return not any(
        abs(other[1] - y) < 0.07 and -0.09 < sign * (other[0] - x) < 0.17
        for each, other in layout.poses.items()
        if each != thing
    )


@dataclass(frozen=True)
class Stack(Task):
    """Two or three cubes stand on each other in the order told."""

    family: ClassVar[str] = "stack"
    tables: ClassVar[tuple[str, ...]] = ("blocks",)
    limit_secs: ClassVar[float] = 20.0

    order: tuple[Thing, ...]
    """From the bottom up."""

    @property
    def id(self) -> str:
        """As `stack_red_cube_blue_cube`: from the bottom up."""
        return "_".join(("stack", *(thing.slug for thing in self.order)))

    @property
    def things(self) -> tuple[Thing, ...]:
        """Those of the stack."""
        return self.order

    def done(self, world: World) -> bool:
        """Whether each stands on the one before, the first on the table, and all were let go."""
        contacts = Contacts.of(world)
        return (
            standing(world, self.order[0])
            and all(
                _on_top(world, low, high)
                for low, high in zip(self.order, self.order[1:], strict=False)
            )
            and all(let_go(world, contacts, thing) for thing in self.order)
        )

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Every order of two and of three."""
        return [cls(order) for count in (2, 3) for order in permutations(layout.movables, count)]


@dataclass(frozen=True)
class Swap(Task):
    """Two things stand where the other one stood."""

    family: ClassVar[str] = "swap"
    tables: ClassVar[tuple[str, ...]] = ("blocks",)
    limit_secs: ClassVar[float] = 24.0
    from_start: ClassVar[bool] = True

    first: Thing
    second: Thing

    @property
    def id(self) -> str:
        """As `swap_red_cube_blue_cube`."""
        return f"swap_{self.first.slug}_{self.second.slug}"

    @property
    def things(self) -> tuple[Thing, ...]:
        """Both."""
        return self.first, self.second

    def done(self, world: World) -> bool:
        """Whether each stands within `SWAPPED` of the other's place at the start, let go."""
        contacts = Contacts.of(world)
        return all(
            standing(world, one)
            and let_go(world, contacts, one)
            and _apart(world, one, world.layout.poses[other]) <= SWAPPED
            for one, other in ((self.first, self.second), (self.second, self.first))
        )

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Every pair."""
        return [cls(*pair) for pair in combinations(layout.movables, 2)]


@dataclass(frozen=True)
class LineUp(Task):
    """Three things stand in a line from left to right, in the order told."""

    family: ClassVar[str] = "line_up"
    tables: ClassVar[tuple[str, ...]] = ("blocks",)
    limit_secs: ClassVar[float] = 26.0

    order: tuple[Thing, ...]
    """From left to right."""

    @property
    def id(self) -> str:
        """As `line_up_red_cube_blue_cube_green_cube`: from left to right."""
        return "_".join(("line_up", *(thing.slug for thing in self.order)))

    @property
    def things(self) -> tuple[Thing, ...]:
        """Those of the line."""
        return self.order

    def done(self, world: World) -> bool:
        """Whether they stand in order, evenly enough, with nothing between, and were let go."""
        contacts = Contacts.of(world)
        return self.in_line(world.present()) and all(
            standing(world, thing) and let_go(world, contacts, thing) for thing in self.order
        )

    def in_line(self, layout: Layout) -> bool:
        """Whether they lie so in `layout`, whoever still holds them."""
        line = np.array([layout.poses[thing][:2] for thing in self.order])
        gaps = np.diff(line[:, 0])
        others = [layout.poses[each] for each in layout.movables if each not in self.order]
        return (
            bool(np.all((gaps >= LINE_GAPS[0]) & (gaps <= LINE_GAPS[1])))
            and float(np.ptp(line[:, 1])) <= LINE_WIDTH
            and not any(
                line[0, 0] < other[0] < line[-1, 0]
                and abs(other[1] - line[:, 1].mean()) < LINE_WIDTH
                for other in others
            )
        )

    @classmethod
    def every(cls, layout: Layout) -> list[Task]:
        """Every order of three in which they do not stand already."""
        orders = (cls(order) for order in permutations(layout.movables, 3))
        return [task for task in orders if not task.in_line(layout)]


def standing(world: World, thing: Thing) -> bool:
    """Whether `thing` is as high as when it stands on the table."""
    height = float(world.object_positions()[thing.name][2])
    return abs(height - HALF_HEIGHTS[thing.shape]) < 0.008


def _on_top(world: World, low: Thing, high: Thing) -> bool:
    places = world.object_positions()
    step = places[high.name] - places[low.name]
    height = HALF_HEIGHTS[low.shape] + HALF_HEIGHTS[high.shape]
    return bool(np.hypot(step[0], step[1]) <= ON_TOP) and abs(float(step[2]) - height) < 0.008


def _apart(world: World, thing: Thing, pose: np.ndarray) -> float:
    return float(np.linalg.norm(world.object_positions()[thing.name][:2] - pose[:2]))
