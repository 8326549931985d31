"""Episodes recorded before a column was: what its rows and statistics are taken to be.

What was wanted is taken to be what was sent, everything else to be zero.
"""

import numpy as np
import pyarrow as pa

from recordings.features import ACTION, ADDED_LATER, WANTED
from recordings.source import Source
from recordings.statistics import NAMES, statistics_of


def filled_rows(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return `rows` with the columns of `schema` that they are too old to have."""
    for name in ADDED_LATER:
        if name in schema.names and name not in rows.column_names:
            field = schema.field(name)
            if name == WANTED:
                values = rows[ACTION].combine_chunks().cast(field.type)
            else:
                values = pa.array(np.zeros(rows.num_rows), field.type)
            rows = rows.append_column(field, values)
    return rows


def filled_statistics(source: Source, features: list[str]) -> pa.Table:
    """Return the episode table of `source` with the statistics that it is too old to have."""
    table = source.episode_table
    for feature in ADDED_LATER:
        if feature not in features or f"stats/{feature}/{NAMES[0]}" in table.column_names:
            continue
        if feature == WANTED:
            for kind in NAMES:
                values = table[f"stats/{ACTION}/{kind}"]
                table = table.append_column(f"stats/{feature}/{kind}", values)
            continue
        counted = [statistics_of(np.zeros(int(row["length"]))) for row in source.entries]
        for kind in NAMES:
            zeros = pa.array([each[kind].tolist() for each in counted])
            table = table.append_column(f"stats/{feature}/{kind}", zeros)
    return table
