"""Instructions as a policy takes them: by words it was trained on. Needs no torch."""

import re
from collections.abc import Sequence

from policy.model.prompt import clean_instruction

FILLERS = frozenset(
    ("a", "an", "the", "please", "now", "then", "just", "robot", "can", "could", "would", "you")
)
"""Words that any instruction may have."""


def words_of(instruction: str) -> frozenset[str]:
    """The words of an instruction, without marks of punctuation."""
    return frozenset(re.findall(r"[\w'-]+", clean_instruction(instruction)))


def examples(tasks: Sequence[str], count: int) -> list[str]:
    """At most `count` of `tasks`, from the first to the last, so that neighbours differ."""
    count = min(count, len(tasks))
    return [tasks[n * len(tasks) // count] for n in range(count)]


def unknown_words(instruction: str, known: frozenset[str]) -> frozenset[str]:
    """Those of its words that are neither `known` nor words that any instruction may have."""
    return words_of(instruction) - FILLERS - known


def check_instruction(
    instruction: str, tasks: tuple[str, ...], known: frozenset[str] | None
) -> None:
    """Raise `ValueError`, naming what was trained, unless every word of it is `known`.

    Any order of known words passes. One unknown word refuses: a colour never seen or a "not"
    would be acted out as if it were not there. None lets every word pass.
    """
    if not tasks:
        raise ValueError(
            "This checkpoint has learnt no actions yet. Fine-tune it on demonstrations first."
        )
    unknown = [] if known is None else sorted(unknown_words(instruction, known))
    if unknown:
        raise ValueError(
            f"This checkpoint does not know {', '.join(repr(word) for word in unknown)}. "
            f"It was trained on: {'; '.join(examples(tasks, 8))}."
        )
