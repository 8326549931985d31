"""Which motors an arm should have, and what they say of themselves. Data; talks to nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from hardware.dynamixel.control_table import MODELS, Model

REVERSE = 0x01
"""Bit of the drive mode: positive is clockwise."""

NO_SECONDARY_ID = 255


@dataclass(frozen=True, slots=True)
class Motor:
    """One motor as the arm's design has it."""

    id: int
    name: str
    models: tuple[Model, ...]
    """What may be fitted; the first is usual."""
    low: int
    high: int
    """Lowest and highest position in ticks."""
    reverse: bool = False
    shadows: int | None = None
    """ID of the motor that drives the same joint and whose commands this one obeys."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What one motor keeps without power."""

    id: int
    model_number: int
    firmware: int
    drive_mode: int
    secondary_id: int
    homing_offset: int
    min_position: int
    max_position: int

    def to_json(self) -> dict[str, int]:
        """A JSON-ready dictionary; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Fingerprint":
        """Rebuild from `to_json`. Raises `ValueError` naming what is missing or unknown."""
        try:
            return cls(**{name: int(value) for name, value in entry.items()})
        except (TypeError, ValueError) as error:
            raise ValueError(f"Not a motor's fingerprint: {error}.") from error


def model_name(number: int) -> str:
    """The name of the model with this number."""
    return MODELS[number].name if number in MODELS else f"model {number}"


def misfits(motors: Sequence[Motor], prints: Iterable[Fingerprint]) -> list[str]:
    """Say, one sentence each, what keeps `prints` from being the arm made of `motors`."""
    found = {each.id: each for each in prints}
    wrong = []
    for motor in motors:
        print_ = found.get(motor.id)
        if print_ is None:
            wrong.append(f"motor {motor.id} ({motor.name}) does not answer")
        else:
            wrong += _misfits(motor, print_)
    return wrong


def _misfits(motor: Motor, found: Fingerprint) -> list[str]:
    who = f"motor {motor.id} ({motor.name})"
    wrong = []
    if found.model_number not in [model.number for model in motor.models]:
        wanted = " or ".join(model.name for model in motor.models)
        wrong.append(f"{who} is an {model_name(found.model_number)}, expected {wanted}")
    if bool(found.drive_mode & REVERSE) != motor.reverse:
        wanted = "reverse" if motor.reverse else "normal"
        wrong.append(f"{who} turns the other way: drive mode {found.drive_mode}, expected {wanted}")
    second = NO_SECONDARY_ID if motor.shadows is None else motor.shadows
    if (found.secondary_id if found.secondary_id <= 252 else NO_SECONDARY_ID) != second:
        wrong.append(f"{who} has secondary ID {found.secondary_id}, expected {second}")
    if found.min_position < motor.low or found.max_position > motor.high:
        wrong.append(
            f"{who} may turn from {found.min_position} to {found.max_position} ticks, expected "
            f"within {motor.low} to {motor.high}"
        )
    return wrong


def changes(before: Iterable[Fingerprint], now: Iterable[Fingerprint]) -> list[str]:
    """Say, one sentence each, how an arm differs from what it was when it was set up."""
    known = {each.id: each for each in before}
    different = []
    for found in now:
        kept = known.pop(found.id, None)
        if kept is None:
            different.append(f"motor {found.id} is new")
            continue
        for field in fields(Fingerprint):
            old, new = getattr(kept, field.name), getattr(found, field.name)
            if old != new:
                words = field.name.replace("_", " ")
                different.append(f"motor {found.id}: {words} was {old}, is {new}")
    return different + [f"motor {id_} is missing" for id_ in known]
