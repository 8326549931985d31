"""Instructions are true, name one task each, and what is held out is never said in training."""

import itertools
import re

import numpy as np
import pytest

from hardware.simulation.language import (
    held_out,
    instruct,
    politely,
    reword,
    task_ids_told,
    trained,
    understand,
    unseen,
    wordings,
)
from hardware.simulation.language.meaning import TRAINED_DICTIONS, UNSEEN_DICTIONS
from hardware.simulation.language.references import (
    GENERIC,
    references,
    unseen_references,
)
from hardware.simulation.language.template import expand, gaps, pattern
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.tasks.arranging import LineUp, Push, Stack, Swap
from hardware.simulation.tasks.catalogue import EVERY_FAMILY, LATER, tasks_in
from hardware.simulation.tasks.holding import HandOver, Pick
from hardware.simulation.tasks.placing import Insert, Put, Store
from hardware.simulation.things import Thing

SHIPPED = {
    Pick: (
        "pick up the {thing} cube with the {arm} arm",
        "lift the {thing} cube with the {arm} arm",
        "use the {arm} arm to pick up the {thing} cube",
        "with the {arm} gripper, grab the {thing} cube and lift it",
        "take the {thing} block with the {arm} hand",
        "{arm} arm: raise the {thing} cube off the table",
    ),
    HandOver: (
        "pass the {thing} cube from the {other} arm to the {arm} arm",
        "hand the {thing} cube from the {other} gripper to the {arm} gripper",
        "transfer the {thing} cube to the {arm} arm",
        "pick up the {thing} cube with the {other} arm and give it to the {arm} arm",
        "take the {thing} block with the {other} hand and pass it to the {arm} hand",
    ),
}

"""What the shipped checkpoint was trained on; the first of each is canonical."""

RED, GREEN, BLUE = (Thing(colour, "cube") for colour in ("red", "green", "blue"))

THINGS = (
    *("thing", "first", "second", "bottom", "middle", "top", "one", "two", "three"),
    *("container", "drawer", "peg", "socket"),
)

LAYOUTS = [
    draw_layout(table, seed, axis)
    for table in TABLES
    for axis in (None, "colour", "instance")
    for seed in range(3)
]

ROOMY = next(
    layout
    for layout in (draw_layout("blocks", seed) for seed in range(100))
    if all(kind.every(layout) for kind in LATER.values())
)

"""A scene in which all that is taught later can be done."""


def every_task():
    """One layout of each table, and all that can be done in it, with what is taught later."""
    trained = [task for table in TABLES for task in tasks_in(draw_layout(table, 7))]
    return [*trained, *(task for kind in LATER.values() for task in kind.every(ROOMY))]


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", SHIPPED)
@pytest.mark.parametrize(("arm", "other"), [("left", "right"), ("right", "left")])
def test_the_words_of_the_shipped_checkpoint_are_still_said(kind, arm, other):
    said = wordings(kind(GREEN, arm))
    old = [words.format(thing="green", arm=arm, other=other) for words in SHIPPED[kind]]
    assert set(old) <= set(said)
    assert said[0] == old[0]


def test_every_kind_of_task_can_be_told():
    assert {task.family for task in every_task()} == set(EVERY_FAMILY)


def test_every_task_has_dozens_of_wordings_and_a_dozen_held_out():
    for task in every_task():
        assert len(set(wordings(task))) == len(wordings(task)) >= 40, task.id
        assert len(set(held_out(task))) == len(held_out(task)) >= 12, task.id
        polite = [said for plain in wordings(task) for said in politely(plain)]
        assert len(set(polite)) >= 200, task.id


def test_wordings_are_plain_small_letters_with_every_gap_filled():
    for task in every_task():
        for said in (*wordings(task), *held_out(task)):
            assert re.fullmatch(r"[a-z]+(?:[,:']? ?[a-z]+)*", said), said


def test_no_wording_that_is_held_out_can_be_built_from_a_sentence_of_training():
    every_gap = {
        gap for templates in trained.SENTENCES.values() for each in templates for gap in gaps(each)
    }
    anything = dict.fromkeys(every_gap, ".+") | dict.fromkeys(THINGS, "the .+")
    anything |= dict.fromkeys(("into", "onto"), "(?:in|into|inside|on|onto)")
    trainable = [
        pattern(template, anything)
        for templates in trained.SENTENCES.values()
        for template in templates
    ]
    for form in unseen.SENTENCES:
        task = next(task for task in every_task() if form in _forms(task))
        for said in held_out(task):
            for polite in (said, *politely(said, unseen.COURTESIES)):
                assert understand(polite) is None
                assert not any(each.fullmatch(said) for each in trainable), said


def _forms(task):
    return {
        form
        for form in unseen.SENTENCES
        if form in (task.family, task.id) or form == f"{task.family}_{len(task.things)}"
    }


def words_of(speech):
    texts = [
        t for templates in speech.SENTENCES.values() for each in templates for t in expand(each)
    ]
    texts += speech.COURTESIES
    return set(re.findall(r"[a-z]+", re.sub(r"<\w+>", "", " ".join(texts))))


