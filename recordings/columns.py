"""The rows of an episode as arrays, held against what info.json says of them."""

import numpy as np
import pyarrow as pa

from recordings.features import ARROW, Features, as_arrays, stored_in_table


def columns_of(table: pa.Table, features: Features, *, num_rows: int) -> dict[str, np.ndarray]:
    """Return the columns of `table`, (rows,) or (rows, length), not to be written to.

    Raises `ValueError` when it has not `num_rows`, or one of `features` is lacking or holds no
    numbers where it should.
    """
    if table.num_rows != num_rows:
        raise ValueError(f"Expected {num_rows} rows, got {table.num_rows}.")
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError(f"Expected every column once, got {table.column_names}.")
    wanted = stored_in_table(features)
    lacking = [name for name in wanted if name not in table.column_names]
    if lacking:
        raise ValueError(f"Expected the columns {sorted(wanted)}, {lacking} are lacking.")
    columns = as_arrays(table)
    for name, values in columns.items():
        if name in wanted and wanted[name]["dtype"] in ARROW and values.dtype.kind not in "biuf":
            raise ValueError(
                f"Expected {wanted[name]['dtype']} of shape {wanted[name]['shape']} in every row "
                f"of {name}, got {table[name].type}."
            )
        values.setflags(write=False)
    return columns
