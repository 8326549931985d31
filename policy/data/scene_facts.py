"""What is true of simulated scenes and can be asked: facts with their answers. Says nothing.

Every answer to a question is about as frequent as the others, so that a blind guess earns little.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int64

from hardware.simulation.things import CONTAINERS, HALF_HEIGHTS
from policy.data.kinds import DRAWER, KINDS, MOVABLE, NUMBERS, PAINTS, SHAPES_SHOWN
from policy.data.scenes import Scenes

CLEAR = 0.002
"""Share of the picture from which on a thing is plain to see; scenes with less are not asked about
what all is there."""

APART = 0.06
"""Of the picture's width between two things of which one is further left."""

NEARER = 0.03
"""Metres by which one of two things is nearer."""

BESIDE = 0.09
"""Metres from a container's middle within which a thing that is not inside may look so."""

AIR = 0.03
"""Metres over the table from which on a thing is in the air."""

OPEN, CLOSED = 0.05, 0.01
"""Metres: a drawer further out is open, one less far is closed."""

ASKED_SHAPES = SHAPES_SHOWN[:-1]
"""Shapes that there are several of; the last is the drawer."""

PER_SUBJECT = 1000
"""A code counts answers up to this, and subjects by it: `subject * PER_SUBJECT + answer`."""

Facts = tuple[Int64[np.ndarray, "facts 3"], Int64[np.ndarray, "facts"]]
"""Scene, first and second kind of each fact; and a number of its answer, to balance by."""

HALVES = np.array([HALF_HEIGHTS.get(kind.shape, 0.0) for kind in KINDS])
OF_COLOUR = np.array([[kind.colour == colour for kind in KINDS] for colour in PAINTS])
OF_SHAPE = np.array([[kind.shape == shape for kind in KINDS] for shape in ASKED_SHAPES])


def clear_things(scenes: Scenes) -> Bool[np.ndarray, "scenes kinds"]:
    """Which kinds are plain to see."""
    return scenes.areas >= CLEAR


def _clear_scenes(scenes: Scenes) -> Bool[np.ndarray, "scenes"]:
    """Scenes in which everything is plain to see or not seen at all."""
    return np.asarray((clear_things(scenes) | (scenes.areas == 0)).all(axis=1))


def _heights(scenes: Scenes) -> Float[np.ndarray, "scenes kinds"]:
    """Metres from the table to the underside of what can be picked up."""
    return np.asarray(scenes.spots[..., 2] - HALVES)


