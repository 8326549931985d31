"""Which thing goes where with which arm, task by task. Knows no motion."""

from collections.abc import Sequence

import numpy as np

from hardware.simulation.experts.moving import Move, Plan
from hardware.simulation.experts.pulling import Pull
from hardware.simulation.experts.spots import free_spot, line_spots
from hardware.simulation.layout import DRAWER_SPOT, Layout
from hardware.simulation.stock import BOWL_RADIUS, DRAWER_SIZE, SOCKET_HEIGHT, THICK, TRAY_SIDE
from hardware.simulation.tasks.arranging import LineUp, Stack, Swap
from hardware.simulation.tasks.holding import nearer_arm
from hardware.simulation.tasks.placing import FROM_WALL, Insert, Put, Sort, Store
from hardware.simulation.things import HALF_HEIGHTS, Thing
from hardware.simulation.world import World

FLOOR = 0.002
"""Metres from the table to the inside of a container."""

DROP = 0.03
"""Metres that a thing falls into a container, so that open fingers stay over its rim."""

DROP_DEEP = 0.042
"""The same into the drawer."""

OVER_BRIM = 0.012
"""Metres over a socket at which a peg waits until it is centred."""

BESIDE = 0.023
"""Metres from a container's middle at which the first of two things lies."""


def put(task: Put, layout: Layout) -> Plan:
    """Into the container, with the arm on its side."""
    move = into(task.thing, task.container, layout)
    return _always((move,))


def into(thing: Thing, container: Thing, layout: Layout, shift: float = 0.0) -> Move:
    """The move of a thing into a container, `shift` metres beside its middle along x."""
    place = layout.poses[container][:3].copy()
    place[2] += FLOOR + HALF_HEIGHTS[thing.shape]
    inner = BOWL_RADIUS if container.shape == "bowl" else TRAY_SIDE / 2
    arm = nearer_arm(layout, container)
    return Move(thing, arm, place, within=inner - FROM_WALL, drop=DROP, shift=shift)


def insert(task: Insert, layout: Layout) -> Plan:
    """Upright into the hole down to the table, with the arm on the socket's side."""
    place = layout.poses[task.socket][:3] + np.array([0, 0, HALF_HEIGHTS[task.peg.shape]])
    brim = SOCKET_HEIGHT + OVER_BRIM
    move = Move(task.peg, nearer_arm(layout, task.socket), place, brim=brim)
    return _always((move,))


def store(task: Store, layout: Layout) -> Plan:
    """Pull the drawer open, then drop the thing in, with the arm on whose side it lay."""
    arm = nearer_arm(layout, task.thing)

    def plan(world: World) -> list[Move | Pull]:
        front = DRAWER_SPOT[1] - world.drawer_opening() - DRAWER_SIZE[1] + 2 * THICK
        cover = DRAWER_SPOT[1] - DRAWER_SIZE[1]
        height = 2 * THICK + HALF_HEIGHTS[task.thing.shape]
        place = np.array([DRAWER_SPOT[0], (front + cover) / 2, height])
        return [Pull(arm), Move(task.thing, arm, place, within=0.035, drop=DROP_DEEP)]

    return plan


def stack(task: Stack, layout: Layout) -> Plan:
    """Each onto the one before, wherever that is now, with the arm on whose side it lay."""

    def plan(world: World) -> list[Move]:
        places = world.object_positions()
        moves = []
        for low, high in zip(task.order, task.order[1:], strict=False):
            height = HALF_HEIGHTS[low.shape] + HALF_HEIGHTS[high.shape]
            place = places[low.name] + np.array([0.0, 0.0, height])
            moves.append(Move(high, nearer_arm(layout, high), place, within=0.018))
        return moves

    return plan


def swap(task: Swap, layout: Layout) -> Plan:
    """The first aside, the second to the first's place, the first to the second's."""
    first, second = task.first, task.second
    here, yonder = layout.poses[first][:3], layout.poses[second][:3]
    first_arm = nearer_arm(layout, first)
    aside = Move(first, first_arm, _on_table(first, free_spot(layout, here[:2])), within=0.03)
    across = Move(second, nearer_arm(layout, second), _on_table(second, here), within=0.02)
    back = Move(first, first_arm, _on_table(first, yonder), within=0.02)

    def plan(world: World) -> list[Move]:
        made = across.ends(world.object_positions()[second.name])
        return [across, back] if made else [aside, across, back]

    return plan


def line_up(task: LineUp, layout: Layout) -> Plan:
    """Each to its place in a row, with the arm on whose side it lay."""
    moves = [
        Move(thing, nearer_arm(layout, thing), _on_table(thing, spot))
        for thing, spot in zip(task.order, line_spots(layout, task.order), strict=True)
    ]
    return _always(moves)


def sort(task: Sort, layout: Layout) -> Plan:
    """Container by container, each thing beside what already lies there."""
    groups = in_turn(task, layout)

    def plan(world: World) -> list[Move]:
        return [
            into(thing, container, layout, _room_beside(world, thing, container))
            for thing, container in groups
        ]

    return plan


def in_turn(task: Sort, layout: Layout) -> list[tuple[Thing, Thing]]:
    """Things and their containers in the order of sorting: first all of the left container."""
    return sorted(task.groups, key=lambda group: float(layout.poses[group[1]][0]))


def _room_beside(world: World, thing: Thing, container: Thing) -> float:
    """How far from a container's middle along x a thing finds room, metres."""
    middle = world.layout.poses[container][:2]
    inside = [
        float(place[0] - middle[0])
        for name, place in world.object_positions().items()
        if name != thing.name and float(np.hypot(*(place[:2] - middle))) < TRAY_SIDE / 2
    ]
    side = 1.0 if middle[0] < 0 else -1.0
    if inside:
        side = -1.0 if sum(inside) > 0 else 1.0
    return side * BESIDE


def _always(moves: Sequence[Move]) -> Plan:
    """The same plan in whatever state a world is."""
    return lambda _: moves


def _on_table(thing: Thing, spot: np.ndarray) -> np.ndarray:
    """Where the middle of a thing is that stands at a spot (2,) or over it (3,), metres."""
    return np.array([spot[0], spot[1], HALF_HEIGHTS[thing.shape]])
