"""Notices whether a dataset was edited while it was read by whoever does not lock it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recordings.history import History


@contextmanager
def unedited(folder: Path) -> Iterator[None]:
    """Raise `ValueError` when the dataset at `folder` is edited during the block.

    Also when the edit is taken back: what was read may be of either version. Recording more
    episodes is no edit. Nothing that was read may appear anywhere before the block ends.
    """
    history = History(folder)
    before = history.state()
    try:
        yield
    except (ValueError, OSError) as error:
        if history.state() == before:
            raise
        raise _edited(history) from error
    if history.state() != before:
        raise _edited(history)


def _edited(history: History) -> ValueError:
    return ValueError(
        "This dataset was edited while it was read, so what was read may be of two versions. "
        f"Nothing was written. Try again. Dataset: {history.folder}"
    )
