"""Sentences with choices and gaps: written out in every way, or matched. Knows no robot.

`(a|b)` is a choice and `<thing>` a gap: "(lift|raise) <thing>" is two sentences for each thing.
"""

import functools
import itertools
import re
from collections.abc import Mapping

_CHOICE = re.compile(r"\(([^()]*)\)")
_GAP = re.compile(r"<([a-z_]+)>")


def expand(template: str) -> tuple[str, ...]:
    """Write `template` with every choice made; gaps stay."""
    parts = _CHOICE.split(template)  # text and choices in turn
    options = [part.split("|") if number % 2 else [part] for number, part in enumerate(parts)]
    return tuple("".join(made) for made in itertools.product(*options))


@functools.cache
def gaps(template: str) -> frozenset[str]:
    """Names of the gaps of `template`."""
    return frozenset(_GAP.findall(template))


def fill(sentence: str, phrases: Mapping[str, str]) -> str:
    """Put `phrases` into the gaps of a sentence. Raises `KeyError` for a gap without one."""
    return _GAP.sub(lambda gap: phrases[gap[1]], sentence)


def pattern(template: str, gap_patterns: Mapping[str, str]) -> re.Pattern[str]:
    """Return what matches every sentence of `template`, its gaps as groups of their names.

    A gap matches the regular expression that `gap_patterns` has for it; a second one of the same
    name, the same words. Raises `KeyError` for a gap without one.
    """
    seen: set[str] = set()

    def group(name: str) -> str:
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{gap_patterns[name]})"

    pieces = []
    for number, part in enumerate(re.split(r"(\([^()]*\)|<[a-z_]+>)", template)):
        if not number % 2:
            pieces.append(re.escape(part))
        elif part.startswith("<"):
            pieces.append(group(part[1:-1]))
        else:
            pieces.append(f"(?:{'|'.join(map(re.escape, part[1:-1].split('|')))})")
    return re.compile("".join(pieces))
