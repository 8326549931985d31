"""Stores what the motors of a workcell's arms say of themselves, and says what is new in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hardware.dynamixel.motors import Fingerprint, changes
from hardware.workcell.entries import Workcell
from hardware.workcell.writing import store_fingerprints


def remember(
    path: Path, workcell: Workcell, prints: Mapping[str, Sequence[Fingerprint]]
) -> list[str]:
    """Store the `prints` of arms, by name, in the workcell file; say what was stored.

    Raises `WorkcellError`, and writes nothing, if the file has no such arm any more.
    """
    store_fingerprints(path, prints)
    return [
        words
        for name, each in prints.items()
        for words in (
            f"{name}: its {len(each)} motors are remembered.",
            *(f"  {line}" for line in differences(workcell, name, each)),
        )
    ]


def differences(workcell: Workcell, name: str, prints: Sequence[Fingerprint]) -> list[str]:
    """How an arm differs from what was stored of it, in sentences; empty if nothing was stored.

    A person must see what is agreed to: another arm's motors are stored as readily.
    """
    [arm] = [each for each in workcell.arms if each.name == name]
    different = changes(arm.fingerprints, prints) if arm.fingerprints else []
    alike = [each.name for each in workcell.arms if each.fingerprints == tuple(prints)]
    if different and alike:
        different.append(f"These were stored as {alike}: are two cables swapped?")
    return different
