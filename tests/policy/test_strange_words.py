"""Invented words take the place of words, and never of those that say which thing is meant."""

import re

import numpy as np
import pytest

from hardware.simulation.language import is_held_out, wordings
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.tasks.catalogue import tasks_in
from policy.data.paraphrases import MEANT
from policy.data.strange_words import CODAS, KNOWN, MOST, NUCLEI, ONSETS, StrangeWords, invent

SYLLABLE = (ONSETS, NUCLEI, CODAS)

TASKS = [task for table in TABLES for task in tasks_in(draw_layout(table, 2))]


def words(said):
    return re.findall(r"[a-z]+", said)


def test_what_says_which_thing_stays_and_one_or_two_words_change_wherever_they_stand(monkeypatch):
    monkeypatch.setattr("policy.data.strange_words.ADDED", 0.0)
    strange, rng = StrangeWords(1.0), np.random.default_rng(0)
    changed = 0
    for task in TASKS[::3]:
        said = wordings(task)[0]
        drawn = strange.draw(said, rng)
        pairs = set(zip(words(said), words(drawn), strict=True))
        assert len(pairs) == len(set(words(said)))  # each word became one word
        exchanged = {old for old, new in pairs if old != new}
        assert 1 <= len(exchanged) <= MOST and not exchanged & MEANT
        assert re.sub(r"[a-z]+", "w", drawn) == re.sub(r"[a-z]+", "w", said)
        assert not is_held_out(drawn)
        changed += len(exchanged)
    assert changed > len(TASKS[::3])


def test_more_words_come_before_it_after_it_or_before_what_is_named(monkeypatch):
    monkeypatch.setattr("policy.data.strange_words.ADDED", 1.0)
    said, rng = "the red cube on the left", np.random.default_rng(5)
    found = set()
    for _ in range(300):
        drawn = StrangeWords(1.0).draw(said, rng).split()
        strange = [word for word in drawn if word not in said.split()]
        assert 2 <= len(strange) <= 1 + MOST  # the cube, and one or two more
        assert [word for word in drawn if word not in strange] == [
            "the",
            "red",
            "on",
            "the",
            "left",
        ]
        found |= {drawn[0] in strange, drawn[-1] in strange and "last", len(strange)}
    assert found == {True, False, "last", 2, 3}


def test_a_share_of_instructions_is_changed_after_what_comes_before():
    half = StrangeWords(0.5, lambda said, rng: f"please {said}")
    rng = np.random.default_rng(1)
    drawn = [half.draw("pick up the red cube", rng) for _ in range(400)]
    kept = sum(said == "please pick up the red cube" for said in drawn)
    assert 150 < kept < 250


def test_without_a_share_nothing_is_drawn():
    rng = np.random.default_rng(2)
    before = rng.bit_generator.state
    assert StrangeWords(0.0).draw("pick up the red cube", rng) == "pick up the red cube"
    assert rng.bit_generator.state == before


def test_an_instruction_that_has_only_words_that_mean_a_thing_stays():
    rng = np.random.default_rng(3)
    assert StrangeWords(1.0).draw("the red one on the left", rng) == "the red one on the left"


def test_invented_words_are_letters_and_many():
    rng = np.random.default_rng(4)
    invented = [invent(rng) for _ in range(500)]
    assert all(re.fullmatch(r"[a-z]{2,18}", word) for word in invented)
    assert len(set(invented)) > 400
    assert not set(invented) & KNOWN
    rolled = np.random.default_rng(7)
    assert any("".join(str(rolled.choice(p)) for p in SYLLABLE) in KNOWN for _ in range(3000))


@pytest.mark.parametrize("said", ["Put the Red cube in the Blue bowl", "don't take the red cube"])
def test_colours_in_capitals_and_negations_stay(said):
    strange = StrangeWords(1.0)
    meant = {word for word in words(said.lower()) if word in MEANT} | {"don", "t"} & set(
        words(said)
    )
    for seed in range(100):
        assert meant <= set(words(strange.draw(said, np.random.default_rng(seed))))


def test_tasks_that_differ_by_one_word_still_differ():
    strange = StrangeWords(1.0)
    for seed in range(100):
        said = "put each object in the container of the opposite colour"
        assert "opposite" in words(strange.draw(said, np.random.default_rng(seed)))


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(ValueError, match=r"strange_words is a share of 0 to 1, got"):
        StrangeWords(share)
