"""Paraphrases say the same: no other colour, arm or side, and no nonsense."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from hardware.simulation.language import held_out, is_held_out, task_ids_told, wordings
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.tasks.catalogue import FAMILIES, tasks_in
from policy.data.paraphrases import FILE, Paraphraser, exchange, reorder

FOREIGN = (
    "put the green block in the bowl",
    "take the lid off the pot",
    "block the ball",
    "place the engine block on the table",
    "pick the blue cup and place it left of the red block",
    "fold the towel",
    "put the cube on the block",
    "with the left arm hold the bag and with the right arm take the apple",
)


TASKS = [task for table in TABLES for task in tasks_in(draw_layout(table, 2))]


def draws(paraphraser, instruction, count=200):
    return [paraphraser.draw(instruction, np.random.default_rng(seed)) for seed in range(count)]


def test_a_task_of_the_simulator_stays_the_same_task_in_other_words():
    always = Paraphraser(share=1)
    assert {task.family for task in TASKS} == set(FAMILIES)
    for task in TASKS[::2]:
        for wording in wordings(task)[:: len(wordings(task)) // 3]:
            drawn = draws(always, wording, 30)
            assert len(set(drawn)) > 10
            assert task_ids_told(drawn) == (task.id,), wording


def test_no_wording_of_one_task_is_drawn_for_another():
    always = Paraphraser(share=1)
    drawn = {task.id: set(draws(always, wordings(task)[0], 60)) for task in TASKS[:60]}
    every = [said for said_of_one in drawn.values() for said in said_of_one]
    assert max(Counter(every).values()) == 1


def test_no_wording_that_is_held_out_is_drawn():
    always = Paraphraser(share=1)
    hidden = {said for task in TASKS for said in held_out(task)}
    for task in TASKS[::4]:
        assert not hidden & set(draws(always, wordings(task)[0], 60))


def test_a_thing_named_by_its_place_still_is():
    for said in draws(Paraphraser(share=1), "push the rightmost cube to the left", 60):
        assert "the rightmost cube" in said


def test_a_thing_keeps_its_noun_unless_it_is_a_cube():
    always = Paraphraser(share=1)
    assert all(
        "the yellow can" in said and "the red dish" in said
        for said in draws(always, "put the yellow can in the red dish", 60)
    )
    mixed = draws(always, "put the red block in the blue bowl", 60)
    assert any("red cube" in said for said in mixed)
    assert all("the blue bowl" in said for said in mixed)


def test_an_instruction_of_any_robot_keeps_its_meant_words():
    always = Paraphraser(share=1)
    for instruction in FOREIGN:
        order = re.findall(r"\b(?:left|right|red|green|blue)\b", instruction)
        for said in draws(always, instruction, 60):
            assert re.findall(r"\b(?:left|right|red|green|blue)\b", said) == order


@pytest.mark.parametrize(
    ("instruction", "never"),
    [
        ("take the lid off the pot", "grasp"),
        ("block the ball", "cube"),
        ("place the engine block on the table", "engine cube"),
        ("put the cube on the block", "block on the block"),
    ],
)
def test_words_are_exchanged_only_where_they_mean_the_same(instruction, never):
    assert not any(never in said for said in exchange(instruction))


def test_words_that_mean_the_same_are_exchanged():
    assert "grasp the red cube" in exchange("pick up the red cube")
    assert "pick up the red block" in exchange("pick up the red cube")


def test_the_arm_can_be_named_in_three_places():
    ways = {
        "lift the cup with the left hand",
        "with the left hand, lift the cup",
        "use the left hand to lift the cup",
    }
    for way in ways:
        assert {way, *reorder(way)} == ways
    assert reorder("pass the cup from the left arm to the right arm") == []
    assert reorder("lift the cup") == []


def test_the_share_says_how_often_an_instruction_is_reworded():
    said = "pick up the red cube with the left arm"
    assert set(draws(Paraphraser(share=0), said)) == {said}
    half = draws(Paraphraser(share=0.5), said, 400)
    assert 0.45 < half.count(said) / 400 < 0.75


def test_the_same_seed_draws_the_same_wording():
    half = Paraphraser()
    assert draws(half, FOREIGN[0]) == draws(half, FOREIGN[0])


def test_wordings_written_by_hand_are_used(tmp_path):
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(json.dumps({"Fold the towel.": ["crease the towel in the middle"]}))
    drawn = draws(Paraphraser.of_dataset(tmp_path, share=1), "fold the towel")
    assert any("crease the towel" in said for said in drawn)
    back = draws(Paraphraser.of_dataset(tmp_path, share=1), "crease the towel in the middle")
    assert any("fold the towel" in said for said in back)


def test_a_dataset_without_wordings_needs_no_file(tmp_path):
    assert draws(Paraphraser.of_dataset(tmp_path, share=1), "fold the towel")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"pick up the red cube": ["pick up the blue cube"]}', "blue"),
        ('{"lift it with the left arm": ["lift it with the right arm"]}', "right"),
        (
            '{"lift the red cube with the left arm": ["hoist the red cube with the left arm"]}',
            "keep",
        ),
        ('{"put the cube in the bowl": ["The cube belongs in the bowl, thanks."]}', "keep"),
        ('{"fold the towel": [""]}', "empty"),
        ('{"fold the towel": "fold it"}', "another wording"),
        ("[1, 2", "cannot be read"),
    ],
)
def test_wordings_that_say_something_else_are_refused_with_their_file(tmp_path, text, says):
    path = tmp_path / FILE
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError, match=says) as error:
        Paraphraser.of_dataset(tmp_path)
    assert "paraphrases.json" in str(error.value)


def test_a_share_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="share"):
        Paraphraser(share=1.5)


def test_a_sentence_no_grammar_knows_is_not_turned_into_a_held_out_one():
    paraphraser, said = Paraphraser(share=1.0), "use the left arm to fetch the red peg"
    drawn = {paraphraser.draw(said, np.random.default_rng(seed)) for seed in range(60)}
    assert len(drawn) > 1
    assert not any(is_held_out(each) for each in drawn)
