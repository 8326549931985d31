"""How well an episode was recorded: figures, and a verdict in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from recordings.motion import Motion

MISSED_SHARE = 0.02
"""Share of control ticks whose loss LeRobot's documentation calls expected."""
RATE_SHARE = 0.95
STANDSTILL_SECS = 0.5
BY_CAMERA = ("duplicated", "dropped", "standstill_secs")
ALWAYS = ("rate_hz", "late_p99_secs", "missed_ticks", "not_sent")
"""Numbers that every card has."""


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality card of one episode."""

    rate_hz: float
    """Control ticks per second, measured."""
    late_p99_secs: float
    missed_ticks: int
    duplicated: Mapping[str, int]
    """Rows that show the same picture as the row before, by camera."""
    dropped: Mapping[str, int]
    """Pictures that the encoder was too slow for, by camera."""
    standstill_secs: Mapping[str, float]
    """Longest age of a picture when it was stored, by camera."""
    not_sent: int
    """Rows whose action was not sent at that tick but repeats the last one sent."""
    verdict: str
    """`good` or `poor`."""
    reason: str
    """What makes it poor; empty when good."""
    jitter_secs: float | None = None
    """This and the others are of `Motion`; None in cards that are older than it."""
    skew_secs: float | None = None
    still_start_secs: float | None = None
    jerk: float | None = None
    saturated_share: float | None = None
    intervened_share: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Quality":
        """Rebuild from `to_json`. Raises `ValueError` naming what is missing, unknown or wrong."""
        wrong = [f"{name}: {v!s:.80}" for name, v in fields.items() if not _can_be(name, v)]
        if wrong:
            raise ValueError(
                f"Not a quality card: expected a verdict and a reason in words, and numbers, got "
                f"{'; '.join(wrong[:3])}."
            )
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"Not a quality card: {error}.") from error


def _can_be(name: str, value: object) -> bool:
    """Whether `value` can be what a card says under `name`."""
    if name in ("verdict", "reason"):
        return isinstance(value, str)
    if name in BY_CAMERA:
        return isinstance(value, Mapping) and all(map(_is_number, value.values()))
    return _is_number(value) or (name not in ALWAYS and value is None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(slots=True)
class QualityCount:
    """Gathers what a quality card says while the episode is recorded."""

    control_hz: float
    ticks: int = 0
    missed: int = 0
    not_sent: int = 0
    late: list[float] = field(default_factory=list)
    duplicated: dict[str, int] = field(default_factory=dict)
    standstill: dict[str, float] = field(default_factory=dict)
    first_secs: float = 0.0
    last_secs: float = 0.0
    motion: Motion | None = None
    """Once all rows are there."""

    def see_tick(self, timestamp: float, late_secs: float) -> None:
        """Count one turn of the control loop."""
        if self.ticks == 0:
            self.first_secs = timestamp
        self.last_secs = timestamp
        self.ticks += 1
        self.late.append(late_secs)

    def see_picture(self, camera: str, age_secs: float, *, same: bool) -> None:
        """Count one stored picture, `age_secs` old; `same` as the row before or new."""
        self.duplicated[camera] = self.duplicated.get(camera, 0) + same
        self.standstill[camera] = max(self.standstill.get(camera, 0.0), age_secs)

    def card(self, dropped: Mapping[str, int]) -> Quality:
        """Judge the episode."""
        secs = self.last_secs - self.first_secs
        rate = (self.ticks - 1) / secs if secs > 0 else self.control_hz
        late = float(np.percentile(self.late, 99)) if self.late else 0.0
        reasons = self._reasons(rate, late, dropped)
        return Quality(
            rate_hz=rate,
            late_p99_secs=late,
            missed_ticks=self.missed,
            duplicated=dict(self.duplicated),
            dropped=dict(dropped),
            standstill_secs=dict(self.standstill),
            not_sent=self.not_sent,
            verdict="poor" if reasons else "good",
            reason=" ".join(reasons),
            **(asdict(self.motion) if self.motion else {}),
        )

    def _reasons(self, rate: float, late: float, dropped: Mapping[str, int]) -> list[str]:
        reasons = []
        if self.missed > MISSED_SHARE * (self.ticks + self.missed):
            reasons.append(f"{self.missed} of {self.ticks + self.missed} ticks were missed.")
        if rate < RATE_SHARE * self.control_hz:
            reasons.append(f"The loop ran at {rate:.1f} Hz instead of {self.control_hz:g}.")
        if late > 1 / self.control_hz:
            reasons.append(f"1% of the ticks were more than {late * 1000:.0f} ms late.")
        for camera, count in dropped.items():
            if count:
                reasons.append(f"{count} pictures of {camera} were dropped: encoding fell behind.")
        for camera, age in self.standstill.items():
            if age > STANDSTILL_SECS:
                reasons.append(f"{camera} stood still for {age:.1f} s.")
        return reasons
