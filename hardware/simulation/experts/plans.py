"""Which thing goes where with which arm, task by task. Knows no motion."""

import numpy as np

from hardware.simulation.experts.moving import Move, Plan
from hardware.simulation.experts.pulling import Pull
from hardware.simulation.layout import DRAWER_SPOT, Layout
from hardware.simulation.stock import BOWL_RADIUS, DRAWER_SIZE, SOCKET_HEIGHT, THICK, TRAY_SIDE
from hardware.simulation.tasks.arranging import Stack
from hardware.simulation.tasks.holding import nearer_arm
from hardware.simulation.tasks.placing import Insert, Put, Store
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

NEAR_WALL = 0.005
"""Metres between the middle of what lies in a container and where a judge sees it outside."""


def put(task: Put, layout: Layout) -> Plan:
    """Into the container, with the arm on its side."""
    move = into(task.thing, task.container, layout)
    return lambda world: (move,)


def into(thing: Thing, container: Thing, layout: Layout, shift: float = 0.0) -> Move:
    """The move of a thing into a container, `shift` metres beside its middle along x."""
    place = layout.poses[container][:3].copy()
    place += np.array([shift, 0.0, FLOOR + HALF_HEIGHTS[thing.shape]])
    inner = BOWL_RADIUS if container.shape == "bowl" else TRAY_SIDE / 2
    within = inner - NEAR_WALL - abs(shift)
    return Move(thing, nearer_arm(layout, container), place, within=within, drop=DROP)


def insert(task: Insert, layout: Layout) -> Plan:
    """Upright into the hole down to the table, with the arm on the socket's side."""
    place = layout.poses[task.socket][:3] + np.array([0, 0, HALF_HEIGHTS[task.peg.shape]])
    brim = SOCKET_HEIGHT + OVER_BRIM
    move = Move(task.peg, nearer_arm(layout, task.socket), place, brim=brim)
    return lambda world: (move,)


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
