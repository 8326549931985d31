"""The last file of a growing Parquet series: whole on disk after every addition."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recordings.disk import replaced

EPISODES_PER_FILE = 64
ROWS_PER_FILE = 10_000
"""Each addition rewrites the last file, so files stay small; readers like them few."""

Mark = tuple[int, list[pa.Table]]
"""Where a series ends: the number of its last file, and what is in it."""


class ParquetTail:
    """Adds episodes to numbered files, each replaced whole.

    Growing a file by writing it again keeps its footer right after every episode, which a file
    left open does not, and keeps files few, which one per episode does not. Each episode is a row
    group of its own, or with `merged` all of a file are one: many columns make groups costly.
    """

    def __init__(
        self, folder: Path, path_of: Callable[[int], Path], first: int, *, merged: bool = False
    ) -> None:
        self._folder = folder
        self._path_of = path_of
        self._number = first
        self._merged = merged
        self._groups: list[pa.Table] = []

    def next_number(self, rows: int) -> int:
        """Return the number of the file that the next `rows` rows will be in."""
        full = len(self._groups) >= EPISODES_PER_FILE
        held = sum(table.num_rows for table in self._groups)
        if full or (self._groups and held + rows > ROWS_PER_FILE):
            return self._number + 1
        return self._number

    @property
    def mark(self) -> Mark:
        """Where the series ends now, for `go_back`."""
        return self._number, self._groups

    def go_back(self, mark: Mark) -> None:
        """Let the next addition take the place of everything added since `mark`.

        A file begun since is removed; a longer last file stays until that addition replaces it.
        """
        for number in range(mark[0] + 1, self._number + 1):
            self.path_of(number).unlink(missing_ok=True)
        self._number, self._groups = mark

    def path_of(self, number: int) -> Path:
        """Return the path of a file of the series."""
        return self._folder / self._path_of(number)

    def longer(self, table: pa.Table) -> Mark:
        """Return where the series ends once `table` is added."""
        number = self.next_number(table.num_rows)
        return number, [*(self._groups if number == self._number else []), table]

    def write(self, mark: Mark, path: Path) -> None:
        """Write the last file, as it is at `mark`, to `path`."""
        groups = mark[1]
        write_table_groups(path, [merge(groups)] if self._merged else groups)

    def go_on(self, mark: Mark) -> None:
        """Take it that the series ends at `mark` now: its last file has appeared."""
        self._number, self._groups = mark

    def append(self, table: pa.Table) -> None:
        """Add `table`; it is on the disk when this returns, and not at all if this raises."""
        mark = self.longer(table)
        with replaced(self.path_of(mark[0])) as temporary:
            self.write(mark, temporary)
        self.go_on(mark)


def merge(tables: list[pa.Table]) -> pa.Table:
    """Return `tables` as one that is written as one row group."""
    return pa.concat_tables(tables).combine_chunks()


def write_groups(path: Path, groups: list[pa.Table]) -> None:
    """Write `groups` as the row groups of the Parquet file `path`, replacing it whole."""
    with replaced(path) as temporary:
        write_table_groups(temporary, groups)


def write_table_groups(path: Path, groups: list[pa.Table]) -> None:
    """Write `groups` as the row groups of the new Parquet file `path`."""
    with pq.ParquetWriter(
        path, groups[0].schema, compression="snappy", use_dictionary=False
    ) as writer:
        for group in groups:
            writer.write_table(group)