def test_held_out_wordings_have_words_or_an_order_that_training_lacks():
    known = words_of(trained) | {noun for nouns in trained.NOUNS.values() for noun in nouns}
    other_end = re.compile(r"from (?:top to bottom|right to left)")
    assert not any(
        other_end.search(each) for templates in trained.SENTENCES.values() for each in templates
    )
    for templates in unseen.SENTENCES.values():
        for sentence in itertools.chain.from_iterable(map(expand, templates)):
            new = set(re.findall(r"[a-z]+", re.sub(r"<\w+>", "", sentence))) - known
            assert new or other_end.search(sentence), sentence
    own = {noun for noun in unseen.NOUNS.values() if noun not in ("prism", "brick", "rod")}
    assert not own & known
    assert not set(unseen.HANDS) & (known | set(trained.HANDS))
    assert not set(unseen.COURTESIES) & set(trained.COURTESIES)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.table)
def test_no_sentence_tells_two_tasks_of_a_scene(layout):
    owner = {}
    for task in tasks_in(layout):
        rng = random(1)
        drawn = [instruct(task, layout, rng, unseen=bool(n % 2)) for n in range(12)]
        for said in (*wordings(task), *held_out(task), *drawn):
            assert owner.setdefault(said, task) == task, said


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.table)
def test_no_name_by_place_fits_two_things(layout):
    for diction in (*TRAINED_DICTIONS, *UNSEEN_DICTIONS):
        owner = {}
        for thing in layout.things:
            named = [diction.phrase(thing)]
            if thing.movable:
                named += references(thing, layout, diction)
                named += unseen_references(thing, layout, diction)
            for said in named:
                assert owner.setdefault(said, thing) == thing, said


def test_things_of_unseen_shape_are_objects_where_their_colour_is_enough():
    layout = draw_layout("blocks", 5, "instance")
    for task in tasks_in(layout):
        for hidden in (False, True):
            said = instruct(task, layout, random(2), unseen=hidden)
            assert any(noun in said for noun in GENERIC), said
            assert "prism" not in said and "brick" not in said
    layout = draw_layout("containers", 5, "instance")
    put = next(task for task in tasks_in(layout) if isinstance(task, Put))
    drawn = [instruct(put, layout, random(seed)) for seed in range(20)]
    assert any(put.thing.name in said for said in drawn)


def test_unseen_instructions_are_never_those_of_training():
    for layout in LAYOUTS:
        rng = random(4)
        for task in tasks_in(layout)[::3]:
            for _ in range(6):
                assert understand(instruct(task, layout, rng, unseen=True)) is None


def test_instructions_of_training_vary_and_name_places_and_courtesies():
    layout, rng = draw_layout("blocks", 3), random()
    drawn = [instruct(task, layout, rng) for task in tasks_in(layout) for _ in range(20)]
    assert len(set(drawn)) > 0.8 * len(drawn)
    assert 0.15 < np.mean(["please" in said or "you" in said for said in drawn]) < 0.35
    assert any("leftmost" in said or "to the left" in said for said in drawn)


def test_the_same_draw_says_the_same():
    for layout in LAYOUTS[:6]:
        for task in tasks_in(layout)[::5]:
            for hidden in (False, True):
                once, again = (
                    [instruct(task, layout, rng, unseen=hidden) for _ in range(5)]
                    for rng in (random(9), random(9))
                )
                assert once == again


def test_courtesies_stand_before_commands_only():
    assert "could you lift it" in politely("lift it")
    assert all(
        said.startswith("the red cube goes left")
        for said in politely("the red cube goes left", unseen.COURTESIES)
    )
    assert not any(said.startswith("please left arm") for said in politely("left arm: lift it"))


def test_nothing_is_said_of_where_a_thing_lies_that_is_to_go_there():
    put = Put(RED, Thing("blue", "bowl"))
    said = (*wordings(put), *held_out(put))
    misleading = re.compile(r"^(?:lift|move|take|leave|transport) the \w+ \w+ (?:in|on|inside)\b")
    assert not [each for each in said if misleading.search(each)]


def test_every_wording_is_read_back_as_its_task():
    for task in every_task():
        for said in wordings(task):
            understood = understand(said)
            assert understood is not None, said
            assert understood.task_id() == task.id, said
            if task.family != "sort":
                assert understood.task() == task, said


def test_a_sentence_is_reworded_without_changing_its_task():
    for task in (
        Push(RED, "left"),
        Stack((RED, GREEN, BLUE)),
        Stack((BLUE, RED)),
        Swap(RED, BLUE),
        LineUp((BLUE, RED, GREEN)),
        Insert(Thing("red", "peg"), Thing("blue", "socket")),
        Store(Thing("yellow", "ball")),
    ):
        understood = understand(wordings(task)[0])
        drawn = {reword(understood, random(seed)) for seed in range(60)}
        assert len(drawn) > 15
        assert task_ids_told(drawn) == (task.id,)


def test_rewording_keeps_places_and_what_things_are_called():
    leftmost = understand("pick up the leftmost cube with the left arm")
    assert all("the leftmost cube" in reword(leftmost, random(seed)) for seed in range(20))
    can = understand("put the red can in the blue bowl")
    assert all("red can" in reword(can, random(seed)) for seed in range(20))
