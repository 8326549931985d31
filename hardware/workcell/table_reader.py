"""Reads one TOML table field by field and notes everything that is wrong with it."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from hardware.workcell.problem import Problem


class TableReader:
    """Hands out the fields of a table; each that does not fit becomes a problem in `problems`.

    A field that is wrong is handed out as its default, so that reading goes on.
    """

    def __init__(self, where: str, table: object, problems: list[Problem]) -> None:
        self.where = where
        self.problems = problems
        self._known: list[str] = []
        self._table: Mapping[str, Any] = {}
        if isinstance(table, Mapping):
            self._table = table
        else:
            self.note(f"expected a table, got {table!r}.", f"Write it as {where} with fields.")

    def note(self, what: str, fix: str) -> None:
        """Remember a problem of this table."""
        self.problems.append(Problem(self.where, what, fix))

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; without `default` it must be there."""
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str) or not (value.strip() or value == default):
            self.note(f"{key} is a text in quotes, got {value!r}.", f'Write {key} = "...".')
            return default or ""
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of `choices`."""
        value = self._take(key, default)
        if value in choices:
            return str(value)
        if value is not None:
            self.note(f"{key} is one of {list(choices)}, got {value!r}.", _nearest(value, choices))
        return default or choices[0]

    def number(
        self, key: str, low: float | int, high: float | int, default: float | int
    ) -> float | int:
        """A number from `low` to `high`."""
        value = self._take(key, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            self.note(
                f"{key} is a number from {low} to {high}, got {value!r}.",
                f"Write {key} = {default} or leave it out.",
            )
            return default
        return value

    def whole(self, key: str, low: int, high: int, default: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.number(key, low, high, default)
        if isinstance(value, int):
            return value
        self.note(f"{key} is a whole number, got {value}.", f"Write {key} = {round(value)}.")
        return default

    def maybe(self, key: str) -> float | int | None:
        """A number, or None if it is not there."""
        return (
            self.number(key, -1e6, 1e6, 0)
            if key in self._table
            else self._take(key, None, required=False)
        )

    def flag(self, key: str) -> bool:
        """True or false; false if it is not there."""
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            self.note(f"{key} is true or false, got {value!r}.", f"Write {key} = true.")
        return value is True

    def numbers(self, key: str) -> dict[str, int | float]:
        """A table of numbers by name; empty if it is not there."""
        value = self._take(key, default={})
        if isinstance(value, Mapping):
            wrong = [name for name, one in value.items() if not isinstance(one, int | float)]
            if not wrong:
                return dict(value)
            self.note(f"{key} holds numbers; {wrong} are none.", "Write numbers without quotes.")
        else:
            self.note(f"{key} is a table of numbers, got {value!r}.", f"Write {key} = {{}}.")
        return {}

    def raw(self, key: str) -> Any:  # noqa: ANN401 - whatever the file has there
        """Whatever the field holds, None if it is not there."""
        return self._take(key, None, required=False)

    def tables(self, key: str) -> dict[str, Any]:
        """Tables by name, such as `[arms.left_leader]`; empty if there are none."""
        value = self._take(key, default={})
        if isinstance(value, Mapping):
            return dict(value)
        self.note(f"{key} is made of tables, got {value!r}.", f"Write [{key}.NAME] for each.")
        return {}

    def end(self) -> None:
        """Note every field that nobody asked for."""
        for key in self._table:
            if key not in self._known:
                self.note(
                    f"there is no field {key!r} here; known are {', '.join(self._known)}.",
                    _nearest(key, self._known) + " Or remove it.",
                )

    def _take(self, key: str, default: Any, *, required: bool = True) -> Any:  # noqa: ANN401 - TOML
        self._known.append(key)
        if key in self._table:
            return self._table[key]
        if default is None and required:
            self.note(f"{key} is missing.", f"Add {key} = ...")
        return default


def _nearest(word: object, choices: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(word), choices, 1, 0.5)
    return f"Did you mean {near[0]!r}?" if near else f"Choose one: {', '.join(choices)}."
