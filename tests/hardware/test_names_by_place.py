"""Things are named by their place or colour only where that is true and enough."""

import re
from collections import defaultdict

import numpy as np

from hardware.simulation.language.meaning import TRAINED_DICTIONS
from hardware.simulation.language.references import (
    CLEAR,
    generic,
    references,
    unseen_references,
)
from hardware.simulation.layout import draw_layout
from hardware.simulation.things import Thing

RED = Thing("red", "cube")


def test_names_by_place_are_true_by_a_clear_margin():
    named = defaultdict(int)
    for seed in range(60):
        layout = draw_layout("blocks", seed)
        xs = sorted((pose[0], thing) for thing, pose in layout.poses.items())
        ys = sorted((pose[1], thing) for thing, pose in layout.poses.items())
        for thing in layout.movables:
            said = references(thing, layout, TRAINED_DICTIONS[0])
            assert ("the leftmost cube" in said) == (
                thing == xs[0][1] and xs[1][0] - xs[0][0] >= CLEAR
            )
            assert ("the cube nearest to me" in said) == (
                thing == ys[0][1] and ys[1][0] - ys[0][0] >= CLEAR
            )
            second = unseen_references(thing, layout, TRAINED_DICTIONS[0])
            assert ("the second cube from the right" in second) == (
                thing == xs[-2][1]
                and xs[-1][0] - xs[-2][0] >= CLEAR
                and xs[-2][0] - xs[-3][0] >= CLEAR
            )
            assert (f"the {thing.name} on the right" in said) == (layout.poses[thing][0] >= CLEAR)
            for name in said:
                named[name] += 1
    assert min(named["the leftmost cube"], named["the cube nearest to me"]) > 15


def test_the_thing_closest_to_another_is():
    found = 0
    for seed in range(40):
        layout = draw_layout("containers", seed)
        marks = {
            TRAINED_DICTIONS[0].phrase(thing): pose[:2] for thing, pose in layout.poses.items()
        }
        for thing in layout.movables:
            for said in references(thing, layout, TRAINED_DICTIONS[0]):
                match = re.fullmatch(r"the (?:object|thing) closest to (the .+)", said)
                if match is None:
                    continue
                found += 1
                mark = marks[match[1]]
                nearest = min(
                    (np.linalg.norm(layout.poses[other][:2] - mark), other.name)
                    for other in layout.movables
                    if TRAINED_DICTIONS[0].phrase(other) != match[1]
                )
                assert nearest[1] == thing.name
    assert found > 50


def test_a_colour_is_enough_only_where_nothing_else_has_it():
    layout = draw_layout("containers", 3)
    assert not any(generic(thing, layout, "object") for thing in layout.movables)
    layout = draw_layout("blocks", 3)
    assert generic(RED, layout, "object") == ["the red object"]
