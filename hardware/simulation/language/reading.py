"""Reads instructions in the words of training back into what they mean. Guesses nothing."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hardware.aloha import ARMS
from hardware.simulation.language import trained
from hardware.simulation.language.meaning import DRAWER, INTO, LINED_UP, STACKED, Meaning
from hardware.simulation.language.references import ENDS, GENERIC, NEXT_TO, SIDES
from hardware.simulation.language.template import pattern
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.placing import Insert, Put, Store
from hardware.simulation.tasks.task import Task, other_arm
from hardware.simulation.things import COLOURS, UNSEEN_COLOURS, Thing


def _any(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(set(words), key=len, reverse=True))})"


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
_THINGS = ("thing", "first", "second", "bottom", "middle", "top", "container", "peg", "socket")
_GAPS = (
    dict.fromkeys((*_THINGS, *LINED_UP), _THING)
    | {f"{gap}_colour": _COLOUR for gap in (*STACKED[3], *LINED_UP)}
    | dict.fromkeys(("arm", "other"), f"{_any(ARMS)} {_any(trained.HANDS)}")
    | {"side": _any(ARMS), "drawer": "the drawer"}
    | {"into": _any(word for words in INTO.values() for word in words)}
    | {"kind": _any(_SHAPES), "kinds": _any(f"{noun}s" for noun in _SHAPES)}
)
_PLAIN = re.compile(f"the (?P<colour>{_COLOUR}) (?P<noun>{_any(_SHAPES)})")


@dataclass(frozen=True)
class Understood:
    """What a sentence means, and what it called the things that it named by their place."""

    meaning: Meaning
    called: Mapping[str, str]

    def task(self) -> Task | None:
        """The task, if the sentence names all its things by colour and shape.

        None as well for sorting, which is about everything in a scene.
        """
        built = _TASKS.get(self.meaning.form)
        return None if self.called or built is None else built(self.meaning)


@functools.lru_cache(maxsize=16384)
def understand(sentence: str) -> Understood | None:
    """Read a sentence of training, in small letters without a full stop; None if it is none."""
    for said in _without_courtesies(sentence):
        for form, patterns in _patterns().items():
            for one in patterns:
                if found := one.fullmatch(said):
                    return _understood(form, found.groupdict())
    return None


def task_ids_told(instructions: Iterable[str]) -> tuple[str, ...]:
    """Ids of the tasks that these instructions are about, each once, as far as words can tell."""
    understood = (understand(instruction) for instruction in instructions)
    tasks = (each.task() or each.meaning.form for each in understood if each is not None)
    ids = (each.id if isinstance(each, Task) else each for each in tasks)
    return tuple(dict.fromkeys(ids))


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


def _understood(form: str, found: Mapping[str, str]) -> Understood:
    things, words, called = {}, {}, {}
    for gap, said in found.items():
        plain = _PLAIN.fullmatch(said)
        if plain:
            things[gap] = Thing(plain["colour"], _SHAPES[plain["noun"]])
        elif gap == "drawer":
            things[gap] = DRAWER
        elif gap in (*_THINGS, *LINED_UP):
            called[gap] = said
        elif gap in ("arm", "other", "side"):
            words[gap] = said.split()[0]
        elif gap.endswith("_colour") and ("kind" in found or "kinds" in found):
            noun = found["kind"] if "kind" in found else found["kinds"].removesuffix("s")
            things[gap.removesuffix("_colour")] = Thing(said, _SHAPES[noun])
    if form == "hand_over":
        words["other"] = other_arm(words["arm"])
    return Understood(Meaning(form, things, words), called)


def _pair(things: Mapping[str, Thing]) -> Swap:
    known = (*COLOURS, *UNSEEN_COLOURS)
    first, second = sorted(things.values(), key=lambda thing: known.index(thing.colour))
    return Swap(first, second)


_TASKS: dict[str, Callable[[Meaning], Task]] = {
    "pick": lambda told: Pick(told.things["thing"], told.words["arm"]),
    "hand_over": lambda told: HandOver(told.things["thing"], told.words["arm"]),
    "push": lambda told: Push(told.things["thing"], told.words["side"]),
    "stack_2": lambda told: Stack(tuple(told.things[gap] for gap in STACKED[2])),
    "stack_3": lambda told: Stack(tuple(told.things[gap] for gap in STACKED[3])),
    "swap": lambda told: _pair(told.things),
    "line_up": lambda told: LineUp(tuple(told.things[gap] for gap in LINED_UP)),
    "put": lambda told: Put(told.things["thing"], told.things["container"]),
    "store": lambda told: Store(told.things["thing"]),
    "insert": lambda told: Insert(told.things["peg"], told.things["socket"]),
}
