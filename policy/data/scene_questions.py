"""Questions about simulated scenes, with answers that are true because the simulator says so.

Ours: the paper co-trains on VQA and grounding collections that nobody can get; these teach a small
network the same forms of answer. Every answer of a type is about as frequent as the others, so
that a blind guess earns little.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64

from hardware.simulation.scene import CUBES
from policy.data.answers import Form, coordinates, place_text
from policy.data.augmentation import Augmentation
from policy.data.item import Item
from policy.data.questions import Question, write_questions
from policy.data.scenes import Scenes

CLEAR = 0.002
"""Share of the picture from which on a cube is plain to see; scenes with less are not asked about
what all is there."""

APART = 0.06
"""Of the picture's width between two cubes of which one is further left."""

NEARER = 0.03
"""Metres by which one of two things is nearer."""

Facts = tuple[Int64[np.ndarray, "facts 3"], Int64[np.ndarray, "facts"]]
"""Scene, first and second object of each fact; and a number of its answer, to balance by."""

Said = tuple[Mapping[str, object], str, str]
"""What goes into a wording, the answer and the truth."""


@dataclass(frozen=True, slots=True)
class QuestionType:
    """One way to question a scene."""

    facts: Callable[[Scenes], Facts]
    say: Callable[[Scenes, Int64[np.ndarray, "3"], int, Form], Said]
    wordings: tuple[str, ...]


def clear_cubes(scenes: Scenes) -> Bool[np.ndarray, "scenes cubes"]:
    """Which cubes are plain to see."""
    return scenes.areas >= CLEAR


def _clear_scenes(scenes: Scenes) -> Bool[np.ndarray, "scenes"]:
    return np.asarray((clear_cubes(scenes) | (scenes.areas == 0)).all(axis=1))


