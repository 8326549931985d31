"""Questions about simulated scenes, with answers that are true because the simulator says so.

Ours: the paper co-trains on VQA and grounding collections that nobody can get; these teach a small
network the same forms of answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int64

from policy.data import scene_facts as facts
from policy.data import scene_relations as relations
from policy.data.answers import Form, coordinates, place_text
from policy.data.augmentation import Augmentation
from policy.data.item import Item, Place
from policy.data.kinds import KINDS, PAINTS
from policy.data.questions import Question, write_questions
from policy.data.scene_facts import ASKED_SHAPES, PER_SUBJECT, Facts, balance
from policy.data.scenes import Scenes

NAMES = tuple(kind.name for kind in KINDS)
PLURALS = tuple(f"{shape}s" for shape in ASKED_SHAPES)
COUNTED = ("things to pick up", *(f"{colour} things" for colour in PAINTS), *PLURALS)
PLACES = ("point", "box")
"""Types that are answered by numbers."""

REPEATS = 4
"""How often training may repeat a question with a rare answer."""

Said = tuple[Mapping[str, object], str]
"""What goes into a wording, and the answer."""


@dataclass(frozen=True, slots=True)
class QuestionType:
    """One way to question a scene."""

    facts: Callable[[Scenes], Facts]
    say: Callable[[Scenes, Int64[np.ndarray, "3"], int], Said]
    wordings: tuple[str, ...]
    shown: Literal["thing", "answer", "nothing"] = "thing"
    """What tokens of the picture are to point to: the first kind, that of the answer, or none."""


def _about(row: np.ndarray) -> dict[str, object]:
    return {"thing": NAMES[int(row[1])], "other": NAMES[int(row[2])]}


def _say_of(*answers: str) -> Callable[[Scenes, np.ndarray, int], Said]:
    """Answer by the code."""
    return lambda _, row, code: (_about(row), answers[code])


def _say_subject(
    name: str, subjects: tuple[str, ...], answer: Callable[[int], str]
) -> Callable[[Scenes, np.ndarray, int], Said]:
    """Answer by what of the code is the answer, asked about what of it is the subject."""
    return lambda _, __, code: (
        {name: subjects[code // PER_SUBJECT]},
        answer(code % PER_SUBJECT),
    )


def _say_object(scenes: Scenes, row: np.ndarray, code: int) -> Said:
    x, y = coordinates(scenes.centres[int(row[0]), int(row[1])], "plain")
    return {"x": x, "y": y}, (*NAMES, "nothing")[code]


def _scene(name: str, row: np.ndarray, code: int) -> int:
    """The scene of a fact: an empty point was taken from one and is asked about in another."""
    return int(row[2] if name == "object" and code == len(KINDS) else row[0])


def _colours(code: int) -> str:
    return ", ".join(colour for bit, colour in enumerate(PAINTS) if code >> bit & 1)


QUESTION_TYPES: Mapping[str, QuestionType] = {
    "point": QuestionType(
        facts.each_thing,
        _say_of(*NAMES),
        ("point to the {thing}", "where is the {thing}? give a point",
         "give one point on the {thing}"),
    ),
    "box": QuestionType(
        facts.each_thing,
        _say_of(*NAMES),
        ("give the box of the {thing}", "where is the {thing}? give a box",
         "draw a box around the {thing}"),
    ),
    "object": QuestionType(
        facts.objects,
        _say_object,
        ("what is at [{x}, {y}]?", "which thing is at [{x}, {y}]?",
         "look at the point [{x}, {y}]: what is there?"),
    ),
    "colour": QuestionType(
        facts.lone_shapes,
        _say_subject("shape", ASKED_SHAPES, lambda answer: PAINTS[answer]),
        ("what colour is the {shape}?", "which colour does the {shape} have?"),
    ),
    "shape": QuestionType(
        facts.lone_colours,
        _say_subject("colour", PAINTS, lambda answer: ASKED_SHAPES[answer]),
        ("what shape is the {colour} thing?", "what is the {colour} thing?"),
    ),
    "colours": QuestionType(
        facts.colours_of_shapes,
        _say_subject("things", PLURALS, _colours),
        ("which colours do the {things} have?", "what are the colours of the {things} in view?",
         "name the colours of the {things}"),
        shown="nothing",
    ),
    "count": QuestionType(
        facts.counts,
        _say_subject("things", COUNTED, str),
        ("how many {things} are there?", "how many {things} can you see?", "count the {things}"),
        shown="nothing",
    ),
    "further_left": QuestionType(
        relations.further_left,
        _say_of(*NAMES),
        ("which is further left, the {thing} or the {other}?",
         "of the {thing} and the {other}, which is on the left?"),
        shown="answer",
    ),
    "nearer": QuestionType(
        relations.nearer_to_camera,
        _say_of(*NAMES),
        ("which is nearer to the camera, the {thing} or the {other}?",
         "of the {thing} and the {other}, which is closer to the camera?"),
        shown="answer",
    ),
    "nearest": QuestionType(
        relations.nearest,
        _say_of(*NAMES),
        ("what is nearest to the {thing}?", "which thing is closest to the {thing}?"),
        shown="answer",
    ),
    "arm": QuestionType(
        relations.nearer_arm,
        _say_of("left", "right"),
        ("which arm is nearer to the {thing}?", "which gripper is closer to the {thing}?"),
    ),
    "air": QuestionType(
        relations.in_the_air,
        _say_of("on the table", "in the air"),
        ("is the {thing} on the table or in the air?",
         "where is the {thing}: in the air or on the table?"),
    ),
    "held": QuestionType(
        relations.held,
        _say_of("none", "left", "right"),
        ("which arm holds the {thing}?", "which gripper has the {thing} in it?",
         "is the {thing} held by the left arm, the right arm or none?"),
    ),
    "inside": QuestionType(
        relations.inside,
        _say_of("nothing", *NAMES),
        ("what is the {thing} in?", "which container holds the {thing}?",
         "in what does the {thing} lie?"),
    ),
    "drawer": QuestionType(
        relations.drawers,
        _say_of("closed", "open"),
        ("is the drawer open or closed?", "is the drawer closed or open?"),
    ),
}  # fmt: skip
"""Every type of question by its name."""


class SceneQuestions:
    """Questions about `scenes`, each type as often as the others. A source of items."""

    def __init__(
        self,
        scenes: Scenes,
        *,
        form: Form = "plain",
        augmentation: Augmentation | None = None,
        seed: int = 0,
        repeats: int = 1,
    ) -> None:
        """`augmentation` changes colours only, for places must stay true.

        A question with a rare answer may come up to `repeats` times, so that more is asked of what
        is frequent: for learning, not for measuring. Types of which the scenes hold no example are
        left out; `ValueError` if that is all.
        """
        self.name = "scene questions"
        self._scenes, self._form = scenes, form
        self._augmentation = None if augmentation is None else augmentation.in_place()
        self._facts: dict[str, Facts] = {}
        for number, (name, kind) in enumerate(QUESTION_TYPES.items()):
            found = kind.facts(scenes)
            kept = balance(found.groups, np.random.default_rng([seed, number]), repeats)
            if len(kept):
                self._facts[name] = found.of(kept)
        if not self._facts:
            raise ValueError(f"Nothing can be asked about {len(scenes)} scenes: nothing is seen.")
        self.types = tuple(self._facts)

    def __len__(self) -> int:
        return len(self.types) * max(len(own.codes) for own in self._facts.values())

    def question(self, index: int, rng: np.random.Generator) -> Question:
        """Types take turns with `index`; `rng` draws the wording and the augmentation."""
        name, row, code = self._fact(index)
        kind = QUESTION_TYPES[name]
        fields, answer = kind.say(self._scenes, row, code)
        text, truth = kind.wordings[rng.integers(len(kind.wordings))].format(**fields), answer
        if name in PLACES:
            answer, truth = self._place(name, row)
            text += " in JSON" if self._form == "json" else ""
        picture = self._scenes.pictures[self._scenes.camera][_scene(name, row, code)]
        if self._augmentation is not None:
            picture = self._augmentation.change(picture, rng)
        return Question(name, text, {self._scenes.camera: picture}, answer, truth)

    def _fact(self, index: int) -> tuple[str, np.ndarray, int]:
        """Type, row and code of question `index`."""
        turn, place = index % len(self.types), index // len(self.types)
        name = self.types[turn]
        found = self._facts[name]
        place %= len(found.codes)
        return name, found.rows[place], int(found.codes[place])

    def _place(self, name: str, row: np.ndarray) -> tuple[str, str]:
        """Point or box of a thing as an answer, and its box, which a point is scored against."""
        scene, kind = int(row[0]), int(row[1])
        box = self._scenes.boxes[scene, kind]
        values = box if name == "box" else self._scenes.centres[scene, kind]
        return place_text(values, NAMES[kind], self._form), str(coordinates(box))

    def item(self, index: int, rng: np.random.Generator) -> Item:
        """Question `index`, to be learnt, and what its picture's tokens show and point to.

        The latter where the network has one camera: questions show the first alone.
        """
        item = self.question(index, rng).item()
        return item if len(self._scenes.pictures) > 1 else replace(item, place=self._shown(index))

    def _shown(self, index: int) -> Place:
        name, row, code = self._fact(index)
        shown = {"thing": int(row[1]), "answer": code, "nothing": None}[QUESTION_TYPES[name].shown]
        number = _scene(name, row, code)
        return self._scenes.place(number, None if number != row[0] else shown)

    def write(self, folder: Path, count: int, seed: int = 0) -> None:
        """Write the first `count` questions as a folder that `FileQuestions` reads."""
        write_questions(folder, self, count, seed)
