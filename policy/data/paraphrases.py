"""Other true wordings of an instruction. Never another colour, arm or side."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from hardware.simulation.language import is_held_out, politely, reword, understand
from policy.model.prompt import clean_instruction

FILE = "meta/paraphrases.json"
"""In a dataset: instruction to a list of other wordings, written by hand."""

COLOURS = """
red green blue yellow orange purple violet pink black white grey gray brown cyan magenta
"""

OTHERS = """
left right both other upper lower top bottom front back first second third last
not no never without
"""

MEANT = frozenset((COLOURS + OTHERS).split())
"""Words that say which thing, which side or whether: a wording may not bring in another."""

VERB_BEFORE = r"(?:^|, |: |\b(?:and|then|to|please) )"
NOUN_BEFORE = rf"\b(?:the|a|one|small|big|large|{'|'.join(COLOURS.split())}) "

SYNONYMS = (
    (
        VERB_BEFORE,
        ("pick up", "grasp", "take", "grab"),
        r" (?:the|a|an|it)\b(?!.*\b(?:off|out|away|apart|turns?)\b)",
    ),
    (VERB_BEFORE, ("put", "place"), r" (?:the|a|an|it)\b"),
    (NOUN_BEFORE, ("cube", "block"), ""),
)
"""What must stand before, words that mean the same there, and what must follow.

"Take the lid off" is no grasping, and an engine block is no cube. Where an instruction uses two
words of one row none is exchanged, for two things could be meant.
"""

_ARM = r"with the (?:left|right) (?:arm|hand|gripper)"
_LAST = re.compile(rf"^(?P<what>(?!with the )[^,:]+?) (?P<arm>{_ARM})$")
_FIRST = re.compile(rf"^(?P<arm>{_ARM}),? (?P<what>[^,:]+)$")
_USE = re.compile(r"^use the (?P<arm>(?:left|right) (?:arm|hand|gripper)) to (?P<what>[^,:]+)$")


def meant_words(instruction: str) -> frozenset[str]:
    """The words of an instruction that a paraphrase must not add to."""
    return MEANT & set(re.findall(r"[a-z]+", instruction.lower()))


def reorder(instruction: str) -> list[str]:
    """The instruction with the arm named in another place; empty when none or two are named."""
    if len(re.findall(r"\b(?:arm|hand|gripper)\b", instruction)) != 1:
        return []
    for pattern in (_LAST, _FIRST, _USE):
        found = pattern.match(instruction)
        if found:
            what, arm = found["what"], found["arm"].removeprefix("with the ")
            ways = (f"{what} with the {arm}", f"with the {arm}, {what}", f"use the {arm} to {what}")
            return [way for way in ways if way != instruction]
    return []


def exchange(instruction: str) -> list[str]:
    """The instruction with one word exchanged for another that means the same."""
    exchanged = []
    for before, words, after in SYNONYMS:
        if sum(bool(re.search(rf"\b{word}\b", instruction)) for word in words) != 1:
            continue
        found = re.search(rf"({before})({'|'.join(words)})\b(?={after})", instruction)
        if found:
            start, end = found.span(2)
            exchanged += [
                instruction[:start] + word + instruction[end:] for word in words if word != found[2]
            ]
    return exchanged


def _courtesy(instruction: str, rng: np.random.Generator) -> str:
    if re.search(r"\b(?:please|now|could you|can you|go ahead|robot)\b", instruction):
        return instruction
    ways = politely(instruction)
    return ways[rng.integers(len(ways))]


class Paraphraser:
    """Draws wordings of instructions.

    It knows every sentence in which the simulator's tasks are told for training, whatever their
    things, arms and sides: such a one becomes another of the same task. None that is held out for
    evaluation is ever drawn, unless it is the dataset's own instruction.
    """

    def __init__(self, groups: Iterable[Sequence[str]] = (), *, share: int | float = 0.5) -> None:
        """`groups` are more wordings that mean the same; `share` is how often one is exchanged.

        Raises `ValueError` for a share outside 0..1, an empty wording, a wording with a colour or
        a side that the first of its group does not have, and one that is held out for evaluation.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"Instructions are reworded in a share of 0 to 1, got {share}.")
        self.share = share
        self._known: dict[str, list[str]] = {}
        for group in groups:
            wordings = [clean_instruction(wording) for wording in group]
            for wording in wordings[1:]:
                _require_fit(wording, wordings[0])
            for wording in wordings:
                known = self._known.setdefault(wording, [])
                known += [w for w in wordings if w not in (*known, wording)]

    @classmethod
    def of_dataset(cls, folder: Path, *, share: int | float = 0.5) -> "Paraphraser":
        """Know the wordings in the dataset's `meta/paraphrases.json` as well, if it has one.

        Raises `ValueError` naming the file when it is not {instruction: [wordings]}.
        """
        path = folder / FILE
        if not path.exists():
            return cls(share=share)
        try:
            return cls([(said, *others) for said, others in _read(path).items()], share=share)
        except ValueError as error:
            raise ValueError(f"{error} In {path}") from error

    def draw(self, instruction: str, rng: np.random.Generator) -> str:
        """Another true wording with probability `share`, else the instruction as it is."""
        if rng.random() >= self.share:
            return instruction
        said = self._reworded(clean_instruction(instruction), rng)
        return _courtesy(said, rng) if rng.random() < 0.3 else said

    def _reworded(self, said: str, rng: np.random.Generator) -> str:
        understood = understand(said)
        if understood is not None and said not in self._known:
            return reword(understood, rng)
        known = [said, *self._known.get(said, ())]
        said = known[rng.integers(len(known))]
        for change in (reorder, exchange):
            ways = [way for way in change(said) if not is_held_out(way)]
            if ways and rng.random() < 0.5:
                said = ways[rng.integers(len(ways))]
        return said


def _require_fit(wording: str, said: str) -> None:
    added = meant_words(wording) - meant_words(said)
    if added:
        raise ValueError(
            f"{wording!r} cannot stand for {said!r}: it says {sorted(added)}, "
            "which that does not. Mend or remove the wording."
        )
    if is_held_out(wording):
        raise ValueError(
            f"{wording!r} is a sentence that evaluations in simulation keep for themselves: "
            "once trained on, it would be no unseen one. Remove the wording."
        )


def _read(path: Path) -> Mapping[str, list[str]]:
    try:
        fields = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"Paraphrases cannot be read: {error}.") from error
    plain = isinstance(fields, dict) and all(
        isinstance(others, list) and all(isinstance(other, str) for other in others)
        for others in fields.values()
    )
    if not plain:
        raise ValueError('Paraphrases are {"instruction": ["another wording", ...], ...}.')
    return dict(fields)
