"""Physics says whether a task was done; states set by hand show what counts and what does not."""

from dataclasses import replace

import numpy as np
import pytest

from hardware.aloha import START
from hardware.simulation.layout import draw_layout, upright
from hardware.simulation.stock import (
    BOWL_HEIGHT,
    BOWL_RADIUS,
    SOCKET_HEIGHT,
    TRAY_HEIGHT,
    TRAY_SIDE,
)
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.catalogue import tasks_in
from hardware.simulation.tasks.judge import HELD_TICKS, Judge
from hardware.simulation.tasks.placing import Insert, Put, Sort, Store, in_drawer
from hardware.simulation.tasks.task import Outcome
from hardware.simulation.things import CONTAINERS, HALF_HEIGHTS
from hardware.simulation.world import World


@pytest.fixture(scope="module")
def world():
    with World() as world:
        yield world


@pytest.fixture
def containers(world):
    world.set_out(draw_layout("containers", 3))
    return [thing for thing in world.things if thing.shape in CONTAINERS]


@pytest.fixture
def blocks(world):
    world.set_out(draw_layout("blocks", 3))
    return world.things


def put_at(world, places):
    """Set things (by thing: x, y and height of the underside) and let them settle."""
    poses = {
        thing.name: upright(x, y, z + HALF_HEIGHTS[thing.shape])
        for thing, (x, y, z) in places.items()
    }
    world.place(START, poses)
    for _ in range(10):
        world.step_tick()


def spot(world, thing, shift=0.0, height=0.003):
    x, y = world.layout.poses[thing][:2]
    return float(x) + shift, float(y), height


@pytest.mark.parametrize("table", ["blocks", "containers", "drawer", "pegs"])
def test_nothing_is_done_or_wrong_before_anything_moved(world, table):
    world.set_out(draw_layout(table, 5))
    for task in tasks_in(world.layout):
        assert not task.done(world), task.id
        assert task.wrong(world) is None, task.id


def test_a_thing_in_its_container_is_put_and_in_the_other_one_is_wrong(world, containers):
    thing = world.layout.movables[0]
    first, second = containers
    put_at(world, {thing: spot(world, first)})
    assert Put(thing, first).done(world)
    assert Put(thing, first).wrong(world) is None
    assert not Put(thing, second).done(world)
    assert Put(thing, second).wrong(world) is Outcome.WRONG_OBJECT
    other = world.layout.movables[1]
    assert Put(other, first).wrong(world) is Outcome.WRONG_OBJECT


def test_a_thing_over_a_container_is_not_yet_in_it(world, containers):
    thing = world.layout.movables[0]
    world.place(START, {thing.name: upright(*spot(world, containers[0], height=0.12))})
    assert not Put(thing, containers[0]).done(world)


def test_sorted_means_everything_by_colour_or_the_other_way_round(world, containers):
    sort, opposite = Sort.every(world.layout)
    places, seen = {}, []
    for thing, container in sort.groups:
        side = 1 if container in seen else -1
        seen.append(container)
        places[thing] = spot(world, container, 0.024 * side)
    missing, last = places.popitem()
    put_at(world, places)
    assert not sort.done(world)
    assert sort.wrong(world) is None
    put_at(world, {missing: last})
    assert sort.done(world)
    assert not opposite.done(world)
    assert opposite.wrong(world) is Outcome.WRONG_OBJECT


@pytest.mark.parametrize("count", [2, 3])
def test_a_stack_counts_in_its_order_only(world, blocks, count):
    order = blocks[:count]
    x, y, _ = spot(world, order[0])
    put_at(world, {thing: (x, y, 0.04 * level) for level, thing in enumerate(order)})
    assert Stack(order).done(world)
    assert not Stack(order[::-1]).done(world)
    put_at(world, {order[-1]: (x + 0.1, y, 0.0)})
    assert not Stack(order).done(world)


def test_swapped_means_both_stand_where_the_other_stood(world, blocks):
    first, second = blocks[:2]
    put_at(world, {first: spot(world, second, height=0.0), second: (-0.15, 0.3, 0.0)})
    assert not Swap(first, second).done(world)
    put_at(world, {second: spot(world, first, height=0.0)})
    assert Swap(first, second).done(world)


def test_a_line_has_its_order_and_nothing_between(world, blocks):
    first, second, third, other = blocks
    row = {first: (-0.08, 0.5, 0.0), second: (0.0, 0.51, 0.0), third: (0.09, 0.5, 0.0)}
    put_at(world, row | {other: (0.0, 0.36, 0.0)})
    assert LineUp((first, second, third)).done(world)
    assert not LineUp((third, second, first)).done(world)
    assert not LineUp((second, first, third)).done(world)
    put_at(world, {other: (0.045, 0.5, 0.0)})
    assert not LineUp((first, second, third)).done(world)
    put_at(world, {other: (0.0, 0.36, 0.0), second: (0.0, 0.56, 0.0)})
    assert not LineUp((first, second, third)).done(world)


def test_a_peg_is_inserted_when_it_stands_in_the_hole_of_its_socket(world):
    world.set_out(draw_layout("pegs", 3))
    peg, other = [thing for thing in world.layout.movables if thing.shape == "peg"]
    socket, second = [thing for thing in world.things if thing.shape == "socket"]
    put_at(world, {peg: spot(world, socket)})
    assert Insert(peg, socket).done(world)
    assert Insert(peg, second).wrong(world) is Outcome.WRONG_OBJECT
    assert Insert(other, socket).wrong(world) is Outcome.WRONG_OBJECT
    put_at(world, {peg: spot(world, socket, 0.03, SOCKET_HEIGHT)})
    assert not Insert(peg, socket).done(world)