def _rows(scene: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([scene, first, second], axis=1).astype(np.int64)


def _each_cube(scenes: Scenes) -> Facts:
    scene, cube = np.nonzero(clear_cubes(scenes))
    return _rows(scene, cube, cube), cube.astype(np.int64)


def _whole_scene(scenes: Scenes, codes: np.ndarray) -> Facts:
    seen = np.flatnonzero(_clear_scenes(scenes) & clear_cubes(scenes).any(axis=1))
    return _rows(seen, 0 * seen, 0 * seen), codes[seen].astype(np.int64)


def _pairs(scenes: Scenes, values: np.ndarray, margin: float) -> Facts:
    """Ordered pairs of cubes; the answer is the one with the smaller of `values` (N, cubes)."""
    rows, codes = [], []
    clear = clear_cubes(scenes)
    for one, other in permutations(range(len(CUBES)), 2):
        gap = values[:, one] - values[:, other]
        scene = np.flatnonzero(clear[:, one] & clear[:, other] & (np.abs(gap) >= margin))
        rows.append(_rows(scene, np.full_like(scene, one), np.full_like(scene, other)))
        codes.append(np.where(gap[scene] < 0, one, other))
    return np.concatenate(rows), np.concatenate(codes).astype(np.int64)


def _objects(scenes: Scenes) -> Facts:
    """Cubes at a point, and as code `len(CUBES)` points where another scene has a cube."""
    rows, codes = _each_cube(scenes)
    clear = _clear_scenes(scenes)
    other = np.roll(np.arange(len(scenes)), 1)
    scene, cube = np.nonzero(clear_cubes(scenes)[other] & clear[:, None])
    spot = scenes.centres[other[scene], cube][:, None]
    low, high = scenes.boxes[scene][..., :2] - 0.03, scenes.boxes[scene][..., 2:] + 0.03
    inside = np.all((spot >= low) & (spot <= high), axis=2)
    free = ~np.any(inside, axis=1)
    empty = _rows(other[scene[free]], cube[free], scene[free])
    return np.concatenate([rows, empty]), np.append(codes, np.full(len(empty), len(CUBES)))


def _arms(scenes: Scenes) -> Facts:
    gaps = np.linalg.norm(scenes.spots[:, :, None] - scenes.tips[:, None], axis=3)
    gap = gaps[..., 0] - gaps[..., 1]
    scene, cube = np.nonzero(clear_cubes(scenes) & (np.abs(gap) >= NEARER))
    return _rows(scene, cube, cube), (gap[scene, cube] > 0).astype(np.int64)


def _air(scenes: Scenes) -> Facts:
    rows, cubes = _each_cube(scenes)
    height = scenes.spots[rows[:, 0], cubes, 2]
    plain = (height < 0.021) | (height > 0.05)  # little over the table can hardly be told
    return rows[plain], (height[plain] > 0.05).astype(np.int64)


def _held(scenes: Scenes) -> Facts:
    rows, cubes = _each_cube(scenes)
    return rows, scenes.held[rows[:, 0], cubes]


def _say_place(scenes: Scenes, row: np.ndarray, form: Form, *, box: bool) -> Said:
    scene, cube, _ = (int(number) for number in row)
    label = f"{CUBES[cube]} cube"
    truth = place_text(scenes.boxes[scene, cube], label, "plain")
    values = scenes.boxes[scene, cube] if box else scenes.centres[scene, cube]
    return {"cube": CUBES[cube]}, place_text(values, label, form), truth


def _say_object(scenes: Scenes, row: np.ndarray, code: int, form: Form) -> Said:  # noqa: ARG001
    scene, cube, _ = (int(number) for number in row)
    x, y = coordinates(scenes.centres[scene, cube])
    answer = f"{CUBES[code]} cube" if code < len(CUBES) else "no cube"
    return {"x": x, "y": y}, answer, answer


def _say_colours(scenes: Scenes, row: np.ndarray, code: int, form: Form) -> Said:  # noqa: ARG001
    answer = ", ".join(cube for i, cube in enumerate(CUBES) if code >> i & 1)
    return {}, answer, answer


def _say_of(*answers: str) -> Callable[[Scenes, np.ndarray, int, Form], Said]:
    def say(scenes: Scenes, row: np.ndarray, code: int, form: Form) -> Said:  # noqa: ARG001
        first, second = CUBES[int(row[1])], CUBES[int(row[2])]
        return {"cube": first, "other": second}, answers[code], answers[code]

    return say


QUESTION_TYPES: Mapping[str, QuestionType] = {
    "point": QuestionType(
        _each_cube,
        lambda scenes, row, code, form: _say_place(scenes, row, form, box=False),  # noqa: ARG005
        ("point to the {cube} cube", "where is the {cube} cube? give a point",
         "give one point on the {cube} block"),
    ),
    "box": QuestionType(
        _each_cube,
        lambda scenes, row, code, form: _say_place(scenes, row, form, box=True),  # noqa: ARG005
        ("give the box of the {cube} cube", "where is the {cube} cube? give a box",
         "draw a box around the {cube} block"),
    ),
    "object": QuestionType(
        _objects,
        _say_object,
        ("what is at [{x}, {y}]?", "which cube is at [{x}, {y}]?",
         "look at the point [{x}, {y}]: what is there?"),
    ),
    "colours": QuestionType(
        lambda scenes: _whole_scene(scenes, clear_cubes(scenes) @ (1 << np.arange(len(CUBES)))),
        _say_colours,
        ("which colours do the cubes have?", "what are the colours of the cubes in view?",
         "name the colour of each cube"),
    ),
    "count": QuestionType(
        lambda scenes: _whole_scene(scenes, clear_cubes(scenes).sum(axis=1)),
        _say_of(*(str(number) for number in range(len(CUBES) + 1))),
        ("how many cubes are there?", "how many cubes can you see?", "count the cubes"),
    ),
    "further_left": QuestionType(
        lambda scenes: _pairs(scenes, scenes.centres[..., 0], APART),
        _say_of(*CUBES),
        ("which cube is further left, the {cube} one or the {other} one?",
         "of the {cube} cube and the {other} cube, which is on the left?"),
    ),
    "nearer": QuestionType(
        lambda scenes: _pairs(scenes, scenes.distances, NEARER),
        _say_of(*CUBES),
        ("which cube is nearer to the camera, the {cube} one or the {other} one?",
         "of the {cube} cube and the {other} cube, which is closer to the camera?"),
    ),
    "arm": QuestionType(
        _arms,
        _say_of("left", "right"),
        ("which arm is nearer to the {cube} cube?", "which gripper is closer to the {cube} cube?"),
    ),
    "air": QuestionType(
        _air,
        _say_of("on the table", "in the air"),
        ("is the {cube} cube on the table or in the air?",
         "where is the {cube} cube: in the air or on the table?"),
    ),
    "held": QuestionType(
        _held,
        _say_of("none", "left", "right"),
        ("which arm holds the {cube} cube?", "which gripper has the {cube} cube in it?",
         "is the {cube} cube held by the left arm, the right arm or none?"),
    ),
}  # fmt: skip
"""Every type of question by its name."""


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


class SceneQuestions:
    """Questions about `scenes`, each type as often as the others. A source of items."""

    def __init__(
        self,
        scenes: Scenes,
        *,
        form: Form = "plain",
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        """`augmentation` changes colours only, for places must stay true.

        Types of which the scenes hold no example are left out; `ValueError` if that is all.
        """
        self.name = "scene questions"
        self._scenes, self._form = scenes, form
        self._augmentation = None if augmentation is None else augmentation.in_place()
        self._facts: dict[str, Facts] = {}
        for number, (name, kind) in enumerate(QUESTION_TYPES.items()):
            rows, codes = kind.facts(scenes)
            kept = balance(codes, np.random.default_rng([seed, number]))
            if len(kept):
                self._facts[name] = rows[kept], codes[kept]
        if not self._facts:
            raise ValueError(f"Nothing can be asked about {len(scenes)} scenes: no cube is seen.")
        self.types = tuple(self._facts)

    def __len__(self) -> int:
        return len(self.types) * max(len(codes) for _, codes in self._facts.values())

    def question(self, index: int, rng: np.random.Generator) -> Question:
        """Types take turns with `index`; `rng` draws the wording and the augmentation."""
        turn, place = index % len(self.types), index // len(self.types)
        name = self.types[turn]
        rows, codes = self._facts[name]
        row, code = rows[place % len(rows)], int(codes[place % len(rows)])
        kind = QUESTION_TYPES[name]
        fields, answer, truth = kind.say(self._scenes, row, code, self._form)
        text = kind.wordings[rng.integers(len(kind.wordings))].format(**fields)
        if self._form == "json" and name in ("point", "box"):
            text += " in JSON"
        # An empty point was taken from one scene (row[0]) and is asked about in another (row[2]).
        empty = name == "object" and code == len(CUBES)
        picture = self._scenes.pictures[self._scenes.camera][row[2] if empty else row[0]]
        if self._augmentation is not None:
            picture = self._augmentation.change(picture, rng)
        return Question(name, text, {self._scenes.camera: picture}, answer, truth)

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Question `index`, to be learnt."""
        return self.question(index, rng).item()

    def write(self, folder: Path, count: int, seed: int = 0) -> None:
        """Write the first `count` questions as a folder that `FileQuestions` reads."""
        write_questions(folder, self, count, seed)
