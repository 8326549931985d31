"""Recognises the sentences that evaluations keep for themselves. Says none, reads no meaning."""

import functools
import re
from collections.abc import Iterable

from hardware.aloha import ARMS
from hardware.simulation.language import trained, unseen
from hardware.simulation.language.meaning import DRAWER, INTO, LINED_UP, ONTO, STACKED
from hardware.simulation.language.references import GENERIC, UNSEEN_ENDS
from hardware.simulation.language.template import pattern
from hardware.simulation.things import COLOURS, UNSEEN_COLOURS


def _any(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(set(words)))})"


_NOUNS = {noun for nouns in trained.NOUNS.values() for noun in nouns} | {*unseen.NOUNS.values()}
_NOUN = _any((*_NOUNS, *GENERIC))
_COLOUR = _any((*COLOURS, *UNSEEN_COLOURS, DRAWER.colour))
_THING = _any(
    (
        f"the (?:{_COLOUR} )?{_NOUN}",
        *(name.format(_NOUN) for _, _, names in UNSEEN_ENDS for name in names),
    )
)
_THINGS = (
    *STACKED[3],
    *LINED_UP,
    "thing",
    "first",
    "second",
    "container",
    "drawer",
    "peg",
    "socket",
)
_GAPS = (
    dict.fromkeys(_THINGS, _THING)
    | {f"{gap}_colour": _COLOUR for gap in (*STACKED[3], *LINED_UP)}
    | dict.fromkeys(("arm", "other"), f"{_any(ARMS)} {_any((*trained.HANDS, *unseen.HANDS))}")
    | {"side": _any(ARMS), "kind": _NOUN, "kinds": f"{_NOUN}s"}
    | {"into": _any(word for words in INTO.values() for word in words)}
    | {"onto": _any(ONTO.values())}
)


def is_held_out(sentence: str) -> bool:
    """Whether `sentence`, in small letters without a full stop, is said in evaluations only.

    Whatever things, arms and sides it names, with any courtesy.
    """
    said = (sentence, *_without_courtesies(sentence))
    return any(one.fullmatch(each) for each in said for one in _patterns())


def _without_courtesies(sentence: str) -> list[str]:
    found = []
    for courtesy in (*trained.COURTESIES, *unseen.COURTESIES):
        before, after = courtesy.split("{}")
        if sentence.startswith(before) and sentence.endswith(after):
            found.append(sentence[len(before) : len(sentence) - len(after)])
    return found


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(
        pattern(template, _GAPS)
        for templates in unseen.SENTENCES.values()
        for template in templates
    )
