"""What the page suggests fits the table and the policy, and is of many kinds."""

import pytest

from hardware.simulation.layout import draw_layout
from hardware.simulation.offers import Offers
from hardware.simulation.tasks.catalogue import tasks_in
from hardware.simulation.world import World
from studio.suggestions import MOST, Suggestions


@pytest.fixture(scope="module")
def world():
    return World()


def test_every_kind_that_the_table_allows_is_suggested_to_a_policy_that_knows_the_words(world):
    world.set_out(draw_layout("blocks", 0))
    offered = Offers(world)
    every = tuple(said for kind in offered() for said in kind)
    shown = Suggestions(offered).fitting(every)
    assert len(shown) == len(set(shown)) == MOST and set(shown) <= set(every)
    assert len(offered()) == len({task.family for task in tasks_in(world.layout)}) >= 6
    assert all(set(shown) & set(kind) for kind in offered())


def test_what_the_policy_would_refuse_is_not_suggested(world):
    world.set_out(draw_layout("blocks", 0))
    shown = Suggestions(Offers(world)).fitting(("pick up the red cube with the left or right arm",))
    assert shown == (
        "pick up the red cube with the left arm",
        "pick up the red cube with the right arm",
    )


def test_another_table_has_other_suggestions(world):
    world.set_out(draw_layout("blocks", 0))
    offered = Offers(world)
    blocks = offered()
    assert offered() is blocks
    world.set_out(draw_layout("pegs", 3))
    assert any("socket" in said for kind in offered() for said in kind)
    assert not any("socket" in said for kind in blocks for said in kind)


def test_of_a_real_table_what_was_trained_is_suggested(world):
    tasks = tuple(f"fold towel {number}" for number in range(40))
    assert Suggestions().fitting(tasks) == tuple(tasks[n * 40 // MOST] for n in range(MOST))
    assert Suggestions(Offers(world)).fitting(("wave",)) == ("wave",)
    assert Suggestions(Offers(world)).fitting(()) == ()
