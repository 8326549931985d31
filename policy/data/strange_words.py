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
this to where with arm drawer leftmost rightmost nearest closest farthest same opposite middle each
every all everything
"""

KEPT = MEANT | frozenset(FUNCTION.split())
"""Words that stay: which thing, which side, in which order, and what holds a sentence together."""

ONSETS = (*"bcdfghlmnprstw", "st", "tr", "bl", "fl", "gr", "pl", "sh", "ch")
NUCLEI = (*"aeiou", "ea", "oo", "ai")
CODAS = ("", "", "n", "t", "r", "ck", "st", "ll", "m", "sp")

MOST = 2
"""Words of an instruction that are exchanged at once."""

KNOWN = KEPT | frozenset(COMMON.lower().split())
"""Words that are not invented."""

_WORD = re.compile(r"[\w'-]+")


@dataclass(frozen=True, slots=True)
class StrangeWords:
    """Exchanges one or two words of some instructions for invented ones, wherever they stand."""

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
        count = min(int(rng.integers(1, MOST + 1)), len(words))
        gone = rng.permutation(words)[:count].tolist()
        invented = {word: invent(rng) for word in gone}
        return _WORD.sub(lambda found: invented.get(found[0], found[0]), said)


def invent(rng: np.random.Generator) -> str:
    """A word of one or two syllables that can be spoken, and none that is known."""
    while True:
        syllables = range(int(rng.integers(1, 3)))
        word = "".join(str(rng.choice(part)) for _ in syllables for part in (ONSETS, NUCLEI, CODAS))
        if word not in KNOWN:
            return word