def test_a_thing_is_stored_only_while_the_drawer_is_open(world):
    world.set_out(draw_layout("drawer", 3))
    thing, other = world.layout.movables[:2]
    put_at(world, {thing: (0.0, 0.58, 0.012)})
    assert not in_drawer(world, thing)
    world.set_out(draw_layout("drawer", 3))
    world.data.qpos[world.scene.slots["drawer"][0].slide] = 0.09
    address = world.scene.slots[thing.shape][0].qpos
    world.data.qpos[address : address + 7] = upright(0.0, 0.57, 0.012 + HALF_HEIGHTS[thing.shape])
    for _ in range(20):
        world.step_tick()
    assert Store(thing).done(world)
    assert Store(other).wrong(world) is Outcome.WRONG_OBJECT


def test_a_judge_believes_only_what_lasts(world, containers):
    thing = world.layout.movables[0]
    judge = Judge(Put(thing, containers[0]))
    put_at(world, {thing: spot(world, containers[0])})
    seen = []
    for _ in range(HELD_TICKS):
        world.step_tick()
        seen.append(judge.watch(world))
    assert seen[0] is Outcome.RUNNING
    assert seen[-1] is Outcome.SUCCESS
    put_at(world, {thing: (0.0, 0.3, 0.0)})
    assert judge.watch(world) is Outcome.SUCCESS


def test_a_gripper_about_a_thing_has_not_let_it_go(world, blocks):
    low, high = blocks[:2]
    x, y, _ = spot(world, low)
    put_at(world, {low: (x, y, 0.0), high: (x, y, 0.04)})
    assert Stack((low, high)).done(world)
    tip = world.tip("left")
    world.place(START, {low.name: upright(*tip[:2], 0.02), high.name: np.array([*tip[:2], tip[2]])})
    assert not Stack((low, high)).done(world)


def lay(world, thing, x, y, z):
    """Put a thing on its side, along x, its middle at a place, and let it settle."""
    pose = np.array([x, y, z, np.cos(np.pi / 4), 0.0, np.sin(np.pi / 4), 0.0])
    world.place(START, {thing.name: pose})
    for _ in range(50):
        world.step_tick()


@pytest.mark.parametrize("axis", [None, "instance"])
def test_a_peg_that_lies_across_its_socket_is_not_inserted(world, axis):
    world.set_out(draw_layout("pegs", 3, axis))
    task = Insert.every(world.layout)[0]
    x, y, _ = spot(world, task.socket)
    lay(world, task.peg, x, y, SOCKET_HEIGHT + 0.016)
    assert np.hypot(*(world.object_positions()[task.peg.name][:2] - [x, y])) < 0.02
    assert not task.done(world)


@pytest.mark.parametrize("shape", CONTAINERS)
def test_a_thing_on_the_wall_of_a_container_is_not_in_it(world, shape):
    layout, container, cube = next(
        (layout, container, cube)
        for layout in (draw_layout("containers", seed) for seed in range(50))
        for container in layout.things
        for cube in layout.movables
        if container.shape == shape and cube.shape == "cube"
    )
    world.set_out(layout)
    x, y, _ = spot(world, container)
    wall, rim = (BOWL_RADIUS, BOWL_HEIGHT) if shape == "bowl" else (TRAY_SIDE / 2, TRAY_HEIGHT)
    put_at(world, {cube: (x + wall - 0.003, y, rim)})
    assert world.object_positions()[cube.name][2] == pytest.approx(rim + 0.02, abs=0.004)
    assert not Put(cube, container).done(world)


def push_in(layout):
    return next(task for task in Push.every(layout) if task.side == "left")


def moved(world, thing, dx, dy=0.0):
    x, y = world.layout.poses[thing][:2]
    return {thing: (float(x) + dx, float(y) + dy, 0.0)}


def test_a_push_goes_to_its_side_and_takes_nothing_along(world, blocks):
    task = push_in(world.layout)
    other = next(thing for thing in blocks if thing != task.thing)
    put_at(world, moved(world, task.thing, -0.08))
    assert task.done(world)
    put_at(world, moved(world, task.thing, -0.07, 0.12))
    assert not task.done(world)
    put_at(world, moved(world, task.thing, -0.08) | moved(world, other, -0.04))
    assert not task.done(world)


def test_moving_a_thing_that_is_to_be_left_alone_is_wrong(world, blocks):
    task = Stack(blocks[:2])
    put_at(world, moved(world, blocks[2], 0.0, -0.08))
    assert task.wrong(world) is Outcome.WRONG_OBJECT


def test_a_line_that_stands_already_is_no_task(world, blocks):
    line = {t: upright(0.06 * i - 0.06, 0.5, 0.02) for i, t in enumerate(blocks[:3])}
    layout = replace(world.layout, poses=dict(world.layout.poses) | line)
    orders = [task.order for task in LineUp.every(layout)]
    assert blocks[:3] not in orders
    assert blocks[2::-1] in orders


def test_a_peg_is_inserted_either_end_up(world):
    world.set_out(draw_layout("pegs", 3))
    task = Insert.every(world.layout)[0]
    x, y, _ = spot(world, task.socket)
    for turn in ((1.0, 0.0), (0.0, 1.0)):
        world.place(START, {task.peg.name: np.array([x, y, 0.04, *turn, 0.0, 0.0])})
        assert task.done(world)
