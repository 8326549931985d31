"""How things of simulated scenes lie to each other and to the arms: facts, as `scene_facts` has.

Only what the picture shows plainly is a fact: nothing near a tie, no height that only a second
picture would tell.
"""

from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int64

from hardware.simulation.things import CONTAINERS, HALF_HEIGHTS
from policy.data.kinds import DRAWER, KINDS, MOVABLE, NUMBERS
from policy.data.scene_facts import SHAPE_NUMBERS, Facts, clear_scenes, clear_things, facts_of
from policy.data.scenes import Scenes

APART = 0.08
"""Of the picture's width between two things of which one is further left."""

NEARER = 0.06
"""Metres by which one of two things, or of two arms, is nearer."""

LESS = 0.03
"""Metres, and of the picture's width, by which what lies nearest to a thing is nearer to it than
anything else."""

BESIDE = 0.09
"""Metres from a container's middle within which a thing that is not inside may look so, and of the
sides of the picture around it, a third of that."""

GRASPING = 0.08
"""Metres from a gripper within which a thing that it does not hold may look held."""

STANDING = 0.001
"""Metres over the table up to which a thing stands on it."""

OPEN, CLOSED = 0.05, 0.01
"""Metres: a drawer further out is open, one less far is closed."""

ASPECT = np.array([1.0, 3 / 4])
"""The picture's sides, of its width."""

PLACES = np.array(
    [NUMBERS[kind] for kind in KINDS if kind.shape in (*CONTAINERS, "socket", "drawer")]
)
HALVES = np.array([HALF_HEIGHTS.get(kind.shape, 0.0) for kind in KINDS])


def _slots(asked: Bool[np.ndarray, "scenes kinds"]) -> tuple[np.ndarray, np.ndarray]:
    """The kinds that each scene is asked about, (scenes, most), and which of them are real."""
    most = max(int(asked.sum(axis=1).max(initial=0)), 2)
    kinds = np.argsort(~asked, axis=1, kind="stable")[:, :most]
    return kinds, np.take_along_axis(asked, kinds, axis=1)


def _pairs(
    values: Float[np.ndarray, "scenes kinds"],
    asked: Bool[np.ndarray, "scenes kinds"],
    margin: float,
) -> Facts:
    """Ordered pairs of things `asked` about; the answer is the one with the smaller value."""
    kinds, real = _slots(asked)
    found = []
    for one, other in permutations(range(kinds.shape[1]), 2):
        scene = np.flatnonzero(real[:, one] & real[:, other])
        first, second = kinds[scene, one], kinds[scene, other]
        gap = values[scene, first] - values[scene, second]
        plain = np.abs(gap) >= margin
        scene, first, second, less = (each[plain] for each in (scene, first, second, gap < 0))
        answers = np.where(less, first, second).astype(np.int64)
        found.append(facts_of((scene, first, second), answers, less.astype(np.int64)))
    return Facts.join(found)


def _standing(scenes: Scenes) -> Bool[np.ndarray, "scenes kinds"]:
    """What can be picked up, is plain to see and stands on the table."""
    heights = np.abs(scenes.spots[..., 2] - HALVES)
    free = (scenes.inside == 0) & (scenes.held == 0)
    return np.asarray(clear_things(scenes) & MOVABLE & free & (heights < STANDING))


def _grasped(scenes: Scenes) -> Bool[np.ndarray, "scenes kinds"]:
    """What a gripper is so near to that it may look held."""
    gaps = np.linalg.norm(scenes.spots[:, :, None] - scenes.tips[:, None], axis=3)
    return np.asarray((gaps < GRASPING).any(axis=2))


def further_left(scenes: Scenes) -> Facts:
    """Two things; the answer is the one further left in the picture."""
    return _pairs(scenes.centres[..., 0], clear_things(scenes), APART)


def nearer_to_camera(scenes: Scenes) -> Facts:
    """Two things that stand on the table; the answer is the one nearer to the camera."""
    return _pairs(scenes.distances, _standing(scenes), NEARER)


