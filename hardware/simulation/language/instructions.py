"""Says what to do, in the words of training or in unseen ones. Moves nothing."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from hardware.simulation.language import trained, unseen
from hardware.simulation.language.meaning import (
    TRAINED_DICTIONS,
    UNSEEN_DICTIONS,
    Diction,
    meanings,
)
from hardware.simulation.language.references import (
    GENERIC,
    NAMELESS,
    generic,
    references,
    unseen_references,
)
from hardware.simulation.language.template import expand, fill, gaps
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.task import Task
from hardware.simulation.things import COLOURS, UNSEEN_COLOURS, Thing

BY_PLACE = 0.25
"""Share of instructions that name a thing by its place, where a clear name exists."""

POLITELY = 0.25
"""Share of instructions with a courtesy."""

PLACED = ("thing", "first", "peg")
"""Gaps whose thing may be named by its place."""

NO_COMMANDS = (
    *("the", "with", "from", "to", "left", "right", "into", "in", "on", "onto", "inside", "atop"),
    *("every", "each", "all", "i", "a", *COLOURS, *UNSEEN_COLOURS),
)
"""Words that open a sentence before which no courtesy fits."""

Filling = Mapping[str, Sequence[str]]
"""The words that each gap may have."""

Option = TypeVar("Option")


@dataclass(frozen=True)
class Speech:
    """One way to speak: its sentences by form, what is said around them, its words and places."""

    sentences: Mapping[str, tuple[str, ...]]
    courtesies: Sequence[str]
    dictions: Sequence[Diction]
    places: Callable[[Thing, Layout, Diction], list[str]]

    def every(self, task: Task) -> tuple[str, ...]:
        """Every sentence about `task` without courtesies and places."""
        return tuple(
            dict.fromkeys(
                said
                for meant in meanings(task)
                for template in self.sentences[meant.form]
                for diction in self.dictions
                for said in _written_out(template, meant.filling(diction))
            )
        )

    def draw(self, form: str, filling: Filling, rng: np.random.Generator) -> str:
        """Draw one sentence of a form. Gaps that are not filled close sentences that have them."""
        sentence = _one(_open(self.sentences[form], frozenset(filling)), rng)
        return fill(sentence, {gap: _one(filling[gap], rng) for gap in sorted(gaps(sentence))})


TRAINED = Speech(trained.SENTENCES, trained.COURTESIES, TRAINED_DICTIONS, references)
UNSEEN = Speech(unseen.SENTENCES, unseen.COURTESIES, UNSEEN_DICTIONS, unseen_references)


@functools.lru_cache(maxsize=1024)
def wordings(task: Task) -> tuple[str, ...]:
    """Every sentence of training that names everything by colour and shape, without courtesies.

    The first is canonical.
    """
    return TRAINED.every(task)


@functools.lru_cache(maxsize=1024)
def held_out(task: Task) -> tuple[str, ...]:
    """Every sentence kept for evaluation that names everything by colour and shape."""
    return UNSEEN.every(task)


def instruct(task: Task, layout: Layout, rng: np.random.Generator, *, unseen: bool = False) -> str:
    """Tell someone who sees `layout` to do `task`; with `unseen`, in words that training lacks.

    A quarter names a thing by its place, where that is clear; a quarter has a courtesy. Things of
    shapes that training lacks are objects where their colour is enough. The same arguments, with
    a generator in the same state, give the same instruction.
    """
    speech = UNSEEN if unseen else TRAINED
    meant, diction = _one(meanings(task), rng), _one(speech.dictions, rng)
    noun = _one(GENERIC, rng)
    called = {
        gap: generic(thing, layout, noun)
        for gap, thing in meant.things.items()
        if thing.shape in NAMELESS
    }
    if rng.random() < BY_PLACE:
        called |= {
            gap: speech.places(thing, layout, diction) or called.get(gap, [])
            for gap, thing in meant.things.items()
            if gap in PLACED
        }
    said = {gap: tuple(names) for gap, names in called.items() if names}
    sentence = speech.draw(meant.form, meant.filling(diction) | said, rng)
    polite = politely(sentence, speech.courtesies)
    return _one(polite, rng) if rng.random() < POLITELY else sentence


def politely(sentence: str, courtesies: Sequence[str] = trained.COURTESIES) -> list[str]:
    """Say `sentence` with each of the `courtesies` that fit it."""
    command = ":" not in sentence and sentence.split()[0].rstrip(",") not in NO_COMMANDS
    return [
        courtesy.format(sentence) for courtesy in courtesies if command or courtesy.startswith("{}")
    ]


def _written_out(template: str, filling: Filling) -> Iterator[str]:
    wanted = gaps(template)
    if wanted <= filling.keys():
        choices = {gap: f"({'|'.join(filling[gap])})" for gap in wanted}
        yield from expand(fill(template, choices))


@functools.lru_cache(maxsize=256)
def _open(templates: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    """The sentences of `templates` whose gaps are all `known`."""
    return tuple(
        sentence
        for template in templates
        if gaps(template) <= known
        for sentence in expand(template)
    )


def _one(options: Sequence[Option], rng: np.random.Generator) -> Option:
    return options[int(rng.integers(len(options)))]
