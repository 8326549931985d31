"""The things on the simulated table as plain solids, for a view that draws them itself."""

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np
from jaxtyping import Float64

from hardware.simulation.world import World

Form = Literal["box", "cylinder", "ball"]

FORMS: dict[int, Form] = {
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "ball",
}
"""What MuJoCo's kinds of geoms are; others are shown by the box around them."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A thing or a part of one, where it is now."""

    thing: str
    """Name of what it belongs to."""
    form: Form
    half_sizes: Float64[np.ndarray, "3"]
    """Along its own axes, metres; a cylinder stands along z."""
    position: Float64[np.ndarray, "3"]
    """Of its middle, metres."""
    quaternion: Float64[np.ndarray, "4"]
    """World from its own frame, as w, x, y, z."""
    colour: tuple[float, float, float]
    """Red, green, blue in 0..1."""


def solids(world: World) -> list[Solid]:
    """Everything set out in `world`, fixtures with all their parts. From any thread."""
    with world.lock:
        names = {thing.name for thing in world.things}
        return [
            _solid(world, geom, label) for geom, label in enumerate(world.labels) if label in names
        ]


def _solid(world: World, geom: int, thing: str) -> Solid:
    model, data = world.model, world.data
    form = FORMS.get(int(model.geom_type[geom]), "box")
    middle, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    turn = data.geom_xmat[geom].reshape(3, 3)
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, data.geom_xmat[geom])
    red, green, blue = (float(share) for share in model.geom_rgba[geom, :3])
    position = data.geom_xpos[geom] + turn @ middle
    return Solid(thing, form, half.copy(), position, quaternion, (red, green, blue))