def nearest(scenes: Scenes) -> Facts:
    """A thing, where all stands on the table; the answer is what lies nearest to it.

    By the middles in metres as well as by the gap between the two in the picture.
    """
    clear = clear_things(scenes)
    low = ((_standing(scenes) | ~MOVABLE) | ~clear).all(axis=1) & clear_scenes(scenes)
    kinds, real = _slots(clear & low[:, None])
    spots, boxes = (
        np.take_along_axis(x, kinds[..., None], 1) for x in (scenes.spots, scenes.boxes)
    )
    between = np.linalg.norm(spots[:, :, None] - spots[:, None], axis=3)
    apart = np.maximum(
        boxes[:, :, None, :2] - boxes[:, None, :, 2:], boxes[:, None, :, :2] - boxes[:, :, None, 2:]
    )
    gaps = np.linalg.norm(np.maximum(apart, 0) * ASPECT, axis=3)
    never = ~(real[:, :, None] & real[:, None]) | np.eye(kinds.shape[1], dtype=bool)
    (metres, by_metres), (shown, by_shown) = (_least(x, never) for x in (between, gaps))
    scene, slot = np.nonzero(real & (metres >= LESS) & (shown >= LESS) & (by_metres == by_shown))
    kind, answer = kinds[scene, slot], kinds[scene, by_metres[scene, slot]]
    return facts_of((scene, kind, kind), answer, SHAPE_NUMBERS[answer])


def _least(values: np.ndarray, never: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much the least along the last axis is less than the next, and which it is."""
    held = np.where(never, 1e6, values)
    least = np.partition(held, 1, axis=2)
    gap = np.where(least[..., 1] < 1e6, least[..., 1] - least[..., 0], 0.0)  # two or more others
    return gap, held.argmin(axis=2)


def nearer_arm(scenes: Scenes) -> Facts:
    """A thing on the table; the answer is 0 if the left gripper is nearer, 1 if the right.

    In space as well as over the table.
    """
    away = scenes.spots[:, :, None] - scenes.tips[:, None]
    space, over = (np.linalg.norm(away[..., :axes], axis=3) for axes in (3, 2))
    gap, flat = space[..., 0] - space[..., 1], over[..., 0] - over[..., 1]
    plain = (np.minimum(gap, flat) >= NEARER) | (np.maximum(gap, flat) <= -NEARER)
    scene, kind = np.nonzero(_standing(scenes) & plain)
    return facts_of((scene, kind, kind), (gap[scene, kind] > 0).astype(np.int64))


def in_the_air(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is 0 on the table, 1 in the air, in a gripper."""
    lies = _standing(scenes) & ~_grasped(scenes)
    scene, kind = np.nonzero(lies | (clear_things(scenes) & (scenes.held > 0)))
    return facts_of((scene, kind, kind), (scenes.held[scene, kind] > 0).astype(np.int64))


def held(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is as `Scenes.held` says it."""
    asked = clear_things(scenes) & MOVABLE & ((scenes.held > 0) | ~_grasped(scenes))
    scene, kind = np.nonzero(asked)
    return facts_of((scene, kind, kind), scenes.held[scene, kind])


def inside(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is as `Scenes.inside` says it."""
    gaps = np.linalg.norm(scenes.spots[:, :, None, :2] - scenes.spots[:, None, PLACES, :2], axis=3)
    spot, boxes = scenes.centres[:, :, None], scenes.boxes[:, None, PLACES]
    low, high = boxes[..., :2] - BESIDE / 3, boxes[..., 2:] + BESIDE / 3
    before = np.all((spot >= low) & (spot <= high), axis=3)
    beside = ((before | (gaps < BESIDE)) & scenes.present[:, None, PLACES]).any(axis=2)
    plain = (scenes.inside > 0) | ~beside
    scene, kind = np.nonzero(clear_things(scenes) & MOVABLE & plain)
    codes = scenes.inside[scene, kind]
    return facts_of((scene, kind, kind), codes, _place_groups(codes))


def _place_groups(codes: Int64[np.ndarray, "facts"]) -> Int64[np.ndarray, "facts"]:
    """Groups of places by their shape, 0 for none."""
    return np.where(codes > 0, 1 + SHAPE_NUMBERS[np.maximum(codes - 1, 0)], 0).astype(np.int64)


def drawers(scenes: Scenes) -> Facts:
    """A drawer; the answer is 1 if it is open, 0 if it is closed."""
    number = NUMBERS[DRAWER]
    plain = (scenes.opening > OPEN) | (scenes.opening < CLOSED)
    scene = np.flatnonzero(clear_things(scenes)[:, number] & plain)
    kind = np.full_like(scene, number)
    return facts_of((scene, kind, kind), (scenes.opening[scene] > OPEN).astype(np.int64))
