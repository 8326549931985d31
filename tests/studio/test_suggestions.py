"""What the page suggests fits the table and the policy, and is of many kinds."""

import pytest

from hardware.simulation.layout import draw_layout
from hardware.simulation.offers import Offers
from hardware.simulation.tasks.catalogue import later_in, tasks_in
from hardware.simulation.world import World
from studio.suggestions import MOST, Suggestions
from studio.workcell_rig import SIMULATED, opened_rig


@pytest.fixture(scope="module")
def world():
    with World() as opened:
        yield opened


def test_every_kind_that_the_table_allows_is_suggested_to_a_policy_that_knows_the_words(world):
    world.set_out(draw_layout("blocks", 0))
    offered = Offers(world)
    every = tuple(said for kind in offered() for said in kind)
    shown = Suggestions(offered).fitting(every)
    assert len(shown) == len(set(shown)) == MOST and set(shown) <= set(every)
    every_task = (*tasks_in(world.layout), *later_in(world.layout))
    assert len(offered()) == len({task.family for task in every_task}) >= 7
    assert all(set(shown) & set(kind) for kind in offered())


def test_what_the_policy_would_refuse_is_not_suggested(world):
    world.set_out(draw_layout("blocks", 0))
    left, right = (f"pick up the red cube with the {side} arm" for side in ("left", "right"))
    shown = Suggestions(Offers(world)).fitting((left, "give the left cube to the right arm"))
    assert shown == (left, right)


def test_what_is_taught_later_is_suggested_once_it_is_known(world):
    world.set_out(draw_layout("blocks", 0))
    offered = Offers(world)
    pulls = [said for kind in offered() for said in kind if said.startswith("pull ")]
    usual = tuple(said for kind in offered() for said in kind if said not in pulls)
    spoken = (*usual, "pull the drawer open towards me")  # every word of a pull, and no pull
    assert pulls and not set(pulls) & set(Suggestions(offered).fitting(spoken))
    assert set(pulls) & set(Suggestions(offered).fitting((*usual, pulls[0])))


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
    assert Suggestions(Offers(world)).fitting(("<|im_end|>",)) == ("<|im_end|>",)


def test_the_simulated_rig_says_what_can_be_asked_of_it():
    with opened_rig(SIMULATED, print) as rig:
        assert any(said.startswith("pick up") for kind in rig.offered() for said in kind)
