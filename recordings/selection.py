"""Which episodes of a dataset are meant: conditions on any field of them, in words."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from recordings.drives import UNKNOWN
from recordings.marks import Marks
from recordings.piece import whole_piece
from recordings.source import Source

Value = str | int | float | bool | None | Sequence[str]
Fields = Mapping[str, Value]

PATTERN = re.compile(r"\s*([\w.]+)\s*(!=|<=|>=|=|<|>|~)\s*(.*?)\s*")
ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, such as `secs<2`, `verdict=poor`, `task~cube` or `tags=slow`."""

    field: str
    relation: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read a condition. Raises `ValueError` when it is none."""
        found = PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(
                "Expected a condition such as 'secs<2', 'verdict=poor', 'task~cube' or "
                f"'tags=slow', got {text!r}."
            )
        return cls(*found.groups())

    def holds(self, fields: Fields) -> bool:
        """Whether it is true of an episode. Raises `ValueError` for a field that no episode has."""
        if self.field not in fields:
            raise ValueError(f"There is no field {self.field!r}. Fields: {sorted(fields)}")
        value = fields[self.field]
        if self.relation == "~":
            return any(self.wanted.lower() in word.lower() for word in _words(value))
        if self.relation in ORDERS:
            return _is_number(value) and ORDERS[self.relation](float(value), self.number())
        return self._equals(value) == (self.relation == "=")

    def _equals(self, value: Value) -> bool:
        if _is_number(value):
            return float(value) == self.number()
        return self.wanted.lower() in [word.lower() for word in _words(value)]

    def number(self) -> float:
        """Return what is wanted as a number. Raises `ValueError` when it is none."""
        try:
            return float(self.wanted)
        except ValueError as error:
            raise ValueError(f"Expected a number after {self.field}, got {self.wanted!r}.") from (
                error
            )


def fields_of(source: Source, episode: int) -> Fields:
    """Return what can be asked of an episode.

    `index`, `task`, `num_frames`, `secs`, `success` (yes, no or unknown), `tags`, `operator`,
    `policy` (what drove, if one did), and what its quality card says, where figures by camera are
    the worst camera's. Without a card the verdict is unknown.
    """
    piece = whole_piece(source, episode)
    figures = worst_figures(source.cards.get(episode, {}))
    drive = source.drives.get(episode, UNKNOWN)
    fields: dict[str, Value] = {
        "index": float(episode),
        "task": "; ".join(piece.tasks),
        "num_frames": float(len(piece)),
        "secs": len(piece) / source.fps,
        "success": said(piece.marks),
        "tags": piece.marks.tags,
        "operator": drive.operator,
        "policy": "; ".join(drive.policies),
        "verdict": "unknown",
        "reason": "",
    }
    words = {name: str(figures[name]) for name in ("verdict", "reason") if name in figures}
    return fields | figures | words


def worst_figures(card: Mapping[str, Any]) -> dict[str, Value]:
    """Return what a quality card says; of figures by camera, the worst."""
    return {
        name: max(filter(_is_number, value.values()), default=0)
        if isinstance(value, dict)
        else value
        for name, value in card.items()
        if name != "episode_index"
    }


def said(marks: Marks) -> str:
    """Return `yes`, `no` or `unknown`: whether an episode was marked a success."""
    return {True: "yes", False: "no", None: "unknown"}[marks.success]


def select(source: Source, conditions: Sequence[str]) -> list[int]:
    """Return the episodes of which every condition is true; all of them if there is none."""
    parsed = [Condition.parse(text) for text in conditions]
    every: dict[str, None] = {}
    fields = [fields_of(source, episode) for episode in range(len(source.entries))]
    for each in fields:
        every |= dict.fromkeys(each)
    return [
        index
        for index, each in enumerate(fields)
        if all(condition.holds(every | dict(each)) for condition in parsed)
    ]


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _words(value: Value) -> list[str]:
    if value is None:
        return []
    return list(value) if isinstance(value, tuple | list) else [str(value)]
