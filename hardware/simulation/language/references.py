"""Naming a thing by where it is: "the leftmost cube". Said only if true of one thing, clearly.

Left and right, near and far are those of the operator, who speaks: x grows to the right, y away.
"""

from collections.abc import Iterator

import numpy as np

from hardware.simulation.language.meaning import Diction
from hardware.simulation.layout import Layout
from hardware.simulation.things import UNSEEN_SHAPES, Thing

CLEAR = 0.03
"""Metres by which a thing must be further left, nearer or closer than any other in question."""

NAMELESS = (*UNSEEN_SHAPES, "rod")
"""Shapes whose words training lacks: such a thing is an object where its colour is enough."""

GENERIC = ("object", "thing")
"""Nouns for anything that can be picked up."""

ENDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 1, ("the leftmost {}", "the {} furthest to the left")),
    (0, -1, ("the rightmost {}", "the {} furthest to the right")),
    (1, 1, ("the {} nearest to me", "the {} closest to me")),
    (1, -1, ("the {} farthest from me", "the {} farthest away from me")),
)
"""Axis, direction in which to count, and how the first is named."""

NEXT_TO = ("the {} closest to {}", "the {} nearest to {}")
SIDES = ((-1, "{} on the left"), (1, "{} on the right"))

UNSEEN_ENDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 1, ("the second {} from the left",)),
    (0, -1, ("the second {} from the right",)),
    (1, 1, ("the second nearest {}",)),
)
"""Counted to two: never in training."""


def generic(thing: Thing, layout: Layout, noun: str) -> list[str]:
    """Call a thing by a `noun` for any, if nothing else in the scene has its colour."""
    alone = sum(other.colour == thing.colour for other in layout.things) == 1
    return [f"the {thing.colour} {noun}"] if alone else []


def references(thing: Thing, layout: Layout, diction: Diction) -> list[str]:
    """Every way of training to name `thing` by its place; empty where none is clear."""
    named = [name for noun in GENERIC for name in generic(thing, layout, noun)]
    named += _on_a_side(thing, layout, diction)
    for noun, others in _groups(thing, layout, diction):
        if not others:
            named.append(f"the {noun}")
        named += _at(1, ENDS, thing, others, layout, noun)
        named += _next_to(thing, others, layout, noun, diction)
    return named


def unseen_references(thing: Thing, layout: Layout, diction: Diction) -> list[str]:
    """Ways to name `thing` by its place that training never uses."""
    return [
        name
        for noun, others in _groups(thing, layout, diction)
        for name in _at(2, UNSEEN_ENDS, thing, others, layout, noun)
    ]


def _groups(thing: Thing, layout: Layout, diction: Diction) -> Iterator[tuple[str, list[Thing]]]:
    """Nouns that fit `thing`, each with the other things that it fits as well."""
    others = [other for other in layout.movables if other != thing]
    if thing.shape not in NAMELESS:
        yield diction.nouns[thing.shape], [other for other in others if other.shape == thing.shape]
    if others:  # a bowl is an object too
        around = [other for other in layout.things if other != thing and other.shape != "drawer"]
        yield from ((noun, around) for noun in GENERIC)


def _place(thing: Thing, layout: Layout) -> np.ndarray:
    return np.asarray(layout.poses[thing][:2])


def _at(
    rank: int,
    ends: tuple[tuple[int, int, tuple[str, ...]], ...],
    thing: Thing,
    others: list[Thing],
    layout: Layout,
    noun: str,
) -> list[str]:
    """Names of the `rank`-th counted from an end, if `thing` is that one and none is close."""
    named: list[str] = []
    for axis, direction, names in ends:
        ahead = [
            direction * float((_place(thing, layout) - _place(other, layout))[axis])
            for other in others
        ]
        clear = all(abs(step) >= CLEAR for step in ahead)
        if len(others) >= rank and clear and sum(step > 0 for step in ahead) == rank - 1:
            named += [name.format(noun) for name in names]
    return named


def _next_to(
    thing: Thing, others: list[Thing], layout: Layout, noun: str, diction: Diction
) -> list[str]:
    named: list[str] = []
    for mark in layout.things:
        rivals = [other for other in others if other != mark]
        if mark == thing or not rivals:
            continue
        away = [
            float(np.linalg.norm(_place(each, layout) - _place(mark, layout)))
            for each in (thing, *rivals)
        ]
        if away[0] + CLEAR <= min(away[1:]):
            said = diction.phrase(mark)
            named += [name.format(noun, said) for name in NEXT_TO]
    return named


def _on_a_side(thing: Thing, layout: Layout, diction: Diction) -> list[str]:
    if thing.shape in NAMELESS:
        return []
    x = float(_place(thing, layout)[0])
    return [name.format(diction.phrase(thing)) for sign, name in SIDES if sign * x >= CLEAR]
