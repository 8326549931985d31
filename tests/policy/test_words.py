"""The tokenizer of small networks: words of the simulator are whole, numbers are digits."""

import re

import numpy as np
import pytest

from hardware.simulation.language import instruct, trained
from hardware.simulation.layout import TABLES, draw_layout
from hardware.simulation.tasks.catalogue import tasks_in
from policy.model.words import train_tokenizer


@pytest.fixture(scope="module")
def words():
    return train_tokenizer([])


def test_every_digit_is_a_token(words):
    tokens = words.tokenize("state: [34, 128, 7] at 50 Hz, 1024")
    digits = [token for token in tokens if re.search(r"\d", token)]
    assert digits == list("34128750") + list("1024")


@pytest.mark.parametrize("text", ["state: [34, 128, 7]", "0x12  99% ü", "a 7th cube\nand 08"])
def test_text_comes_back_as_it_was(words, text):
    assert words.decode(words(text)["input_ids"]) == text


def test_the_nouns_and_verbs_of_training_are_whole(words):
    nouns = {noun for pair in trained.NOUNS.values() for noun in pair} - {"prism", "brick", "rod"}
    for word in (*nouns, *trained.HANDS, "stack", "swap", "insert", "leftmost", "colour"):
        assert len(words.tokenize(f" {word}")) == 1, word


def test_an_instruction_costs_little_more_than_a_token_a_word(words):
    rng = np.random.default_rng(0)
    said = [
        instruct(task, layout, rng)
        for layout in (draw_layout(table, 3) for table in TABLES)
        for task in tasks_in(layout)
    ]
    tokens = sum(len(words.tokenize(f" {each}")) for each in said)
    assert tokens / sum(len(re.findall(r"\w+|[^\w ]", each)) for each in said) < 1.05
