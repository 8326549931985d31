"""One data file of a dataset, kept open: the rows of an episode without reading the others."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recordings.closing import Closing

TORN = (OSError, ValueError, TypeError, KeyError, MemoryError, pa.ArrowException)
"""What Arrow raises for a file that is not what it says."""
MOST_ROWS = 2**24
"""Of a row group. One that a torn footer makes larger would fill the memory."""


class DataFile(Closing):
    """Knows which row groups hold which episodes. Raises `ValueError` when the file is torn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except TORN as error:
            raise self._torn(error) from error
        try:
            self._spans = self._read_spans()
        except TORN as error:
            self._file.close()
            raise self._torn(error) from error

    def rows(self, episode: int) -> pa.Table:
        """Return the rows of `episode`; none if they are not here."""
        groups = [i for i, (low, high) in enumerate(self._spans) if low <= episode <= high]
        try:
            table = self._file.read_row_groups(groups, use_threads=False)
            table.validate(full=True)
            return table.filter(pc.equal(table["episode_index"], episode))
        except TORN as error:
            raise self._torn(error) from error

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()

    def _torn(self, error: BaseException) -> ValueError:
        words = str(error) or type(error).__name__
        return ValueError(f"Cannot read a data file: {words}. File: {self.path}")

    def _read_spans(self) -> list[tuple[int, int]]:
        metadata = self._file.metadata
        leaves = [self._file.schema.column(i).path for i in range(metadata.num_columns)]
        if "episode_index" not in leaves:
            raise ValueError(f"expected the column episode_index among {leaves}")
        leaf = leaves.index("episode_index")
        spans = []
        for group in range(metadata.num_row_groups):
            described = metadata.row_group(group)
            if not 0 <= described.num_rows <= MOST_ROWS:
                raise ValueError(
                    f"expected at most {MOST_ROWS} rows in a group, got {described.num_rows}"
                )
            span = described.column(leaf).statistics
            if span is None or not span.has_min_max:
                episodes = self._file.read_row_group(group, ["episode_index"])["episode_index"]
                spans.append((int(pc.min(episodes).as_py()), int(pc.max(episodes).as_py())))
            else:
                spans.append((int(span.min), int(span.max)))
        return spans
