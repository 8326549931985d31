"""Invented words in the place of some of an instruction's, so that the rest has to be enough.

Ours: a pretrained language model knows most verbs and nouns that people use. A network that learnt
its words from a few sentences meets new ones, and is to go by those that it knows.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from policy.data.paraphrases import MEANT
from policy.model.prompt import clean_instruction
from policy.model.words import COMMON

FUNCTION = """
a an and at by from him in into is it its me my of off on onto one over that the them then there
this to where with arm leftmost rightmost nearest closest farthest same opposite middle each
every all everything
"""

KEPT = MEANT | frozenset(FUNCTION.split())
"""Words that stay: which thing, which side, in which order, and what holds a sentence together."""

ONSETS = (*"bcdfghlmnprstw", "st", "tr", "bl", "fl", "gr", "pl", "sh", "ch")
NUCLEI = (*"aeiou", "ea", "oo", "ai")
CODAS = ("", "", "n", "t", "r", "ck", "st", "ll", "m", "sp")

MOST = 2
"""Words of an instruction that are exchanged at once."""

ADDED = 0.4
"""Share of those instructions into which as many invented words more are put."""

LONGER = 0.35
"""How likely each of two more syllables is, after the first of an invented word."""

KNOWN = KEPT | frozenset(COMMON.lower().split())
"""Words that are not invented."""

_WORD = re.compile(r"[\w'-]+")


@dataclass(frozen=True, slots=True)
class StrangeWords:
    """Exchanges words of some instructions for invented ones, and puts such in besides."""

    share: float
    """Of instructions, 0 to 1."""
    before: Callable[[str, np.random.Generator], str] | None = None
    """What is done to an instruction first."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"strange_words is a share of 0 to 1, got {self.share}.")

    def draw(self, instruction: str, rng: np.random.Generator) -> str:
        """The instruction, perhaps with strange words. Without a share nothing is drawn."""
        said = instruction if self.before is None else self.before(instruction, rng)
        if not self.share or rng.random() >= self.share:
            return said
        said = clean_instruction(said)
        words = sorted(word for word in set(_WORD.findall(said)) - KEPT if word.isalpha())
        if not words:
            return said
        count = min(int(rng.integers(1, MOST + 1)), len(words))
        gone = rng.permutation(words)[:count].tolist()
        invented = {word: invent(rng) for word in gone}
        said = _WORD.sub(lambda found: invented.get(found[0], found[0]), said)
        return _with_more(said, rng) if rng.random() < ADDED else said


def _with_more(said: str, rng: np.random.Generator) -> str:
    """One or two invented words more, before it, after it, or before what it names."""
    words = said.split()
    for _ in range(int(rng.integers(1, MOST + 1))):
        places = [0, len(words), *(n for n, word in enumerate(words) if word == "the")]
        words.insert(places[int(rng.integers(len(places)))], invent(rng))
    return " ".join(words)


def invent(rng: np.random.Generator) -> str:
    """A word of one to three syllables that can be spoken, and none that is known."""
    while True:
        syllables = range(1 + int(rng.binomial(2, LONGER)))
        word = "".join(str(rng.choice(part)) for _ in syllables for part in (ONSETS, NUCLEI, CODAS))
        if word not in KNOWN:
            return word
