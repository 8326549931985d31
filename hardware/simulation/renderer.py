"""Pictures of a MuJoCo state, as cheaply as a software renderer can make them."""

import atexit
import os
import sys
import weakref
from collections.abc import Callable
from typing import Protocol, cast, runtime_checkable

import mujoco
import numpy as np
from jaxtyping import Int64

from hardware.interfaces import HardwareError, Image

MAX_HEIGHT, MAX_WIDTH = 960, 1280
"""Largest picture in pixels, the size of the off-screen buffer."""


@runtime_checkable
class OpenGL(Protocol):
    """An off-screen OpenGL context of any of MuJoCo's backends."""

    def make_current(self) -> None:
        """Draw here from now on, in the calling thread."""

    def free(self) -> None:
        """Give it back."""


class Renderer:
    """One OpenGL context and what it draws into.

    Must be made, used and closed in one thread, for an OpenGL context belongs to its thread.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._gl = _make_gl_context()
        self._gl.make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, maxgeom=200)
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        flags = mujoco.mjtRndFlag
        for costly in (
            flags.mjRND_SHADOW,
            flags.mjRND_REFLECTION,
            flags.mjRND_SKYBOX,
            flags.mjRND_HAZE,
            flags.mjRND_FOG,
        ):
            self._scene.flags[costly] = 0
        # Freed at the latest before the interpreter ends, for EGL cannot be asked after that.
        self._free = weakref.finalize(self, _free, self._gl, self._context)
        self._free.atexit = False  # that may come after EGL's own end, whose turn is fixed
        atexit.register(self._free)

    def close(self) -> None:
        """Give the context back."""
        self._free()

    def render(self, data: mujoco.MjData, camera: str, *, height: int, width: int) -> Image:
        """Draw what `camera` sees; shape (height, width, 3)."""
        self._draw(data, camera, height, width)
        return self._read(height, width)

    def segment(
        self, data: mujoco.MjData, camera: str, *, height: int, width: int
    ) -> Int64[np.ndarray, "height width"]:
        """Number of the geom seen at each pixel, -1 where none is."""
        flags = mujoco.mjtRndFlag
        self._scene.flags[flags.mjRND_SEGMENT] = 1
        self._scene.flags[flags.mjRND_IDCOLOR] = 1
        try:
            self._draw(data, camera, height, width)
        finally:
            self._scene.flags[flags.mjRND_SEGMENT] = 0
            self._scene.flags[flags.mjRND_IDCOLOR] = 0
        channels = self._read(height, width).astype(np.int64)
        segment = channels[..., 0] | channels[..., 1] << 8 | channels[..., 2] << 16
        lookup = np.full(self._scene.ngeom + 1, -1, np.int64)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM and geom.segid >= 0:
                lookup[geom.segid + 1] = geom.objid
        return np.take(lookup, segment)

    def _draw(self, data: mujoco.MjData, camera: str, height: int, width: int) -> None:
        if not (0 < height <= MAX_HEIGHT and 0 < width <= MAX_WIDTH):
            raise ValueError(
                f"A picture may have up to {MAX_HEIGHT}x{MAX_WIDTH} pixels, got {height}x{width}."
            )
        self._gl.make_current()
        self._camera.fixedcamid = self._camera_number(camera)
        mujoco.mjv_updateScene(
            self._model,
            data,
            self._option,
            None,
            self._camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        mujoco.mjr_render(mujoco.MjrRect(0, 0, width, height), self._scene, self._context)

    def _read(self, height: int, width: int) -> Image:
        pixels = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, mujoco.MjrRect(0, 0, width, height), self._context)
        return np.ascontiguousarray(pixels[::-1])  # OpenGL counts rows from the bottom

    def _camera_number(self, camera: str) -> int:
        number = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        if number < 0:
            known = [self._model.camera(i).name for i in range(self._model.ncam)]
            raise ValueError(f"The scene has cameras {known}, got {camera!r}.")
        return int(number)


def _free(gl: OpenGL, context: mujoco.MjrContext) -> None:
    gl.make_current()
    context.free()
    gl.free()


def _make_gl_context() -> OpenGL:
    try:
        kind = _gl_context_class()
        setattr(kind, "_context", None)  # noqa: B010 - its __del__ reads it though it was never made
        return kind(MAX_WIDTH, MAX_HEIGHT)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise HardwareError(
            f"Cannot draw the simulated cameras: no off-screen OpenGL ({error}). "
            "On Debian or Ubuntu run: sudo apt-get install libegl1 libgl1-mesa-dri"
        ) from error


def _gl_context_class() -> Callable[[int, int], OpenGL]:
    if "MUJOCO_GL" in os.environ or sys.platform != "linux":
        return cast(Callable[[int, int], OpenGL], mujoco.GLContext)
    # Without that variable MuJoCo would take GLFW on Linux, which needs a screen.
    from mujoco.egl import GLContext  # noqa: PLC0415 - fails where EGL is not installed

    return cast(Callable[[int, int], OpenGL], GLContext)
