"""Who touches what in the simulated world, by the names of arms and things."""

from dataclasses import dataclass

import numpy as np

from hardware.simulation.scene import finger_label
from hardware.simulation.world import World

SIDES = ("left", "right")
"""Of a gripper: its two fingers."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """The pairs that touch at one moment, each also the other way round."""

    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, world: World) -> "Contacts":
        """Read the contacts of `world` now."""
        with world.lock:
            labels = world.labels
            touching = np.array(world.data.contact.geom).reshape(-1, 2).tolist()
        named = {(labels[first], labels[second]) for first, second in touching}
        return cls(frozenset(named | {(second, first) for first, second in named}))

    def fingers_on(self, arm: str, thing: str) -> int:
        """How many of the two fingers of `arm` touch `thing`."""
        return sum((thing, finger_label(arm, side)) in self.pairs for side in SIDES)

    def touches(self, arm: str, thing: str) -> bool:
        """Whether any part of `arm` touches `thing`."""
        return (thing, arm) in self.pairs or self.fingers_on(arm, thing) > 0

    def arm_on_table(self, arm: str) -> bool:
        """Whether any part of `arm` touches the table."""
        return self.touches(arm, "table")

    def touched(self, arm: str) -> frozenset[str]:
        """Everything that any part of `arm` touches, itself left out."""
        own = {arm, *(finger_label(arm, side) for side in SIDES)}
        return frozenset(second for first, second in self.pairs if first in own) - own

    def supports(self, thing: str) -> frozenset[str]:
        """What `thing` touches apart from arms: the table and other things."""
        return frozenset(
            second
            for first, second in self.pairs
            if first == thing and second and not second.startswith(("left", "right"))
        )

    def supported(self, thing: str) -> bool:
        """Whether `thing` stands on the table or touches another thing."""
        return bool(self.supports(thing))