def _rows(scene: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([scene, first, second], axis=1).astype(np.int64)


def _joined(facts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Facts:
    rows, codes = zip(*facts, strict=True)
    return np.concatenate(rows).astype(np.int64), np.concatenate(codes).astype(np.int64)


def _where(asked: Bool[np.ndarray, "scenes kinds"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scene, kind = np.nonzero(asked)
    return scene, kind, _rows(scene, kind, kind)


def each_thing(scenes: Scenes) -> Facts:
    """Every thing that is plain to see."""
    _, kind, rows = _where(clear_things(scenes))
    return rows, kind.astype(np.int64)


def objects(scenes: Scenes) -> Facts:
    """Things at a point, and as code `len(KINDS)` points where another scene has a thing."""
    rows, codes = each_thing(scenes)
    clear = _clear_scenes(scenes)
    other = np.roll(np.arange(len(scenes)), 1)
    scene, kind = np.nonzero(clear_things(scenes)[other] & clear[:, None])
    spot = scenes.centres[other[scene], kind][:, None]
    low, high = scenes.boxes[scene][..., :2] - 0.03, scenes.boxes[scene][..., 2:] + 0.03
    free = ~np.any(np.all((spot >= low) & (spot <= high), axis=2), axis=1)
    empty = _rows(other[scene[free]], kind[free], scene[free])
    return _joined([(rows, codes), (empty, np.full(len(empty), len(KINDS)))])


def _alone(scenes: Scenes, groups: np.ndarray, others: np.ndarray) -> Facts:
    """Things that are alone of a group (subject), and which of `others` they are of (answer)."""
    found = []
    clear = clear_things(scenes)
    for subject, group in enumerate(groups):
        seen = clear & group & _clear_scenes(scenes)[:, None]
        _, kind, rows = _where(seen & (seen.sum(axis=1) == 1)[:, None])
        answer = others[:, kind].argmax(axis=0)
        found.append((rows, subject * PER_SUBJECT + answer))
    return _joined(found)


def lone_shapes(scenes: Scenes) -> Facts:
    """The only thing of its shape; the answer is its colour."""
    return _alone(scenes, OF_SHAPE, OF_COLOUR)


def lone_colours(scenes: Scenes) -> Facts:
    """The only thing of its colour; the answer is its shape."""
    return _alone(scenes, OF_COLOUR, OF_SHAPE)


def colours_of_shapes(scenes: Scenes) -> Facts:
    """Shapes that are seen; the answer has one bit for each of `PAINTS`."""
    clear, found = clear_things(scenes), []
    for subject, group in enumerate(OF_SHAPE):
        seen = np.stack([(clear & group & colour).any(axis=1) for colour in OF_COLOUR], axis=1)
        codes = seen @ (1 << np.arange(len(PAINTS)))
        scene = np.flatnonzero(_clear_scenes(scenes) & (codes > 0))
        found.append((_rows(scene, 0 * scene, 0 * scene), subject * PER_SUBJECT + codes[scene]))
    return _joined(found)


def counts(scenes: Scenes) -> Facts:
    """How many there are of each subject: what can be picked up, colours, then shapes."""
    clear, found = clear_things(scenes), []
    scene = np.flatnonzero(_clear_scenes(scenes) & clear.any(axis=1))
    for subject, group in enumerate((MOVABLE, *OF_COLOUR, *OF_SHAPE)):
        codes = (clear & group).sum(axis=1)[scene]
        found.append((_rows(scene, 0 * scene, 0 * scene), subject * PER_SUBJECT + codes))
    return _joined(found)


def _pairs(scenes: Scenes, values: np.ndarray, margin: float, kinds: Sequence[int]) -> Facts:
    """Ordered pairs of things; the answer is the one with the smaller of `values` (N, kinds)."""
    clear, found = clear_things(scenes), []
    for one, other in permutations(kinds, 2):
        gap = values[:, one] - values[:, other]
        scene = np.flatnonzero(clear[:, one] & clear[:, other] & (np.abs(gap) >= margin))
        rows = _rows(scene, np.full_like(scene, one), np.full_like(scene, other))
        found.append((rows, np.where(gap[scene] < 0, one, other)))
    return _joined(found)


def further_left(scenes: Scenes) -> Facts:
    """Two things; the answer is the one further left in the picture."""
    return _pairs(scenes, scenes.centres[..., 0], APART, range(len(KINDS)))


def nearer_to_camera(scenes: Scenes) -> Facts:
    """Two things that can be picked up; the answer is the one nearer to the camera."""
    return _pairs(scenes, scenes.distances, NEARER, np.flatnonzero(MOVABLE).tolist())


def nearest(scenes: Scenes) -> Facts:
    """A thing, where three or more lie and none is in the air; the answer is what lies nearest."""
    clear = clear_things(scenes)
    low = ~(scenes.present & MOVABLE & (_heights(scenes) > AIR)).any(axis=1)
    gaps = np.linalg.norm(scenes.spots[:, :, None] - scenes.spots[:, None], axis=3)
    gaps[~(clear[:, :, None] & clear[:, None])] = np.inf
    gaps[:, np.arange(len(KINDS)), np.arange(len(KINDS))] = np.inf
    second, first = np.partition(gaps, 1, axis=2)[..., 1], gaps.min(axis=2)
    told = clear & np.isfinite(second) & (_clear_scenes(scenes) & low)[:, None]
    told[told] = second[told] - first[told] >= NEARER
    scene, kind, rows = _where(told)
    return rows, gaps[scene, kind].argmin(axis=1).astype(np.int64)


def nearer_arm(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is 0 if the left arm is nearer, 1 if the right."""
    gaps = np.linalg.norm(scenes.spots[:, :, None] - scenes.tips[:, None], axis=3)
    gap = gaps[..., 0] - gaps[..., 1]
    scene, kind, rows = _where(clear_things(scenes) & MOVABLE & (np.abs(gap) >= NEARER))
    return rows, (gap[scene, kind] > 0).astype(np.int64)


def in_the_air(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is 0 on the table, 1 in the air."""
    height = _heights(scenes)
    asked = clear_things(scenes) & MOVABLE & (scenes.inside == 0)
    # Little over the table can hardly be told.
    scene, kind, rows = _where(asked & ((height < 0.001) | (height > AIR)))
    return rows, (height[scene, kind] > AIR).astype(np.int64)


def held(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is as `Scenes.held` says it."""
    scene, kind, rows = _where(clear_things(scenes) & MOVABLE)
    return rows, scenes.held[scene, kind]


def inside(scenes: Scenes) -> Facts:
    """A thing that can be picked up; the answer is as `Scenes.inside` says it."""
    places = [NUMBERS[kind] for kind in KINDS if kind.shape in (*CONTAINERS, "socket", "drawer")]
    gaps = np.linalg.norm(scenes.spots[:, :, None, :2] - scenes.spots[:, None, places, :2], axis=3)
    beside = ((gaps < BESIDE) & scenes.present[:, None, places]).any(axis=2)
    plain = (scenes.inside > 0) | ~beside
    scene, kind, rows = _where(clear_things(scenes) & MOVABLE & plain)
    return rows, scenes.inside[scene, kind]


def drawers(scenes: Scenes) -> Facts:
    """A drawer; the answer is 1 if it is open, 0 if it is closed."""
    number = NUMBERS[DRAWER]
    plain = (scenes.opening > OPEN) | (scenes.opening < CLOSED)
    scene = np.flatnonzero(clear_things(scenes)[:, number] & plain)
    rows = _rows(scene, np.full_like(scene, number), np.full_like(scene, number))
    return rows, (scenes.opening[scene] > OPEN).astype(np.int64)


def balance(
    codes: Int64[np.ndarray, "facts"], rng: np.random.Generator
) -> Int64[np.ndarray, "kept"]:
    """Pick facts in random order so that no answer is much more frequent than the others.

    No group of facts with one answer stays larger than the lower median of all groups.
    """
    groups = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    if not groups:
        return np.empty(0, np.int64)
    limit = sorted(len(group) for group in groups)[(len(groups) - 1) // 2]
    return rng.permutation(np.concatenate([rng.permutation(group)[:limit] for group in groups]))
