"""What was said is understood as the task it tells, or not at all."""

import pytest

from hardware.simulation.language import (
    task_ids_told,
    understand,
)
from hardware.simulation.language.template import expand, fill, pattern


def test_what_was_told_is_known_by_its_tasks():
    told = (
        "lift the red cube with the left arm",
        "please raise the red block with the left hand",
        "swap the blue cube and the green cube",
        "put every object into the container of its colour",
        "sort the objects into the containers of the other colour",
        "pick up the leftmost cube with the left arm",
        "fold the towel",
    )
    assert task_ids_told(told) == (
        "pick_red_cube_left",
        "swap_green_cube_blue_cube",
        "sort_by_colour",
        "sort_opposite",
    )


@pytest.mark.parametrize(
    "said",
    [
        "lift the red cube with the middle arm",
        "pass the red cube from the left arm to the left arm",
        "lift the cube and the ball with the left arm",
        "put the red",
        "",
    ],
)
def test_what_is_no_sentence_of_training_is_not_understood(said):
    assert understand(said) is None


def test_choices_are_written_out_and_gaps_filled():
    template = "(lift|raise) <thing>( now|)"
    assert expand(template) == (
        *("lift <thing> now", "lift <thing>"),
        *("raise <thing> now", "raise <thing>"),
    )
    assert fill("lift <thing>", {"thing": "it"}) == "lift it"
    with pytest.raises(KeyError):
        fill("lift <thing>", {})


def test_a_gap_that_comes_twice_matches_the_same_words():
    twice = pattern("put <one> on <two> and <one> on (it|top)", {"one": "[ab]", "two": "c"})
    assert twice.fullmatch("put a on c and a on top")
    assert not twice.fullmatch("put a on c and b on top")
