"""One data file of a dataset, kept open: the rows of an episode without reading the others."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


class DataFile:
    """Knows which row groups hold which episodes. Raises `ValueError` when the file is torn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
            self._spans = self._read_spans()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ValueError(f"Cannot read a data file: {error}. File: {path}") from error

    def rows(self, episode: int) -> pa.Table:
        """Return the rows of `episode`; none if they are not here."""
        groups = [i for i, (low, high) in enumerate(self._spans) if low <= episode <= high]
        try:
            table = self._file.read_row_groups(groups, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"Cannot read a data file: {error}. File: {self.path}") from error
        return table.filter(pc.equal(table["episode_index"], episode))

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()

    def _read_spans(self) -> list[tuple[int, int]]:
        metadata = self._file.metadata
        leaves = [self._file.schema.column(i).path for i in range(metadata.num_columns)]
        leaf = leaves.index("episode_index")
        spans = []
        for group in range(metadata.num_row_groups):
            span = metadata.row_group(group).column(leaf).statistics
            if span is None or not span.has_min_max:
                episodes = self._file.read_row_group(group, ["episode_index"])["episode_index"]
                spans.append((pc.min(episodes).as_py(), pc.max(episodes).as_py()))
            else:
                spans.append((span.min, span.max))
        return spans
