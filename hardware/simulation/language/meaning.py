"""What an instruction is about: the words that fill its gaps. Knows no sentences, no scene."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from hardware.simulation.language import trained, unseen
from hardware.simulation.tasks.arranging import LineUp, Stack, Swap
from hardware.simulation.tasks.holding import HandOver
from hardware.simulation.tasks.placing import Sort, Store
from hardware.simulation.tasks.task import Task, other_arm
from hardware.simulation.things import SHAPES, Thing

INTO = {"bowl": ("in", "into", "inside"), "tray": ("on", "onto", "in", "into")}
"""How something gets to a container of each shape."""

ONTO = {"bowl": "into", "tray": "onto"}
"""The same where "lift the ball in the bowl" could be about a ball that lies there."""

STACKED = {2: ("bottom", "top"), 3: ("bottom", "middle", "top")}
LINED_UP = ("one", "two", "three")

DRAWER = Thing("white", "drawer")


@dataclass(frozen=True)
class Diction:
    """A choice of words that one sentence keeps to."""

    nouns: Mapping[str, str]
    """By shape."""
    hand: str

    def phrase(self, thing: Thing) -> str:
        """Name a thing: "the red cube". There is one drawer, so it needs no colour."""
        colour = "" if thing.shape == DRAWER.shape else f"{thing.colour} "
        return f"the {colour}{self.nouns[thing.shape]}"


def _dictions(nouns: Mapping[str, tuple[str, str]], hands: tuple[str, ...]) -> tuple[Diction, ...]:
    styles = [{shape: words[style] for shape, words in nouns.items()} for style in range(2)]
    return tuple(Diction(*pair) for pair in itertools.product(styles, hands))


TRAINED_DICTIONS = _dictions(trained.NOUNS, trained.HANDS)
UNSEEN_DICTIONS = _dictions(
    {shape: (words[0], unseen.NOUNS[shape]) for shape, words in trained.NOUNS.items()},
    (trained.HANDS[0], *unseen.HANDS),
)
"""Every second one with nouns that training never uses."""


@dataclass(frozen=True)
class Meaning:
    """A form of sentence and what its gaps stand for."""

    form: str
    things: Mapping[str, Thing] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    """Arms and sides."""

    def filling(self, diction: Diction) -> dict[str, tuple[str, ...]]:
        """Say for every gap which words may fill it."""
        filling: dict[str, tuple[str, ...]] = {
            gap: (diction.phrase(thing),) for gap, thing in self.things.items()
        }
        filling |= {f"{gap}_colour": (thing.colour,) for gap, thing in self.things.items()}
        for gap, word in self.words.items():
            filling[gap] = (f"{word} {diction.hand}" if gap in ("arm", "other") else word,)
        if "container" in self.things:
            shape = self.things["container"].shape
            filling |= {"into": INTO[shape], "onto": (ONTO[shape],)}
        shapes = {thing.shape for thing in self.things.values()}
        if len(shapes) == 1 and shapes <= set(SHAPES):  # colours tell things of one shape apart
            noun = diction.nouns[shapes.pop()]
            filling |= {"kind": (noun,), "kinds": (f"{noun}s",)}
        return filling


def meanings(task: Task) -> tuple[Meaning, ...]:
    """What sentences about `task` can be built of; two where a pair can be named either way."""
    values = {field.name: getattr(task, field.name) for field in fields(task)}
    things = {name: value for name, value in values.items() if isinstance(value, Thing)}
    words = {name: value for name, value in values.items() if isinstance(value, str)}
    match task:
        case HandOver():
            words["other"] = other_arm(task.arm)
        case Store():
            things["drawer"] = DRAWER
        case Stack(order=order):
            gaps = STACKED[len(order)]
            return (Meaning(f"stack_{len(order)}", dict(zip(gaps, order, strict=True))),)
        case LineUp(order=order):
            return (Meaning(task.family, dict(zip(LINED_UP, order, strict=True))),)
        case Swap(first=first, second=second):
            return _both_ways("swap", ("first", "second"), (first, second))
        case Sort():
            return _both_ways(
                "sort_opposite" if task.opposite else "sort", ("one", "two"), _containers(task)
            )
    return (Meaning(task.family, things, words),)


def _both_ways(
    form: str, gaps: tuple[str, str], things: tuple[Thing, Thing]
) -> tuple[Meaning, ...]:
    return tuple(
        Meaning(form, dict(zip(gaps, named, strict=True))) for named in (things, things[::-1])
    )


def _containers(task: Sort) -> tuple[Thing, Thing]:
    first, second = dict.fromkeys(container for _, container in task.groups)
    return first, second
