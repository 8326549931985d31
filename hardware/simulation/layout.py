"""What stands where in one scene: a function of table, seed and axis. Knows no physics."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64

from hardware.simulation.look import Look, draw_unseen_look
from hardware.simulation.things import (
    COLOURS,
    CONTAINERS,
    CUBES,
    HALF_HEIGHTS,
    SHAPES,
    UNSEEN_COLOURS,
    UNSEEN_SHAPES,
    Thing,
)

TABLES = ("blocks", "containers", "drawer", "pegs")
"""Kinds of scenes. `blocks` has the four cubes, `containers` four things of two colours and two
containers of these colours, `drawer` three things and a drawer, `pegs` two pegs, two sockets and
a thing."""

AXES = ("colour", "instance", "position", "background", "instruction")
"""Ways in which a scene or what is said can differ from training. The last changes no scene."""

TURN = 0.15
"""Radians by which things are turned at most."""

Pose = Float64[np.ndarray, "7"]
Spot = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """One scene at its start."""

    table: str
    poses: Mapping[Thing, Pose]
    """Of every thing set out: x, y, z in metres, then a unit quaternion w, x, y, z."""
    look: Look = field(default_factory=Look)

    @property
    def things(self) -> tuple[Thing, ...]:
        """Everything on the table."""
        return tuple(self.poses)

    @property
    def movables(self) -> tuple[Thing, ...]:
        """What can be picked up."""
        return tuple(thing for thing in self.poses if thing.movable)


@dataclass(frozen=True, slots=True)
class Region:
    """Where the middles of movable things lie at the start, metres."""

    low: Spot
    high: Spot
    apart: float
    """At least so far from each other."""
    margin: Spot
    """How far outside they lie on the position axis, in x and y."""

    def draw(self, rng: np.random.Generator, count: int, *, around: bool) -> np.ndarray:
        """Draw `count` spots (count, 2), inside or, if `around`, in the frame around."""
        while True:
            if around:
                spots = self._framed(rng, count)
            else:
                spots = rng.uniform(self.low, self.high, (count, 2))
            gaps = np.linalg.norm(spots[:, None] - spots[None], axis=-1)
            if count < 2 or gaps[np.triu_indices(count, 1)].min() >= self.apart:
                return np.asarray(spots)

    def _framed(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draw spots in the frame, each by itself: all at once would take seconds to fall right."""
        low, high, margin = (np.array(each) for each in (self.low, self.high, self.margin))
        spots = np.zeros((0, 2))
        while len(spots) < count:
            drawn = rng.uniform(low - margin, high + margin, (8 * count, 2))
            outside = np.any((drawn < low) | (drawn > high), axis=1)
            spots = np.concatenate([spots, drawn[outside]])
        return spots[:count]


REGIONS = {
    "blocks": Region((-0.10, 0.37), (0.10, 0.63), apart=0.10, margin=(0.03, 0.03)),
    "containers": Region((-0.075, 0.37), (0.075, 0.63), apart=0.085, margin=(0.0, 0.03)),
    "drawer": Region((-0.13, 0.36), (0.13, 0.43), apart=0.085, margin=(0.03, 0.03)),
    "pegs": Region((-0.07, 0.38), (0.07, 0.62), apart=0.085, margin=(0.0, 0.03)),
}
"""On every table both arms reach the whole region, save at the far corners of `drawer`."""

SIDE_X, SIDE_LOW, SIDE_HIGH = 0.175, 0.43, 0.57
"""Containers and sockets stand left and right of the things, so far out and between these y."""

DRAWER_SPOT = (0.0, 0.67)
"""Where the cabinet stands; its drawer comes out towards the operator."""

SIDE_MARGIN = 0.03
"""Metres outside of these on the position axis."""


def draw_layout(table: str, seed: int, axis: str | None = None) -> Layout:
    """Draw a scene. The same arguments give the same scene.

    Raises `ValueError` for an unknown table or axis, listing those that exist.
    """
    _require_known("table", table, TABLES)
    if axis is not None:
        _require_known("axis", axis, AXES)
    rng = np.random.default_rng(seed)
    poses = _DRAWS[table](rng, around=axis == "position")
    match axis:
        case "colour":
            return Layout(table, _recoloured(poses, rng))
        case "instance":
            return Layout(table, _reshaped(poses, rng))
        case "background":
            return Layout(table, poses, draw_unseen_look(rng))
        case _:
            return Layout(table, poses)


def _require_known(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"There is no {kind} {name!r}. Known: {', '.join(known)}.")


def upright(x: float, y: float, z: float, turn: float = 0.0) -> Pose:
    """The pose of a thing at a place in metres, turned about the vertical by `turn` radians."""
    return np.array([x, y, z, math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2)])


