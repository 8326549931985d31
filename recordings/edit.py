"""`python -m recordings.edit DATASET OPERATION`: mend a dataset; every edit can be taken back."""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from recordings.disk import RecordingError
from recordings.operations import Operation

PLAIN = (tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes)
"""Operations and their options are named as they are, not by whose they are."""


def main(
    dataset: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATASET")],
    /,
    operation: Operation,
) -> int:
    """Mend a dataset: delete, trim, split, merge, retask, tag, mark, copy; undo any of it.

    Killed at any instant, an edit leaves the dataset as it was or as it shall be.

    Args:
        dataset: Folder of a LeRobotDataset v3.0, ours or another tool's.
        operation: What to do.
    """
    try:
        text = operation.run(dataset)
    except (ValueError, OSError, RecordingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text + "\n" if text else "")
    return 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m recordings.edit", config=PLAIN))
