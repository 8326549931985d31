"""One random scene set up, drawn and looked at. A function of its seed; keeps nothing on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import cv2
import mujoco
import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARM_WIDTH, ARMS, START
from hardware.aloha_model import tip_site
from hardware.interfaces import JointPositions
from hardware.simulation.layout import TABLES, Layout, upright
from hardware.simulation.stock import DRAWER_SIZE, DRAWER_TRAVEL, THICK
from hardware.simulation.things import CONTAINERS, HALF_HEIGHTS, SHAPES, UNSEEN_SHAPES, Thing
from hardware.simulation.world import World
from policy.data.kinds import DRAWER, KINDS, NUMBERS
from policy.data.scene_variety import draw_varied_layout

RENDERED = (240, 320)
"""Height and width drawn before resizing, as demonstrations are."""

REACH_LOW = np.array([-0.7, -0.9, 0.3, -0.3, -0.5, -0.5, 0.0])
REACH_HIGH = np.array([0.7, 0.6, 1.4, 0.3, 1.6, 0.5, 1.0])
"""Joint ranges (radians, gripper opening) in which arms are strewn about the work area."""

LEAST_SHARE = 0.12
"""Share of a cell's pixels that an object must cover to be what the cell shows."""

LEAST_PIXELS = 20
"""Of `RENDERED` pixels that must show an object for it to count as seen."""

HOLDING = 0.45
"""Opening of a gripper whose pads touch a cube between them."""

LOWEST_CARRIED = 0.06
"""Metres over the table from which on a gripper may be shown holding a thing."""

INSIDE = 0.5
"""Share of scenes with a place to put things into in which one lies there."""

OFF_MIDDLE = {"bowl": 0.02, "tray": 0.03, "socket": 0.0, "drawer": 0.006}
"""Metres from a container's middle at which things lie in it, at most."""

LONG = ("peg", "rod")
"""Shapes that go into sockets, and are too long for drawers."""

FLOOR = 0.004
"""Metres over the table at which things in containers lie."""

Pose = Float64[np.ndarray, "7"]


@dataclass(frozen=True, slots=True)
class View:
    """What one camera shows of a scene; arrays have one row for each of `KINDS`."""

    picture: np.ndarray
    """(height, width, 3) uint8."""
    cells: np.ndarray
    """(cells,) int64: 0 nothing, 1 + number of the kind."""
    centres: np.ndarray
    """(kinds, 2) float32: a point that shows it, x and y in 0..1."""
    boxes: np.ndarray
    """(kinds, 4) float32: around all that shows it, x1, y1, x2, y2 in 0..1."""
    areas: np.ndarray
    """(kinds,) float32: share of the picture that shows it."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One scene: what cameras show, and the truth as `Scenes` has it."""

    views: list[View]
    truths: Mapping[str, np.ndarray]


@dataclass(slots=True)
class _Arrangement:
    """A scene being set up."""

    layout: Layout
    arms: np.ndarray
    opening: float
    held: dict[Thing, int]
    """Number of the arm that holds it."""
    inside: dict[Thing, Thing]
    """What it lies in."""


def draw_scene(seed: int, sizes: Mapping[str, tuple[int, int]], cell: int) -> Drawn:
    """Set up scene `seed` and draw it at `sizes`, heights and widths by camera, cells of `cell`."""
    world = _world()
    scene = _arrange(world, seed)
    views = [_look(world, name, size, cell) for name, size in sizes.items()]
    return Drawn(views, _truths(world, scene, next(iter(sizes))))


def draw_arms(rng: np.random.Generator) -> np.ndarray:
    """Both arms' joints (14,): at rest, or somewhere about the table."""
    state = START.astype(np.float64)
    for arm in range(2):
        if rng.random() < 0.6:
            part = slice(arm * ARM_WIDTH, (arm + 1) * ARM_WIDTH)
            share = rng.uniform(0.2, 1.0)
            state[part] += share * (rng.uniform(REACH_LOW, REACH_HIGH) - state[part])
    return state.astype(np.float32)