def _stand(
    things: tuple[Thing, ...], region: Region, rng: np.random.Generator, *, around: bool
) -> dict[Thing, Pose]:
    spots = region.draw(rng, len(things), around=around)
    turns = rng.uniform(-TURN, TURN, len(things))
    return {
        thing: upright(x, y, HALF_HEIGHTS[thing.shape], turn)
        for thing, (x, y), turn in zip(things, spots, turns, strict=True)
    }


def _pick(rng: np.random.Generator, options: tuple[str, ...], count: int) -> list[str]:
    return [options[i] for i in rng.permutation(len(options))[:count]]


def _beside(things: list[Thing], rng: np.random.Generator, *, around: bool) -> dict[Thing, Pose]:
    poses = {}
    for side, thing in zip((-1, 1), things, strict=True):
        x, y = SIDE_X + rng.uniform(-0.01, 0.01), rng.uniform(SIDE_LOW, SIDE_HIGH)
        if around:
            y += SIDE_MARGIN * (1 if y > (SIDE_LOW + SIDE_HIGH) / 2 else -1)
        poses[thing] = upright(side * x, y, 0.0)
    return poses


def _draw_blocks(rng: np.random.Generator, *, around: bool) -> dict[Thing, Pose]:
    return _stand(CUBES, REGIONS["blocks"], rng, around=around)


def _draw_containers(rng: np.random.Generator, *, around: bool) -> dict[Thing, Pose]:
    colours = _pick(rng, COLOURS, 2)
    shapes = [CONTAINERS[i] for i in rng.integers(len(CONTAINERS), size=2)]
    containers = [Thing(*pair) for pair in zip(colours, shapes, strict=True)]
    things = tuple(Thing(colour, shape) for colour in colours for shape in _pick(rng, SHAPES, 2))
    shuffled = tuple(things[i] for i in rng.permutation(len(things)))
    return _beside(containers, rng, around=around) | _stand(
        shuffled, REGIONS["containers"], rng, around=around
    )


def _draw_drawer(rng: np.random.Generator, *, around: bool) -> dict[Thing, Pose]:
    colours, shapes = _pick(rng, COLOURS, 3), _pick(rng, SHAPES, 3)
    if rng.random() < 0.5:  # two of one shape: the colour tells them apart
        shapes[1] = shapes[0]
    else:  # two of one colour: the shape does
        colours[1] = colours[0]
    things = tuple(Thing(*pair) for pair in zip(colours, shapes, strict=True))
    cabinet = upright(*DRAWER_SPOT, 0.0)
    return {Thing("white", "drawer"): cabinet} | _stand(
        things, REGIONS["drawer"], rng, around=around
    )


def _draw_pegs(rng: np.random.Generator, *, around: bool) -> dict[Thing, Pose]:
    sockets = [Thing(colour, "socket") for colour in _pick(rng, COLOURS, 2)]
    pegs = [Thing(colour, "peg") for colour in _pick(rng, COLOURS, 2)]
    other = Thing(str(rng.choice(COLOURS)), str(rng.choice(("cube", "cylinder"))))
    return _beside(sockets, rng, around=around) | _stand(
        (*pegs, other), REGIONS["pegs"], rng, around=around
    )


_DRAWS = {
    "blocks": _draw_blocks,
    "containers": _draw_containers,
    "drawer": _draw_drawer,
    "pegs": _draw_pegs,
}


def _recoloured(poses: Mapping[Thing, Pose], rng: np.random.Generator) -> dict[Thing, Pose]:
    unseen = dict(zip(COLOURS, _pick(rng, UNSEEN_COLOURS, len(COLOURS)), strict=True))
    return {
        replace(thing, colour=unseen.get(thing.colour, thing.colour)): pose
        for thing, pose in poses.items()
    }


def _reshaped(poses: Mapping[Thing, Pose], rng: np.random.Generator) -> dict[Thing, Pose]:
    """Give every movable thing a shape of no training scene."""
    left = dict.fromkeys(UNSEEN_SHAPES, 2)
    reshaped: dict[Thing, Pose] = {}
    for thing, pose in poses.items():
        shape = thing.shape
        if shape in SHAPES:
            free = [
                unseen
                for unseen, count in left.items()
                if count and Thing(thing.colour, unseen) not in reshaped
            ]
            shape = str(rng.choice(free))
            left[shape] -= 1
        elif shape == "peg":
            shape = "rod"
        height = HALF_HEIGHTS.get(shape, pose[2])
        reshaped[replace(thing, shape=shape)] = np.array([*pose[:2], height, *pose[3:]])
    return reshaped
