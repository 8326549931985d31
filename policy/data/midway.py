"""Tasks under way, set up and not driven: what was moved already, and where a hand acts next.

Ours: most of a task of several moves is seen after its first. Demonstrations of such tasks are few
and long; a scene with some of the moves made costs a hundredth of one, and says as much about
where to go next. Keeps nothing on disk.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Float64

from hardware.aloha import ARM_WIDTH, ARMS, START, aloha_embodiment
from hardware.interfaces import JointPositions
from hardware.kinematics import Kinematics, kinematics_for
from hardware.simulation.experts.expert import plan_for
from hardware.simulation.experts.grasp import over_middle
from hardware.simulation.experts.handing_over import MEETING
from hardware.simulation.experts.moving import Move
from hardware.simulation.experts.pulling import OPEN, OVER_KNOB, STILL_OPEN, Pull, knob
from hardware.simulation.experts.pushing import LOW
from hardware.simulation.language import instruct
from hardware.simulation.layout import Layout, upright
from hardware.simulation.tasks.arranging import Push
from hardware.simulation.tasks.catalogue import tasks_in
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.task import Task, other_arm
from hardware.simulation.things import Thing
from hardware.simulation.world import World
from policy.data.places import beside, first_touched
from policy.data.scene_drawing import (
    HOLDING,
    LOWEST_CARRIED,
    RENDERED,
    draw_arms,
    in_gripper,
    set_up,
)
from policy.data.scene_variety import draw_varied_layout
from policy.first_look import camera_of, live

WEIGHTS: Mapping[str, float] = {
    "stack": 5.0,
    "line_up": 4.0,
    "swap": 3.5,
    "hand_over": 3.0,
    "push": 2.0,
    "pick": 2.0,
    "sort": 3.0,
    "put": 1.5,
    "store": 2.0,
    "insert": 1.5,
}
"""How often each kind of task is drawn where it can be done: the longer, the more often."""

TABLE_WEIGHTS: Mapping[str, float] = {
    "blocks": 0.55,
    "containers": 0.21,
    "drawer": 0.12,
    "pegs": 0.12,
}
"""How often each table is set."""

HELD = 0.5
"""Share in which what is to be moved next is in the gripper."""

RESTING = 0.7
"""Share in which the arm that does nothing rests."""

OFF = 0.7
"""What was moved lies beside its place by at most this share of what counts as in its place."""

BESIDE_ANOTHER = 0.006
"""Metres beside its place of what lies beside another thing, at most."""

SAID = 6
"""Wordings drawn of each."""

MOST = 8
"""Moves of a task at most."""

POSES = 30
"""Poses drawn in search of one in which an arm carries something."""


@dataclass(frozen=True, slots=True)
class Midway:
    """One task under way."""

    pictures: Mapping[str, np.ndarray]
    """By view, (height, width, 3) uint8; those of the start show how it began."""
    centre: Float32[np.ndarray, "2"]
    """Where the first camera sees the tip of a hand when that acts next, x and y in 0..1."""
    arm: int
    """Number of that hand in `ARMS`."""
    holding: int
    """Number of the arm that holds something, or -1."""
    family: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """A hand acts somewhere: closes, opens or comes down."""

    arm: str
    tip: Float64[np.ndarray, "3"]
    """Where its tip is then, metres."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A task after some of its moves, nothing held."""

    layout: Layout
    opening: float
    """Of the drawer, metres."""
    next: Act
    thing: Thing | None
    """What that hand then holds; None if nothing, or if no hand acts after."""
    after: Act
    """What comes next once it holds that."""


def draw_midway(seed: int, sizes: Mapping[str, tuple[int, int]], *, unseen: bool = False) -> Midway:
    """Set up scene `seed`, a task there and how far that has come, and look at it.

    `sizes` are heights and widths by view. With `unseen`, it is told in words that are kept for
    evaluation. A function of its arguments.
    """
    rng, world = np.random.default_rng([seed, 2]), _world()
    while True:
        start = draw_varied_layout(
            str(rng.choice([*TABLE_WEIGHTS], p=[*TABLE_WEIGHTS.values()])), seed, rng
        )
        task = _draw_task(start, rng)
        stages = [] if task is None else list(stages_of(world, task, start, rng))
        if task is not None and stages:
            break
    stage = stages[int(rng.integers(len(stages)))]
    arms, holding = _draw_stance(world, stage, rng)
    now, act = stage.layout, stage.next
    if holding and stage.thing is not None:
        set_up(world, now, arms, stage.opening)
        pose = in_gripper(world, stage.next.arm, rng)
        now, act = replace(now, poses={**now.poses, stage.thing: pose}), stage.after
    set_up(world, now, arms, stage.opening)
    pictures = {view: _look(world, view, sizes[view]) for view in live(sizes)}
    if len(pictures) < len(sizes):
        set_up(world, start, START, 0.0)
        pictures |= {v: _look(world, camera_of(v), sizes[v]) for v in sizes if v not in pictures}
    return Midway(
        pictures,
        _projected(act.tip, next(iter(sizes)), sizes),
        ARMS.index(act.arm),
        ARMS.index(stage.next.arm) if holding else -1,
        task.family,
        tuple(instruct(task, start, rng, unseen=unseen) for _ in range(SAID)),
    )


