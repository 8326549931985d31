"""A simulated world in real time: physics at the speed of the clock, pictures kept fresh."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import mujoco
import numpy as np

from hardware.interfaces import Frame, HardwareError
from hardware.simulation.renderer import Renderer
from hardware.simulation.world import TICK_SECS, World

FIRST_FRAME_SECS = 20.0
"""How long the first picture of each camera may take; a busy machine compiles shaders slowly."""

WORST_LAG_SECS = 0.1
"""Physics that is later than this lets the lost time go instead of running after it."""


class LiveWorld:
    """Two threads beside a `World`: one steps its physics, one draws its cameras in turn.

    Runs while at least one device is attached. When the machine is too slow, simulated time
    passes more slowly and pictures come less often; neither piles up work.
    """

    def __init__(
        self, world: World, cameras: Sequence[str], *, height: int, width: int, fps: int | float
    ) -> None:
        self.world = world
        self._cameras = tuple(cameras)
        self._height, self._width = height, width
        self._fps = fps
        self._users = 0
        self._door = threading.Lock()
        self._stop = threading.Event()
        self._drawn = threading.Event()
        self._frames: dict[str, Frame] = {}
        self._executor: ThreadPoolExecutor | None = None
        self._futures: list[Future[None]] = []
        self._skipped_ticks = 0

    @property
    def skipped_ticks(self) -> int:
        """Control ticks of physics let go because the machine was late."""
        return self._skipped_ticks

    def attach(self) -> None:
        """One more device needs the world; the first one starts it."""
        with self._door:
            self._users += 1
            if self._users == 1:
                self._start()

    def detach(self) -> None:
        """One device fewer; the last one stops the threads and waits for their end."""
        with self._door:
            self._users = max(self._users - 1, 0)
            if self._users == 0 and self._executor is not None:
                self._stop.set()
                self._executor.shutdown(wait=True)
                self._executor = None

    def _start(self) -> None:
        self._stop.clear()
        self._drawn.clear()
        self._frames = {}
        self._executor = ThreadPoolExecutor(2, thread_name_prefix="simulation")
        self._futures = [self._executor.submit(self._step)]
        if self._cameras:
            self._futures.append(self._executor.submit(self._draw))

    def check(self) -> None:
        """Raise `HardwareError` if the simulation has died or was never started."""
        if self._executor is None:
            raise HardwareError("The simulated world stands still. Enter the Robot before use.")
        for future in self._futures:
            if future.done() and (error := future.exception()) is not None:
                raise HardwareError(f"The simulated world stopped: {error}") from error

    def newest(self, camera: str) -> Frame:
        """Return the newest picture of `camera`; waits only for the very first ones."""
        deadline = time.monotonic() + FIRST_FRAME_SECS
        while not self._drawn.wait(0.05):
            self.check()
            if time.monotonic() > deadline:
                raise HardwareError(f"Camera {camera!r} has drawn nothing in {FIRST_FRAME_SECS} s.")
        self.check()
        return self._frames[camera]

    def _step(self) -> None:
        deadline = time.monotonic()
        while not self._stop.is_set():
            self.world.step_tick()
            deadline += TICK_SECS
            late = time.monotonic() - deadline
            if late > WORST_LAG_SECS:
                skipped = int(late / TICK_SECS)
                self._skipped_ticks += skipped
                deadline += skipped * TICK_SECS
            self._stop.wait(max(deadline - time.monotonic(), 0.0))

    def _draw(self) -> None:
        renderer = Renderer(self.world.model)
        try:
            self._draw_with(renderer)
        finally:
            renderer.close()

    def _draw_with(self, renderer: Renderer) -> None:
        model = self.world.model
        snapshot = mujoco.MjData(model)
        period = 1 / (self._fps * len(self._cameras))
        deadline = time.monotonic()
        turn = 0
        while not self._stop.is_set():
            camera = self._cameras[turn % len(self._cameras)]
            captured_at = self._copy_state(snapshot)
            image = renderer.render(snapshot, camera, height=self._height, width=self._width)
            self._frames[camera] = Frame(image, captured_at)
            turn += 1
            if turn == len(self._cameras):
                self._drawn.set()
            deadline = max(deadline + period, time.monotonic() - period)
            self._stop.wait(max(deadline - time.monotonic(), 0.0))

    def _copy_state(self, snapshot: mujoco.MjData) -> float:
        with self.world.lock:
            np.copyto(snapshot.qpos, self.world.data.qpos)
            captured_at = time.monotonic()
            mujoco.mj_kinematics(self.world.model, snapshot)
            mujoco.mj_camlight(self.world.model, snapshot)
        return captured_at
