"""Which starts are for what: ranges of seeds that never mix."""

from typing import Literal

from hardware.simulation.seeds import RESERVED_SEED, TEST_SEED, VALIDATION_SEED

Split = Literal["val", "test", "reserved"]

SPLITS: dict[Split, tuple[int, int]] = {
    "val": (VALIDATION_SEED, TEST_SEED),
    "test": (TEST_SEED, RESERVED_SEED),
    "reserved": (RESERVED_SEED, 1_000_000),
}
"""First seed of each, and the first past it."""


def seeds_of(split: Split, first: int | None, count: int) -> range:
    """`count` seeds of `split`, from `first` on or from its beginning.

    Raises `ValueError` naming the range unless all of them lie in it.
    """
    low, end = SPLITS[split]
    begin = low if first is None else first
    if count < 1:
        raise ValueError(f"At least one start is needed, got {count}.")
    if low <= begin and begin + count <= end:
        return range(begin, begin + count)
    fitting = [
        f"{name} has {at} to {until - 1}"
        for name, (at, until) in SPLITS.items()
        if at <= begin and begin + count <= until
    ]
    advice = f"These are of another: {fitting[0]}." if fitting else "No split has all of these."
    if begin < VALIDATION_SEED:
        advice = f"Training uses those below {VALIDATION_SEED}."
    raise ValueError(
        f"Seeds of the {split} split are {low} to {end - 1}, got {begin} to {begin + count - 1}. "
        f"{advice}"
    )
