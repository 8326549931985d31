"""What is seen in simulated scenes and can be asked: facts with their answers. Says nothing.

Only what somebody who looks at the picture can tell is a fact. Facts are in groups, so that every
answer can be asked for about as often as the others and a blind guess earns little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from policy.data.kinds import KINDS, MOVABLE, PAINTS, SHAPES_SHOWN
from policy.data.scenes import Scenes

CLEAR = 0.0025
"""Share of the picture from which on a thing is plain to see: 14 x 14 of 320 x 240 pixels. Scenes
with less of something are not asked about what all is there."""

WHOLE = 0.6
"""Of the share of the picture that things of a shape usually cover, the least by which one that is
partly hidden can be told by its shape."""

FREE = 0.05
"""Of the picture's sides between an empty point and everything, at least."""

ASKED_SHAPES = SHAPES_SHOWN[:-1]
"""Shapes that there are several of; the last is the drawer."""

PER_SUBJECT = 1000
"""A code counts answers up to this, and subjects by it: `subject * PER_SUBJECT + answer`."""

OF_COLOUR = np.array([[kind.colour == colour for kind in KINDS] for colour in PAINTS])
OF_SHAPE = np.array([[kind.shape == shape for kind in KINDS] for shape in ASKED_SHAPES])
SHAPE_NUMBERS = np.array([SHAPES_SHOWN.index(kind.shape) for kind in KINDS])
"""Of each kind, the number of its shape in `SHAPES_SHOWN`."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one type of question can be asked about, a row each."""

    rows: Int64[np.ndarray, "facts 3"]
    """Scene, first and second kind."""
    codes: Int64[np.ndarray, "facts"]
    """The answer, and the subject, as the type of question numbers them."""
    groups: Int64[np.ndarray, "facts"]
    """Number of the group; a type asks about each group equally often (`balance`)."""

    @classmethod
    def join(cls, parts: Sequence["Facts"]) -> "Facts":
        """All facts of `parts`, at least one."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.codes for part in parts]),
            np.concatenate([part.groups for part in parts]),
        )

    def of(self, kept: Int64[np.ndarray, "kept"]) -> "Facts":
        """Only these facts, in this order."""
        return Facts(self.rows[kept], self.codes[kept], self.groups[kept])


def facts_of(
    rows: Sequence[np.ndarray],
    codes: Int64[np.ndarray, "facts"],
    groups: Int64[np.ndarray, "facts"] | None = None,
) -> Facts:
    """Put facts together from scenes, first and second kinds; `codes` are groups if left out."""
    return Facts(
        np.stack(rows, axis=1).astype(np.int64), codes, codes if groups is None else groups
    )


def clear_things(scenes: Scenes) -> Bool[np.ndarray, "scenes kinds"]:
    """Which kinds are plain to see."""
    return scenes.areas >= CLEAR


def clear_scenes(scenes: Scenes) -> Bool[np.ndarray, "scenes"]:
    """Scenes in which everything is plain to see or not seen at all."""
    return np.asarray((clear_things(scenes) | (scenes.areas == 0)).all(axis=1))


def whole_things(scenes: Scenes) -> Bool[np.ndarray, "scenes kinds"]:
    """Which kinds are plain to see and hidden so little that their shape can be told."""
    clear = clear_things(scenes)
    whole = clear.copy()
    for number in range(len(SHAPES_SHOWN)):
        own = np.equal(SHAPE_NUMBERS, number)
        covered = scenes.areas[:, own][clear[:, own]]
        if len(covered):
            whole[:, own] &= scenes.areas[:, own] >= WHOLE * np.median(covered)
    return whole


def told_scenes(scenes: Scenes) -> Bool[np.ndarray, "scenes"]:
    """Scenes in which the shape of everything that is seen can be told."""
    return np.asarray((whole_things(scenes) | (scenes.areas == 0)).all(axis=1))


def each_thing(scenes: Scenes) -> Facts:
    """Every thing that is plain to see; the answer is its kind."""
    scene, kind = np.nonzero(clear_things(scenes))
    return facts_of((scene, kind, kind), kind, SHAPE_NUMBERS[kind])


def objects(scenes: Scenes) -> Facts:
    """Things at a point, and as code `len(KINDS)` points where another scene has a thing."""
    scene, kind = np.nonzero(whole_things(scenes))
    full = facts_of((scene, kind, kind), kind, SHAPE_NUMBERS[kind])
    other = np.roll(np.arange(len(scenes)), 1)
    scene, kind = np.nonzero(clear_things(scenes)[other] & clear_scenes(scenes)[:, None])
    spot = scenes.centres[other[scene], kind][:, None]
    low, high = scenes.boxes[scene][..., :2] - FREE, scenes.boxes[scene][..., 2:] + FREE
    seen = scenes.areas[scene] > 0
    free = ~np.any(np.all((spot >= low) & (spot <= high), axis=2) & seen, axis=1)
    rows = (other[scene[free]], kind[free], scene[free])
    nothing = np.full(int(free.sum()), len(KINDS), np.int64)
    return Facts.join([full, facts_of(rows, nothing, 0 * nothing + len(SHAPES_SHOWN))])


def _alone(scenes: Scenes, groups: np.ndarray, others: np.ndarray) -> Facts:
    """Things that are alone of a group (subject), and which of `others` they are of (answer)."""
    found = []
    clear, told = clear_things(scenes), told_scenes(scenes)[:, None]
    for subject, group in enumerate(groups):
        seen = clear & group & told
        scene, kind = np.nonzero(seen & (seen.sum(axis=1) == 1)[:, None])
        answer = others[:, kind].argmax(axis=0).astype(np.int64)
        found.append(facts_of((scene, kind, kind), subject * PER_SUBJECT + answer, answer))
    return Facts.join(found)


def lone_shapes(scenes: Scenes) -> Facts:
    """The only thing of its shape; the answer is its colour."""
    return _alone(scenes, OF_SHAPE, OF_COLOUR)


def lone_colours(scenes: Scenes) -> Facts:
    """The only thing of its colour; the answer is its shape."""
    return _alone(scenes, OF_COLOUR, OF_SHAPE)


def colours_of_shapes(scenes: Scenes) -> Facts:
    """Shapes that are seen; the answer has one bit for each of `PAINTS`."""
    clear, told, found = clear_things(scenes), told_scenes(scenes), []
    for subject, group in enumerate(OF_SHAPE):
        seen = np.stack([(clear & group & colour).any(axis=1) for colour in OF_COLOUR], axis=1)
        scene = np.flatnonzero(told & seen.any(axis=1))
        codes = (seen @ (1 << np.arange(len(PAINTS))))[scene].astype(np.int64)
        number = seen.sum(axis=1)[scene].astype(np.int64)
        none = 0 * scene
        found.append(facts_of((scene, none, none), subject * PER_SUBJECT + codes, number))
    return Facts.join(found)


def counts(scenes: Scenes) -> Facts:
    """How many there are of each subject: what can be picked up, colours, then shapes."""
    clear, found = clear_things(scenes), []
    scene = np.flatnonzero(told_scenes(scenes) & clear.any(axis=1))
    for subject, group in enumerate((MOVABLE, *OF_COLOUR, *OF_SHAPE)):
        codes = (clear & group).sum(axis=1)[scene].astype(np.int64)
        found.append(facts_of((scene, 0 * scene, 0 * scene), subject * PER_SUBJECT + codes))
    return Facts.join(found)


def balance(
    groups: Int64[np.ndarray, "facts"], rng: np.random.Generator, repeats: int = 1
) -> Int64[np.ndarray, "kept"]:
    """Pick facts in random order so that no group is much more frequent than the others.

    No group stays larger than the lower median of all, times `repeats`; smaller ones come up to
    `repeats` times.
    """
    facts = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    if not facts:
        return np.empty(0, np.int64)
    limit = sorted(len(own) for own in facts)[(len(facts) - 1) // 2] * repeats
    kept = [np.tile(rng.permutation(own), repeats)[:limit] for own in facts]
    return rng.permutation(np.concatenate(kept))
