"""The crank that turns a gripper motor's angle into the travel of its fingers. Knows no motor."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Linkage:
    """A slider crank: a horn on the motor, a rod to each finger, which slides across.

    With `rod` 0 the opening goes with the motor's angle instead of the fingers' travel.
    """

    horn: float
    """Metres from the motor's axis to the rod."""
    rod: float
    """Metres."""
    closed: float
    """Angle of the motor in radians at opening 0."""
    open: float
    """Angle of the motor in radians at opening 1."""

    def __post_init__(self) -> None:
        if not self.closed < self.open:
            raise ValueError(
                f"A gripper opens with its motor's angle; got {self.closed} closed, {self.open} "
                f"open. Reverse the motor's drive mode instead."
            )
        if self.rod and not 0 < self.horn < self.rod:
            raise ValueError(
                f"A slider crank needs 0 < horn < rod, got {self.horn} and {self.rod} metres."
            )

    def travel(self, angle: float | int) -> float:
        """Metres of a finger from the middle, at an angle of the motor in radians.

        r sin(a) + sqrt(l^2 - r^2 cos^2(a)), r the horn and l the rod: the slider crank's law.
        """
        side = self.horn * math.cos(angle)
        return self.horn * math.sin(angle) + math.sqrt(self.rod**2 - side**2)

    def angle_at(self, travel: float | int) -> float:
        """The inverse of `travel`, in radians."""
        cosine = (self.horn**2 + travel**2 - self.rod**2) / (2 * self.horn * travel)
        return math.pi / 2 - math.acos(min(max(cosine, -1.0), 1.0))

    def opening(self, angle: float | int) -> float:
        """How far the gripper is open at a motor angle in radians: 0 closed, 1 open."""
        if not self.rod:
            return float((angle - self.closed) / (self.open - self.closed))
        low, high = self.travel(self.closed), self.travel(self.open)
        return (self.travel(angle) - low) / (high - low)

    def angle(self, opening: float | int) -> float:
        """The motor angle in radians for an opening, which is kept within 0 to 1."""
        share = min(max(float(opening), 0.0), 1.0)
        if not self.rod:
            return self.closed + share * (self.open - self.closed)
        low, high = self.travel(self.closed), self.travel(self.open)
        return self.angle_at(low + share * (high - low))
