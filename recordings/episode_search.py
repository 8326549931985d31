"""Episodes found in the catalogue: conditions on any field of them, as a query. Runs none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    Text,
    cast,
    collate,
    false,
    func,
    not_,
    or_,
    select,
    type_coerce,
)

from recordings.quality import Quality
from recordings.selection import ORDERS, Condition
from recordings.tables import Episode, words_in

FIGURES = [each.name for each in fields(Quality) if each.name not in ("verdict", "reason")]
NUMBERS = {
    "index": Episode.index,
    "num_frames": Episode.num_frames,
    "secs": Episode.secs,
}
WORDS: Mapping[str, ColumnElement[str]] = {
    "task": cast(Episode.task, Text),
    "success": cast(Episode.success, Text),
    "tags": cast(Episode.tags, Text),
    "verdict": func.coalesce(cast(Episode.verdict, Text), "unknown"),
    "reason": cast(Episode.reason, Text),
    "operator": cast(Episode.operator, Text),
    "policy": cast(Episode.policy, Text),
}
FIELDS = (*NUMBERS, *WORDS, *FIGURES)
"""What can be asked of an episode, and what episodes can be sorted by."""

BINARY = {"sqlite": "BINARY", "postgresql": "C"}
"""Names of the order that is the same in every database: by the number of each letter."""


class EpisodeLine(NamedTuple):
    """One episode as lists show it."""

    index: int  # type: ignore[assignment]  # the episode's; hides tuple.index
    task: str
    num_frames: int
    secs: float
    verdict: str | None
    """`good` or `poor`; None if another tool recorded it."""
    reason: str
    success: str
    """`yes`, `no` or `unknown`."""
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """Which episodes of a dataset are wanted, and in which order."""

    dataset: str
    conditions: Sequence[str] = ()
    """As `recordings.selection` reads them, such as `secs<2`; all must hold."""
    sort: str = "index"
    """One of `FIELDS`; episodes without it come last, equal ones in their order."""
    descending: bool = False
    first: int = 0
    limit: int | None = None
    """Episodes returned; None for all from `first` on."""

    def query(self, dialect: str) -> Select[Any]:
        """Return the query for a database of SQLAlchemy's; `line_of` reads what it finds.

        Raises `ValueError` for a condition that is none, or a field that no episode has.
        """
        plain = (getattr(Episode, name) for name in EpisodeLine._fields if name != "tags")
        wanted = select(*plain, type_coerce(Episode.tags, Text))
        wanted = wanted.where(Episode.dataset == self.dataset)
        for text in self.conditions:
            wanted = wanted.where(_holds(Condition.parse(text)))
        by: ColumnElement[Any] = _field(self.sort)
        if self.sort in WORDS and dialect in BINARY:
            by = collate(by, BINARY[dialect])
        ordered = (by.desc() if self.descending else by.asc()).nulls_last()
        return wanted.order_by(ordered, Episode.index).offset(self.first).limit(self.limit)


def line_of(row: Sequence[Any]) -> EpisodeLine:
    """Return what a row of a `Search` says."""
    *plain, tags = row
    return EpisodeLine._make((*plain, () if tags == "\n" else words_in(tags)))


def _field(name: str) -> ColumnElement[Any]:
    if name in WORDS:
        return WORDS[name]
    if name in NUMBERS:
        return cast(NUMBERS[name], Float)
    if name in FIGURES:
        figure: ColumnElement[float] = Episode.figures[name].as_float()
        return figure
    raise ValueError(f"There is no field {name!r}. Fields: {sorted(FIELDS)}")


def _holds(condition: Condition) -> ColumnElement[bool]:
    field = _field(condition.field)
    if condition.field in WORDS:
        return _said(condition, field)
    if condition.relation == "~":
        raise ValueError(
            f"{condition.field} is a number: expected one of = != < <= > >= after it, got ~."
        )
    number = condition.number()
    if condition.relation in ORDERS:
        ordered: Callable[[Any, Any], ColumnElement[bool]] = ORDERS[condition.relation]  # type: ignore[assignment]
        return ordered(field, number)
    return field == number if condition.relation == "=" else or_(field.is_(None), field != number)


def _said(condition: Condition, field: ColumnElement[str]) -> ColumnElement[bool]:
    if condition.relation in ORDERS:
        return false()
    wanted = condition.wanted.lower()
    if condition.relation == "~":
        return func.lower(field).contains(wanted, autoescape=True)
    if condition.field == "tags":
        same = func.lower(field).contains(f"\n{wanted}\n", autoescape=True)
    else:
        same = func.lower(field) == wanted
    return same if condition.relation == "=" else not_(same)
