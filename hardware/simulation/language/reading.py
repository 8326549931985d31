"""Reads instructions in the words of training back into what they mean. Guesses nothing."""

import functools
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hardware.aloha import ARMS
from hardware.simulation.language import trained
from hardware.simulation.language.instructions import TRAINED
from hardware.simulation.language.meaning import (
    DRAWER,
    INTO,
    LINED_UP,
    ONTO,
    STACKED,
    Diction,
    Meaning,
)
from hardware.simulation.language.references import ENDS, GENERIC, NEXT_TO, SIDES
from hardware.simulation.language.template import pattern
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.placing import Insert, Put, Store
from hardware.simulation.tasks.sliding import Pull, PushAway
from hardware.simulation.tasks.task import Task, other_arm
from hardware.simulation.things import (
    COLOURS,
    CONTAINERS,
    SHAPES,
    UNSEEN_COLOURS,
    UNSEEN_SHAPES,
    Thing,
)

SORTING = {"sort": "sort_by_colour", "sort_opposite": "sort_opposite"}


def _any(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(set(words), key=lambda word: (-len(word), word)))})"


_SHAPES = {noun: shape for shape, nouns in trained.NOUNS.items() for noun in nouns}
_COLOUR = _any((*COLOURS, *UNSEEN_COLOURS))
_NAME = f"the {_COLOUR} {_any(_SHAPES)}"
_NOUN = _any((*_SHAPES, *GENERIC))
_PLACE = _any(
    (
        *(name.format(_NOUN) for _, _, names in ENDS for name in names),
        *(name.format(_NOUN, _any((_NAME, "the drawer"))) for name in NEXT_TO),
        *(name.format(_NAME) for _, name in SIDES),
        *(f"the (?:{_COLOUR} )?{_any(GENERIC)}", f"the {_any(_SHAPES)}"),
    )
)
_THING = _any((_NAME, _PLACE))


def _named(shapes: Container[str]) -> str:
    nouns = _any(noun for noun, shape in _SHAPES.items() if shape in shapes)
    return f"the {_COLOUR} {nouns}"


_THINGS = ("thing", "first", "second", "bottom", "middle", "top", "container", "peg", "socket")
_GAPS = (
    dict.fromkeys((*_THINGS, *LINED_UP), _THING)
    | {"container": _named(CONTAINERS), "socket": _named(("socket",))}
    | dict.fromkeys(STACKED[3], _named((*SHAPES, *UNSEEN_SHAPES)))
    | {f"{gap}_colour": _COLOUR for gap in (*STACKED[3], *LINED_UP)}
    | dict.fromkeys(("arm", "other"), f"{_any(ARMS)} {_any(trained.HANDS)}")
    | {"side": _any(ARMS), "drawer": "the drawer"}
    | {"into": _any(word for words in INTO.values() for word in words)}
    | {"onto": _any(ONTO.values())}
    | {"kind": _any(_SHAPES), "kinds": _any(f"{noun}s" for noun in _SHAPES)}
)
_PLAIN = re.compile(f"the (?P<colour>{_COLOUR}) (?P<noun>{_any(_SHAPES)})")


@dataclass(frozen=True)
class Understood:
    """What a sentence means, and what it called the things that it named by their place."""

    meaning: Meaning
    called: Mapping[str, str]
    nouns: Mapping[str, str]
    """By shape, for things that it named by colour and shape."""

    def task(self) -> Task | None:
        """The task, if the sentence names all its things by colour and shape.

        None as well for sorting, which is about everything in a scene.
        """
        built = _TASKS.get(self.meaning.form)
        return None if self.called or built is None else built(self.meaning)

    @property
    def family(self) -> str:
        """Name of its kind of task, a key of `FAMILIES` or `LATER`."""
        form = self.meaning.form
        return "sort" if form in SORTING else form.rstrip("_23")

    def task_id(self) -> str | None:
        """The id of the task, as far as words can tell it."""
        if self.meaning.form in SORTING:
            return SORTING[self.meaning.form]
        task = self.task()
        return None if task is None else task.id


@functools.lru_cache(maxsize=16384)
def understand(sentence: str) -> Understood | None:
    """Read a sentence of training, in small letters without a full stop; None if it is none."""
    for said in _without_courtesies(sentence):
        for form, patterns in _patterns().items():
            for one in patterns:
                found = one.fullmatch(said)
                understood = _understood(form, found.groupdict()) if found else None
                if understood is not None:
                    return understood
    return None


