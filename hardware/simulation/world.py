"""The simulated world: arms, things on a table, physics, pictures. Knows no task, no driver."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType

import mujoco
import numpy as np
from jaxtyping import Float64, Int64

from hardware.aloha import ARM_WIDTH, ARMS, CONTROL_HZ, START, arm_slice
from hardware.aloha_model import FINGER_CLOSED, FINGER_OPEN, tip_site
from hardware.interfaces import Image, JointMotion, JointPositions
from hardware.simulation.layout import Layout, draw_layout, upright
from hardware.simulation.look import Look
from hardware.simulation.renderer import Renderer
from hardware.simulation.scene import Slot, aloha_scene
from hardware.simulation.things import RGBA, Thing

TICK_SECS = 1 / CONTROL_HZ
SUBSTEPS = 10
"""Physics steps per control tick."""

FINGER_RANGE = FINGER_OPEN - FINGER_CLOSED


class World:
    """A simulated ALOHA at a table on which a layout sets things out.

    A `Clock` in lockstep: `now` is simulated time and `wait_until` computes physics, so that a
    control loop runs as fast as the machine can. Physics is deterministic in the seed of `reset`.
    `positions`, `command` and `step_tick` may be called from any thread; pictures belong to the
    thread that asked for the first one.
    """

    def __init__(self, seed: int = 0) -> None:
        self.scene = aloha_scene()
        self.data = mujoco.MjData(self.model)
        self.lock = threading.RLock()
        """Held while `data` changes."""
        self._renderer: Renderer | None = None
        self._ticks = 0
        self._reset_at = 0
        self._resets = 0
        self._slots: dict[str, Slot] = {}
        self._layout = draw_layout("blocks", seed)
        self._labels: list[str] = []
        self._numbers = np.zeros(0, np.int64)
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

    @property
    def model(self) -> mujoco.MjModel:
        """Of this world alone; a layout changes colours, light and fixtures in it."""
        return self.scene.model

    @property
    def layout(self) -> Layout:
        """What was set out last, where it was then."""
        return self._layout

    @property
    def things(self) -> tuple[Thing, ...]:
        """What is on the table, in the order of `layout`."""
        return self._layout.things

    def present(self) -> Layout:
        """The layout with everything movable where it is now."""
        now = self.poses()
        poses = {thing: now.get(thing.name, pose) for thing, pose in self._layout.poses.items()}
        return replace(self._layout, poses=poses)

    @property
    def labels(self) -> list[str]:
        """Whose each geom is: a thing's name, "table", an arm, its finger, or nothing."""
        return self._labels

    def reset(self, seed: int, table: str = "blocks", *, start: JointPositions = START) -> None:
        """Put the arms at `start` (14,) and lay `table` out as `seed` says, all at rest."""
        self.set_out(draw_layout(table, seed), start=start)

    def set_out(self, layout: Layout, *, start: JointPositions = START) -> None:
        """Put the arms at `start` (14,) and everything of `layout` in its place, all at rest.

        Raises `ValueError` if the layout has more of a shape than the stock.
        """
        slots = _assigned(layout, self.scene.slots)
        with self.lock:
            self._layout, self._slots = layout, slots
            self._dress(layout.look)
            for thing, pose in layout.poses.items():
                slot = slots[thing.name]
                if slot.qpos is None:
                    self.model.body_pos[slot.body] = pose[:3]
                    self.model.body_quat[slot.body] = pose[3:]
            for slot in self.scene.slots["drawer"]:  # parked too: what was before leaves no trace
                self.data.qpos[slot.slide] = 0.0
            self.place(start, {t.name: pose for t, pose in layout.poses.items() if t.movable})

    def _dress(self, look: Look) -> None:
        """Colour and name what is set out; hide and park the rest."""
        look.apply(self.model)
        names = {
            id(slot): thing for thing, slot in zip(self.things, self._slots.values(), strict=True)
        }
        labels = dict(self.scene.arm_labels)
        numbers = np.zeros(self.model.ngeom, np.int64)
        for slot in (slot for shape in self.scene.slots.values() for slot in shape):
            thing = names.get(id(slot))
            self.model.geom_rgba[slot.geoms] = RGBA[thing.colour] if thing else 0.0
            if slot.slide is not None and thing is not None:
                self.model.geom_rgba[slot.geoms[-1]] = RGBA["dark"]  # its knob
            self.model.body_gravcomp[slot.body] = 0.0 if thing else 1.0
            if thing is not None:
                labels |= dict.fromkeys(slot.geoms.tolist(), thing.name)
                numbers[slot.geoms] = 1 + self.things.index(thing)
            elif slot.qpos is None:
                self.model.body_pos[slot.body] = slot.parked
            else:
                self.data.qpos[slot.qpos : slot.qpos + 7] = upright(*slot.parked)
        self._labels = [labels.get(number, "") for number in range(self.model.ngeom)]
        self._numbers = numbers

    def place(
        self,
        start: JointPositions,
        poses: Mapping[str, Float64[np.ndarray, "pose"]],
        *,
        drawer: int | float | None = None,
    ) -> None:
        """Set an exact state, at rest, the drawer `drawer` metres out, or as far as it was.

        `start` has shape (14,), in state units. Each named thing has x, y, z in metres and, if
        given, a turn about the vertical in radians or a unit quaternion w, x, y, z: shape (3,),
        (4,) or (7,). Things not named stay where they are.
        """
        if start.shape != START.shape:
            raise ValueError(f"A state has shape {START.shape}, got {start.shape}.")
        scene = self.scene
        movable = {n: slot.qpos for n, slot in self._slots.items() if slot.qpos is not None}
        unknown = [name for name in poses if name not in movable]
        if unknown:
            raise ValueError(f"On this table lie {list(movable)}, got {unknown}.")
        with self.lock:
            kept = self.data.qpos.copy()
            mujoco.mj_resetData(self.model, self.data)
            self.data.qpos[:] = kept
            for arm, values in enumerate(np.split(start.astype(np.float64), len(ARMS))):
                travel = FINGER_CLOSED + values[-1] * FINGER_RANGE
                self.data.qpos[scene.joint_qpos[arm]] = values[:-1]
                self.data.qpos[scene.finger_qpos[arm]] = travel, -travel
                self.data.ctrl[scene.arm_ctrl[arm]] = *values[:-1], travel, -travel
            for slot in self._slots.values():
                if slot.slide is not None and drawer is not None:
                    self.data.qpos[slot.slide] = drawer
            for name, pose in poses.items():
                address = movable[name]
                self.data.qpos[address : address + 7] = _whole(pose)
            mujoco.mj_forward(self.model, self.data)
            self._resets += 1
            self._reset_at = self._ticks

    def step_tick(self) -> None:
        """Compute one control tick of physics."""
        with self.lock:
            mujoco.mj_step(self.model, self.data, SUBSTEPS)
            self._ticks += 1

    def positions(self, arm: str) -> JointPositions:
        """Where `arm` is: six angles in radians and the gripper's opening 0..1, shape (7,)."""
        number = arm_slice(arm).start // ARM_WIDTH
        with self.lock:
            joints = self.data.qpos[self.scene.joint_qpos[number]]
            left, right = self.data.qpos[self.scene.finger_qpos[number]]
        opening = ((left - right) / 2 - FINGER_CLOSED) / FINGER_RANGE
        return np.array([*joints, opening], np.float32)

    def motion(self, arm: str) -> JointMotion:
        """How `arm` moves: per second, and what its motors give; shape (7,) each."""
        number, scene = arm_slice(arm).start // ARM_WIDTH, self.scene
        with self.lock:
            joints = self.data.qvel[scene.joint_dofs[number]]
            left, right = self.data.qvel[scene.finger_dofs[number]]
            *forces, finger, _ = self.data.actuator_force[scene.arm_ctrl[number]]
        speed = np.array([*joints, (left - right) / 2 / FINGER_RANGE], np.float32)
        return JointMotion(speed, np.array([*forces, finger], np.float32))

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
        """Middle of everything movable on the table, in metres, by name."""
        return {name: pose[:3] for name, pose in self.poses().items()}

    def poses(self) -> dict[str, Float64[np.ndarray, "7"]]:
        """Place in metres and unit quaternion w, x, y, z of everything movable, by name."""
        with self.lock:
            return {
                name: self.data.qpos[slot.qpos : slot.qpos + 7].copy()
                for name, slot in self._slots.items()
                if slot.qpos is not None
            }

    def drawer_opening(self) -> float:
        """How far the drawer is out, in metres; 0 if there is none."""
        with self.lock:
            slides = [slot.slide for slot in self._slots.values() if slot.slide is not None]
            return float(self.data.qpos[slides[0]]) if slides else 0.0

    def render(self, camera: str, height: int, width: int) -> Image:
        """Draw what `camera` sees now; shape (height, width, 3)."""
        with self.lock:
            return self._pictures().render(self.data, camera, height=height, width=width)

    def render_segmentation(
        self, camera: str, height: int, width: int
    ) -> Int64[np.ndarray, "height width"]:
        """Say what `camera` sees at each pixel: 0, or 1 + the number of the thing in `things`."""
        with self.lock:
            geoms = self._pictures().segment(self.data, camera, height=height, width=width)
            return np.take(np.append(self._numbers, 0), geoms)

    def _pictures(self) -> Renderer:
        if self._renderer is None:
            self._renderer = Renderer(self.model)
        return self._renderer


def _whole(pose: Float64[np.ndarray, "pose"]) -> Float64[np.ndarray, "7"]:
    """Complete a pose of three, four or seven numbers."""
    if len(pose) == 7:
        return pose
    x, y, z, *turn = (float(number) for number in pose)
    return upright(x, y, z, *turn)


def _assigned(layout: Layout, stock: Mapping[str, tuple[Slot, ...]]) -> dict[str, Slot]:
    """Which body of the stock is which thing, by its name."""
    free = {shape: list(slots) for shape, slots in stock.items()}
    slots = {}
    for thing in layout.poses:
        if not free.get(thing.shape):
            raise ValueError(
                f"The stock has {len(stock.get(thing.shape, ()))} of {thing.shape!r}, too few "
                f"for {[each.name for each in layout.poses]}. Shapes: {', '.join(stock)}."
            )
        slots[thing.name] = free[thing.shape].pop(0)
    return slots
