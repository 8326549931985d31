"""The simulated world: two arms, four cubes, physics, pictures. Knows no task and no driver."""

import threading
from collections.abc import Mapping
from types import TracebackType

import mujoco
import numpy as np
from jaxtyping import Float64, Int64

from hardware.aloha import ARM_WIDTH, ARMS, CONTROL_HZ, START, arm_slice
from hardware.aloha_model import FINGER_CLOSED, FINGER_OPEN, tip_site
from hardware.interfaces import Image, JointPositions
from hardware.simulation.renderer import Renderer
from hardware.simulation.scene import CUBE_SIZE, CUBES, aloha_scene

TICK_SECS = 1 / CONTROL_HZ
SUBSTEPS = 10
"""Physics steps per control tick."""

REGION_LOW, REGION_HIGH = np.array([-0.10, 0.37]), np.array([0.10, 0.63])
"""Where cubes start: x and y in metres, reached by both arms."""

MIN_DISTANCE = 0.10
"""Between the centres of two cubes at the start, in metres."""

FINGER_RANGE = FINGER_OPEN - FINGER_CLOSED


class World:
    """A simulated ALOHA at a table with four cubes.

    A `Clock` in lockstep: `now` is simulated time and `wait_until` computes physics, so that a
    control loop runs as fast as the machine can. Physics is deterministic in the seed of `reset`.
    `positions`, `command` and `step_tick` may be called from any thread; pictures belong to the
    thread that asked for the first one.
    """

    def __init__(self, seed: int = 0) -> None:
        self.scene = aloha_scene()
        self.data = mujoco.MjData(self.scene.model)
        self.lock = threading.Lock()
        """Held while `data` changes."""
        self._renderer: Renderer | None = None
        self._ticks = 0
        self._reset_at = 0
        self._resets = 0
        self.reset(seed)

    def __enter__(self) -> "World":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the drawing context back; the next picture makes another."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def now(self) -> float:
        """Seconds simulated since this world was made; goes on over a `reset`."""
        return self._ticks * TICK_SECS

    @property
    def resets(self) -> int:
        """How often a state was set rather than computed: tells old pictures from new."""
        return self._resets

    @property
    def seconds_since_reset(self) -> float:
        """Seconds simulated since the last `reset` or `place`."""
        return (self._ticks - self._reset_at) * TICK_SECS

    def wait_until(self, deadline: float) -> None:
        """Compute physics until `deadline`."""
        while self.now() < deadline - 1e-9:
            self.step_tick()

    def reset(self, seed: int, *, start: JointPositions = START) -> None:
        """Put the arms at `start` (14,) and the cubes where `seed` says, all at rest."""
        self.place(start, draw_cubes(np.random.default_rng(seed)))

    def place(
        self, start: JointPositions, cubes: Mapping[str, Float64[np.ndarray, "pose"]]
    ) -> None:
        """Set an exact state, at rest.

        `start` has shape (14,), in state units. Each cube has x, y, z in metres and, if given, a
        turn about the vertical in radians or a unit quaternion w, x, y, z: shape (3,), (4,) or
        (7,). Cubes not named stay where they are.
        """
        if start.shape != START.shape:
            raise ValueError(f"A state has shape {START.shape}, got {start.shape}.")
        unknown = [name for name in cubes if name not in CUBES]
        if unknown:
            raise ValueError(f"The world has cubes {list(CUBES)}, got {unknown}.")
        scene = self.scene
        with self.lock:
            kept = self.data.qpos.copy()
            mujoco.mj_resetData(scene.model, self.data)
            self.data.qpos[:] = kept
            for arm, values in enumerate(np.split(start.astype(np.float64), len(ARMS))):
                travel = FINGER_CLOSED + values[-1] * FINGER_RANGE
                self.data.qpos[scene.joint_qpos[arm]] = values[:-1]
                self.data.qpos[scene.finger_qpos[arm]] = travel, -travel
                self.data.ctrl[scene.arm_ctrl[arm]] = *values[:-1], travel, -travel
            for name, pose in cubes.items():
                address = int(scene.cube_qpos[CUBES.index(name)])
                turn = float(pose[3]) / 2 if len(pose) == 4 else 0.0
                upright = np.array([np.cos(turn), 0, 0, np.sin(turn)])
                self.data.qpos[address : address + 3] = pose[:3]
                self.data.qpos[address + 3 : address + 7] = pose[3:] if len(pose) == 7 else upright
            mujoco.mj_forward(scene.model, self.data)
            self._resets += 1
            self._reset_at = self._ticks

    def step_tick(self) -> None:
        """Compute one control tick of physics."""
        with self.lock:
            mujoco.mj_step(self.scene.model, self.data, SUBSTEPS)
            self._ticks += 1

    def positions(self, arm: str) -> JointPositions:
        """Where `arm` is: six angles in radians and the gripper's opening 0..1, shape (7,)."""
        number = arm_slice(arm).start // ARM_WIDTH
        with self.lock:
            joints = self.data.qpos[self.scene.joint_qpos[number]]
            left, right = self.data.qpos[self.scene.finger_qpos[number]]
        opening = ((left - right) / 2 - FINGER_CLOSED) / FINGER_RANGE
        return np.array([*joints, opening], np.float32)

    def tip(self, arm: str) -> Float64[np.ndarray, "3"]:
        """Where the point between the finger pads of `arm` is, in metres."""
        with self.lock:
            return np.array(self.data.site(tip_site(arm)).xpos)

    def state(self) -> JointPositions:
        """Where both arms are, shape (14,)."""
        return np.concatenate([self.positions(arm) for arm in ARMS])

    def command(self, arm: str, values: JointPositions) -> None:
        """Set the targets of `arm`, shape (7,); physics moves it there."""
        number = arm_slice(arm).start // ARM_WIDTH
        if values.shape != (ARM_WIDTH,):
            raise ValueError(f"An arm takes {ARM_WIDTH} values, got shape {values.shape}.")
        travel = FINGER_CLOSED + float(values[-1]) * FINGER_RANGE
        with self.lock:
            self.data.ctrl[self.scene.arm_ctrl[number]] = *values[:-1], travel, -travel

    def object_positions(self) -> dict[str, Float64[np.ndarray, "3"]]:
        """Centre of each cube in metres."""
        with self.lock:
            return {
                name: self.data.qpos[start : start + 3].copy()
                for name, start in zip(CUBES, self.scene.cube_qpos, strict=True)
            }

    def render(self, camera: str, height: int, width: int) -> Image:
        """Draw what `camera` sees now; shape (height, width, 3)."""
        with self.lock:
            return self._pictures().render(self.data, camera, height=height, width=width)

    def render_segmentation(
        self, camera: str, height: int, width: int
    ) -> Int64[np.ndarray, "height width"]:
        """Say what `camera` sees at each pixel: 0, or 1 + the number of the cube in `CUBES`."""
        with self.lock:
            geoms = self._pictures().segment(self.data, camera, height=height, width=width)
        return np.take(np.append(self.scene.geom_labels, 0), geoms)

    def _pictures(self) -> Renderer:
        if self._renderer is None:
            self._renderer = Renderer(self.scene.model)
        return self._renderer


def draw_cubes(rng: np.random.Generator) -> dict[str, Float64[np.ndarray, "4"]]:
    """Draw a place on the table for every cube: x, y, z and turn, no two closer than allowed."""
    low, high = REGION_LOW, REGION_HIGH
    while True:
        spots = rng.uniform(low, high, (len(CUBES), 2))
        gaps = np.linalg.norm(spots[:, None] - spots[None], axis=-1)
        if gaps[np.triu_indices(len(CUBES), 1)].min() >= MIN_DISTANCE:
            break
    turns = rng.uniform(-0.15, 0.15, len(CUBES))
    return {
        name: np.array([x, y, CUBE_SIZE / 2, turn])
        for name, (x, y), turn in zip(CUBES, spots, turns, strict=True)
    }
