"""Pictures of the upstream environment: cheap ones by default, its own stock ones on request.

How the cheap picture differs from the stock one: no shadows, reflections, skybox or multisampling,
and arm and table meshes with about a third of the triangles (hardware/light_meshes.py). Place,
angle, lights and colours are the environment's own. The wrist cameras are ours, for the
environment's (20 degrees wide) show nothing but the gripper; in stock pictures they are its own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import mujoco
from gym_aloha.constants import ASSETS_DIR

from hardware.aloha import ARMS
from hardware.aloha_model import gripper_body
from hardware.interfaces import Image
from hardware.light_meshes import draw_light_meshes
from hardware.simulation.renderer import MAX_HEIGHT, MAX_WIDTH, Renderer
from hardware.simulation.standard.task import TRANSFER
from hardware.simulation.standard.world import StandardWorld

UPSTREAM: Mapping[str, str] = MappingProxyType(
    {
        "cam_high": "top",
        "cam_low": "angle",
        "cam_left_wrist": "left_wrist",
        "cam_right_wrist": "right_wrist",
    }
)
"""The environment's camera for each of ours, in stock pictures."""

_OURS = MappingProxyType(
    {"cam_high": "top", "cam_low": "angle"} | {f"cam_{arm}_wrist": f"{arm}_wide" for arm in ARMS}
)


@runtime_checkable
class Drawing(Protocol):
    """Draws what a camera of the ALOHA sees."""

    def picture(self, camera: str, *, height: int, width: int) -> Image:
        """Return what `camera` sees now; shape (height, width, 3)."""

    def close(self) -> None:
        """Give back what drawing needed."""


class CheapDrawing:
    """Draws from a copy of the model that nothing but pictures is made of."""

    def __init__(self, world: StandardWorld) -> None:
        self._world = world
        self._model = _drawn_model(world)
        self._data = mujoco.MjData(self._model)
        self._renderer = Renderer(self._model)

    def picture(self, camera: str, *, height: int, width: int) -> Image:
        """Return what `camera` sees now; shape (height, width, 3)."""
        self._data.qpos[:] = self._world.data.qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        name = _camera(_OURS, camera)
        return self._renderer.render(self._data, name, height=height, width=width)

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()


class StockDrawing:
    """Draws what the environment's own `physics.render` does, byte for byte. Ten times the cost."""

    def __init__(self, world: StandardWorld) -> None:
        self._world = world
        self._renderer = _StockRenderer(world.model)

    def picture(self, camera: str, *, height: int, width: int) -> Image:
        """Return what `camera` sees now; shape (height, width, 3), up to 480x640."""
        data, name = self._world.data, _camera(UPSTREAM, camera)
        return self._renderer.render(data, name, height=height, width=width)

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()


class _StockRenderer(Renderer):
    def __init__(self, model: mujoco.MjModel) -> None:
        super().__init__(model)
        flags = mujoco.mjtRndFlag
        for on in (flags.mjRND_SHADOW, flags.mjRND_REFLECTION, flags.mjRND_SKYBOX):
            self._scene.flags[on] = 1
        self._scene.flags[flags.mjRND_HAZE] = 1  # fog is off in MuJoCo's defaults, too


def _camera(names: Mapping[str, str], camera: str) -> str:
    if camera not in names:
        raise ValueError(f"The standard tasks have cameras {list(names)}, got {camera!r}.")
    return names[camera]


def _drawn_model(world: StandardWorld) -> mujoco.MjModel:
    kind = "transfer_cube" if world.task is TRANSFER else "insertion"
    spec = mujoco.MjSpec.from_file(str(ASSETS_DIR / f"bimanual_viperx_{kind}.xml"))
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = 0
    spec.visual.map.znear = 0.01  # a wrist camera looks at fingers that the stock near plane cuts
    visual = getattr(spec.visual, "global")
    visual.offwidth, visual.offheight = MAX_WIDTH, MAX_HEIGHT
    for arm in ARMS:
        # Before the gripper's bar, looking at the finger tips: x is right and y up in the picture.
        camera = spec.body(gripper_body(arm)).add_camera(
            name=f"{arm}_wide", pos=(0.035, 0.0, 0.105), fovy=72
        )
        camera.alt.type = mujoco.mjtOrientation.mjORIENTATION_XYAXES
        camera.alt.xyaxes = [0.0, -1.0, 0.0, 0.105, 0.0, 0.13]
    draw_light_meshes(spec, ASSETS_DIR)
    return spec.compile()