def label_cells(segmentation: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """What each cell of a grid shows, (rows * columns,): of `segmentation` the label, or 0."""
    height, width = segmentation.shape
    blocks = segmentation.reshape(rows, height // rows, columns, width // columns)
    cells = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, -1)
    labels = np.unique(segmentation[segmentation > 0])
    if not len(labels):
        return np.zeros(rows * columns, np.int64)
    shares = np.stack([(cells == label).mean(axis=1) for label in labels], axis=1)
    shown = labels[shares.argmax(axis=1)]
    return np.where(shares.max(axis=1) >= LEAST_SHARE, shown, 0).astype(np.int64)


def set_up(world: World, layout: Layout, arms: JointPositions, opening: float) -> None:
    """Set out `layout`, the arms at `arms` (14,) and the drawer `opening` metres out."""
    world.set_out(layout, start=arms)
    world.place(arms, {}, drawer=opening)


def in_gripper(world: World, arm: str, rng: np.random.Generator) -> Pose:
    """Pose of a thing between the pads of `arm`, turned at random about the line between them."""
    with world.lock:
        tip = world.data.site(tip_site(arm)).xmat.copy()
    turn, own, pose = rng.uniform(-0.8, 0.8), np.empty(4), np.empty(4)
    mujoco.mju_mat2Quat(own, tip)
    mujoco.mju_mulQuat(pose, own, np.array([np.cos(turn / 2), 0, np.sin(turn / 2), 0]))
    return np.array([*world.tip(arm), *pose])


@cache
def _world() -> World:
    return World()


def _arrange(world: World, seed: int) -> _Arrangement:
    rng = np.random.default_rng(seed)
    layout = draw_varied_layout(TABLES[int(rng.integers(len(TABLES)))], seed, rng)
    if rng.random() < 0.3:  # so that counting is no guess
        layout = _thinned(layout, rng)
    scene = _Arrangement(layout, draw_arms(rng), _draw_opening(rng), {}, {})
    _put_inside(scene, rng)
    _set_out(world, scene)
    if layout.movables and rng.random() < 0.35:  # one is in the air, as when it is carried
        _lift(world, scene, rng)
        _set_out(world, scene)
    return scene


def _set_out(world: World, scene: _Arrangement) -> None:
    set_up(world, scene.layout, scene.arms, scene.opening)


def _thinned(layout: Layout, rng: np.random.Generator) -> Layout:
    things = layout.things
    gone = rng.permutation(len(things))[: rng.integers(1, len(things))]
    return replace(
        layout, poses={t: p for n, (t, p) in enumerate(layout.poses.items()) if n not in gone}
    )


def _draw_opening(rng: np.random.Generator) -> float:
    return 0.0 if rng.random() < 0.5 else float(rng.uniform(0.06, DRAWER_TRAVEL))


def _put_inside(scene: _Arrangement, rng: np.random.Generator) -> None:
    """Let one thing lie in a container, in the open drawer, or a peg stand in a socket."""
    if rng.random() >= INSIDE:
        return
    pairs = [
        (thing, place)
        for thing in scene.layout.movables
        for place in scene.layout.things
        if _takes(place, thing, scene.opening)
    ]
    if not pairs:
        return
    thing, place = pairs[int(rng.integers(len(pairs)))]
    x, y = scene.layout.poses[place][:2] + rng.uniform(-1, 1, 2) * OFF_MIDDLE[place.shape]
    if place == DRAWER:  # between the cabinet and the drawer's front
        y += THICK - DRAWER_SIZE[1] - scene.opening / 2
    height = HALF_HEIGHTS[thing.shape] + (FLOOR if place.shape != "socket" else 0.0)
    _move(scene, thing, upright(float(x), float(y), height))
    scene.inside[thing] = place


def _takes(place: Thing, thing: Thing, opening: float) -> bool:
    if place == DRAWER:
        return opening > 0 and thing.shape not in LONG
    wanted = LONG if place.shape == "socket" else (*SHAPES, *UNSEEN_SHAPES)
    return place.shape in (*CONTAINERS, "socket") and thing.shape in wanted


def _move(scene: _Arrangement, thing: Thing, pose: Pose) -> None:
    scene.layout = replace(scene.layout, poses={**scene.layout.poses, thing: pose})


def _lift(world: World, scene: _Arrangement, rng: np.random.Generator) -> None:
    """Put one thing into a gripper that is high enough, or a little over where it lies."""
    movables = scene.layout.movables
    thing, arm = movables[int(rng.integers(len(movables)))], int(rng.integers(len(ARMS)))
    if rng.random() < 0.5 and world.tip(ARMS[arm])[2] > LOWEST_CARRIED:
        _move(scene, thing, in_gripper(world, ARMS[arm], rng))
        scene.arms[(arm + 1) * ARM_WIDTH - 1] = HOLDING
        scene.held[thing] = arm
        scene.inside.pop(thing, None)
    elif thing not in scene.inside:
        aside = np.array([*rng.uniform(-0.06, 0.06, 2), rng.uniform(0.02, 0.15), 0, 0, 0, 0])
        _move(scene, thing, scene.layout.poses[thing] + aside)


def _look(world: World, camera: str, size: tuple[int, int], cell: int) -> View:
    height, width = size
    # As the processor resizes, whose import would cost each drawing process ten seconds.
    picture = cv2.resize(
        world.render(camera, *RENDERED), (width, height), interpolation=cv2.INTER_AREA
    )
    labels = np.array([0, *(1 + NUMBERS[thing] for thing in world.things)])
    segmentation = labels[world.render_segmentation(camera, *RENDERED)]
    cells = label_cells(segmentation, height // cell, width // cell)
    return View(picture, cells, *_seen(segmentation))


def _seen(segmentation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (kinds, 2), boxes (kinds, 4) and areas (kinds,) as `View` has them."""
    size = np.array(segmentation.shape[::-1], np.float32)
    centres = np.zeros((len(KINDS), 2), np.float32)
    boxes = np.zeros((len(KINDS), 4), np.float32)
    areas = np.zeros(len(KINDS), np.float32)
    for label in np.unique(segmentation[segmentation > 0]):
        y, x = np.nonzero(segmentation == label)
        number = int(label) - 1
        areas[number] = len(x) / segmentation.size
        if len(x) < LEAST_PIXELS:
            continue
        spots = np.stack([x, y], axis=1)
        # The mean of a thing behind a finger may lie on the finger: take the pixel next to it.
        nearest = np.linalg.norm(spots - spots.mean(axis=0), axis=1).argmin()
        centres[number] = (spots[nearest] + 0.5) / size
        boxes[number] = np.concatenate([spots.min(axis=0) / size, (spots.max(axis=0) + 1) / size])
    return centres, boxes, areas


def _truths(world: World, scene: _Arrangement, camera: str) -> dict[str, np.ndarray]:
    spots = np.zeros((len(KINDS), 3), np.float32)
    present = np.zeros(len(KINDS), bool)
    held, inside = np.zeros(len(KINDS), np.int64), np.zeros(len(KINDS), np.int64)
    for thing, pose in scene.layout.poses.items():
        number = NUMBERS[thing]
        spots[number], present[number] = pose[:3], True
        held[number] = 1 + scene.held[thing] if thing in scene.held else 0
        inside[number] = 1 + NUMBERS[scene.inside[thing]] if thing in scene.inside else 0
    with world.lock:
        eye = world.data.camera(camera).xpos.copy()
    return {
        "table": np.array(TABLES.index(scene.layout.table)),
        "present": present,
        "spots": spots,
        "tips": np.stack([world.tip(arm) for arm in ARMS]).astype(np.float32),
        "held": held,
        "inside": inside,
        "opening": np.array(world.drawer_opening(), np.float32),
        "distances": np.linalg.norm(spots - eye, axis=1).astype(np.float32),
    }