@cache
def _world() -> World:
    return World()


def _draw_task(layout: Layout, rng: np.random.Generator) -> Task | None:
    """One that is made of moves, of a kind drawn first; None where there is none."""
    by_kind: dict[str, list[Task]] = {}
    for task in tasks_in(layout):
        if task.family in WEIGHTS:
            by_kind.setdefault(task.family, []).append(task)
    if not by_kind:
        return None
    weights = np.array([WEIGHTS[family] for family in by_kind])
    own = list(by_kind.values())[int(rng.choice(len(by_kind), p=weights / weights.sum()))]
    return own[int(rng.integers(len(own)))]


def stages_of(world: World, task: Task, start: Layout, rng: np.random.Generator) -> Iterator[Stage]:
    """The task before each of its moves, those before made about as well as a hand makes them.

    `world` is set up along with it.
    """
    if isinstance(task, Pick | HandOver | Push):
        yield _only_stage(task, start)
        return
    plan, layout, opening = plan_for(task, start), start, 0.0
    for _ in range(MOST):
        set_up(world, layout, START, opening)
        move = next((each for each in plan(world) if not _ended(each, world)), None)
        if move is None:
            return
        if isinstance(move, Pull):
            act = Act(move.arm, knob(world) + np.array([0.0, 0.0, OVER_KNOB]))
            yield Stage(layout, opening, act, None, act)
            opening = float(rng.uniform(STILL_OPEN, OPEN + 0.01))
            continue
        over = np.array([0.0, 0.0, over_middle(move.thing)])
        act = Act(move.arm, world.object_positions()[move.thing.name] + over)
        yield Stage(layout, opening, act, move.thing, Act(move.arm, move.target + over))
        pose = _put_down(move, rng)
        layout = replace(layout, poses={**layout.poses, move.thing: pose})


def _only_stage(task: Pick | HandOver | Push, start: Layout) -> Stage:
    thing, arm = first_touched(task, start)
    place = np.asarray(start.poses[thing][:3])
    away = beside(task)
    if away is not None:
        behind = np.array([*(place + away)[:2], LOW])
        return Stage(start, 0.0, Act(arm, behind), None, Act(arm, behind))
    act = Act(arm, place + np.array([0.0, 0.0, over_middle(thing)]))
    if isinstance(task, HandOver):
        return Stage(start, 0.0, act, thing, Act(arm, MEETING))  # there the giver lets go
    return Stage(start, 0.0, act, None, act)


def _put_down(move: Move, rng: np.random.Generator) -> Float64[np.ndarray, "7"]:
    """A pose in which what was moved counts as in its place."""
    x, y, z = move.place + np.array([move.shift, 0.0, 0.0])
    off = min(OFF * move.within, BESIDE_ANOTHER) if move.shift else OFF * move.within
    turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0, off)
    return upright(x + away * np.cos(turn), y + away * np.sin(turn), z, rng.uniform(-0.3, 0.3))


def _ended(move: Move | Pull, world: World) -> bool:
    if isinstance(move, Pull):
        return world.drawer_opening() >= STILL_OPEN
    return move.ends(world.object_positions()[move.thing.name])


def _draw_stance(
    world: World, stage: Stage, rng: np.random.Generator
) -> tuple[JointPositions, bool]:
    """Both arms' joints, and whether the one that moves something holds it already."""
    holding = stage.thing is not None and bool(rng.random() < HELD)
    part = _joints(stage.next.arm)
    for _ in range(POSES):
        arms = draw_arms(rng)
        if not holding:
            arms[part][-1] = rng.uniform(0.8, 1.0)
            break
        arms[part][-1] = HOLDING
        set_up(world, stage.layout, arms, stage.opening)
        if world.tip(stage.next.arm)[2] > LOWEST_CARRIED:
            break
    if rng.random() < RESTING:
        arms[_joints(other_arm(stage.next.arm))] = START[_joints(other_arm(stage.next.arm))]
    return arms, holding


def _joints(arm: str) -> slice:
    first = ARMS.index(arm) * ARM_WIDTH
    return slice(first, first + ARM_WIDTH)


def _look(world: World, camera: str, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    picture = world.render(camera, *RENDERED)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def _projected(
    tip: Float64[np.ndarray, "3"], camera: str, sizes: Mapping[str, tuple[int, int]]
) -> Float32[np.ndarray, "2"]:
    height, width = sizes[camera]
    seen, _ = _kinematics().project(camera, START, tip[None], aspect=width / height)
    return np.asarray(seen[0], np.float32)


@cache
def _kinematics() -> Kinematics:
    found = kinematics_for(aloha_embodiment())
    if found is None:
        raise ValueError("The simulated ALOHA has no kinematics.")
    return found