def reword(understood: Understood, rng: np.random.Generator) -> str:
    """Draw a sentence of training that means the same, without courtesies.

    What was named by its place still is, and nouns stay, but for cubes and blocks: elsewhere than
    in simulation a can is more than a cylinder.
    """
    usual = TRAINED.dictions[int(rng.integers(len(TRAINED.dictions)))]
    kept = {shape: noun for shape, noun in understood.nouns.items() if shape != "cube"}
    diction = Diction({**usual.nouns, **kept}, usual.hand)
    filling = understood.meaning.filling(diction)
    filling |= {gap: (name,) for gap, name in understood.called.items()}
    return TRAINED.draw(understood.meaning.form, filling, rng)


def task_ids_told(instructions: Iterable[str]) -> tuple[str, ...]:
    """Ids of the tasks that these instructions are about, each once, as far as words can tell."""
    understood = (understand(instruction) for instruction in instructions)
    ids = (each.task_id() for each in understood if each is not None)
    return tuple(dict.fromkeys(each for each in ids if each is not None))


@functools.cache
def _patterns() -> dict[str, list[re.Pattern[str]]]:
    return {
        form: [pattern(template, _GAPS) for template in templates]
        for form, templates in trained.SENTENCES.items()
    }


def _without_courtesies(sentence: str) -> list[str]:
    said = [sentence]
    for courtesy in trained.COURTESIES:
        before, after = courtesy.split("{}")
        if sentence.startswith(before) and sentence.endswith(after):
            said.append(sentence[len(before) : len(sentence) - len(after)])
    return said


def _understood(form: str, found: Mapping[str, str]) -> Understood | None:
    """Put what was found in the gaps together; None where it contradicts itself."""
    words = {gap: found[gap].split()[0] for gap in ("arm", "other", "side") if gap in found}
    if form == "hand_over":
        giver = other_arm(words["arm"])
        if words.setdefault("other", giver) != giver:
            return None
    named = {gap: found[gap] for gap in (*_THINGS, *LINED_UP) if gap in found} | _of_kind(found)
    plain = {gap: _PLAIN.fullmatch(said) for gap, said in named.items()}
    nouns = {_SHAPES[one["noun"]]: one["noun"] for one in plain.values() if one}
    things = {gap: Thing(one["colour"], _SHAPES[one["noun"]]) for gap, one in plain.items() if one}
    if any(
        found.get(f"{gap}_colour", thing.colour) != thing.colour for gap, thing in things.items()
    ):
        return None
    if "drawer" in found:
        things["drawer"] = DRAWER
    called = {gap: said for gap, said in named.items() if not plain[gap]}
    return Understood(Meaning(form, things, words), called, nouns)


def _of_kind(found: Mapping[str, str]) -> dict[str, str]:
    """Names of things of which a sentence says the colours, and once of what kind they are."""
    kind = found["kinds"].removesuffix("s") if "kinds" in found else found.get("kind")
    if kind is None:
        return {}
    return {
        gap.removesuffix("_colour"): f"the {colour} {kind}"
        for gap, colour in found.items()
        if gap.endswith("_colour")
    }


def _pair(things: Mapping[str, Thing]) -> Swap:
    known = (*COLOURS, *UNSEEN_COLOURS)
    first, second = sorted(things.values(), key=lambda thing: known.index(thing.colour))
    return Swap(first, second)


_TASKS: dict[str, Callable[[Meaning], Task]] = {
    "pick": lambda told: Pick(told.things["thing"], told.words["arm"]),
    "hand_over": lambda told: HandOver(told.things["thing"], told.words["arm"]),
    "push": lambda told: Push(told.things["thing"], told.words["side"]),
    "pull": lambda told: Pull(told.things["thing"]),
    "push_away": lambda told: PushAway(told.things["thing"]),
    "stack_2": lambda told: Stack(tuple(told.things[gap] for gap in STACKED[2])),
    "stack_3": lambda told: Stack(tuple(told.things[gap] for gap in STACKED[3])),
    "swap": lambda told: _pair(told.things),
    "line_up": lambda told: LineUp(tuple(told.things[gap] for gap in LINED_UP)),
    "put": lambda told: Put(told.things["thing"], told.things["container"]),
    "store": lambda told: Store(told.things["thing"]),
    "insert": lambda told: Insert(told.things["peg"], told.things["socket"]),
}
