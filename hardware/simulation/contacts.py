"""Who touches what in the simulated world, by the names of arms and cubes."""

from dataclasses import dataclass

from hardware.simulation.scene import CUBES, cube_geom
from hardware.simulation.world import World


@dataclass(frozen=True, slots=True)
class Contacts:
    """The pairs of geoms that touch at one moment."""

    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, world: World) -> "Contacts":
        """Read the contacts of `world` now."""
        model = world.scene.model
        with world.lock:
            touching = [
                (int(first), int(second))
                for contact in world.data.contact
                for first, second in [contact.geom]
            ]
        names = [(model.geom(first).name, model.geom(second).name) for first, second in touching]
        return cls(frozenset(names) | {(second, first) for first, second in names})

    def fingers_on(self, arm: str, cube: str) -> int:
        """How many of the two fingers of `arm` touch `cube`."""
        return sum(
            (cube_geom(cube), f"vx300s_{arm}/10_{side}_gripper_finger") in self.pairs
            for side in ("left", "right")
        )

    def touches(self, arm: str, cube: str) -> bool:
        """Whether any part of `arm` touches `cube`."""
        return any(
            first == cube_geom(cube) and second.startswith(f"vx300s_{arm}/")
            for first, second in self.pairs
        )

    def arm_on_table(self, arm: str) -> bool:
        """Whether any part of `arm` touches the table."""
        return any(
            first == "table" and second.startswith(f"vx300s_{arm}/") for first, second in self.pairs
        )

    def supported(self, cube: str) -> bool:
        """Whether `cube` stands on the table or on another cube."""
        others = {"table"} | {cube_geom(other) for other in CUBES}
        return any(first == cube_geom(cube) and second in others for first, second in self.pairs)
