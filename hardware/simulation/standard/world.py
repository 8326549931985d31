"""The upstream environment as a world: its physics, reset and reward, and who touches what.

Steps straight through `gymnasium.Env.step`: no safety gate, so that what is measured is what the
environment's other users measure. Draws nothing by itself.
"""

import logging
from types import MappingProxyType
from typing import Any

import gym_aloha  # noqa: F401 - registers the two environments
import gymnasium
import mujoco
import numpy as np
from gym_aloha.constants import unnormalize_puppet_gripper_position
from jaxtyping import Float64

from hardware.aloha import ARMS, CONTROL_HZ
from hardware.interfaces import Action, JointMotion, JointPositions
from hardware.simulation.standard.task import STEPS, StandardTask

FULL_REWARD = 4.0
"""The environment's own success."""

_NO_PICTURES = MappingProxyType({"top": np.zeros((0, 0, 3), np.uint8)})


class StandardWorld:
    """One upstream environment, made by `gymnasium.make`.

    Its time limit is `STEPS`, and its task's `get_observation` is replaced, which would draw three
    480x640 pictures at every step whether or not anybody looks. That function feeds neither
    physics nor reset nor reward.
    """

    def __init__(self, task: StandardTask) -> None:
        self.task = task
        logging.getLogger("absl").setLevel(logging.WARNING)  # dm_control tells what it draws with
        self._gym = gymnasium.make(
            task.id, obs_type="pixels_agent_pos", max_episode_steps=STEPS, disable_env_checker=True
        )
        control: Any = self._gym.unwrapped._env  # noqa: SLF001 - the package offers no other way
        self.physics: Any = control.physics
        """The `dm_control` physics."""
        self._positions, self._speeds = control.task.get_qpos, control.task.get_qvel
        control.task.get_observation = self._observe
        self.model: mujoco.MjModel = self.physics.model.ptr
        self.data: mujoco.MjData = self.physics.data.ptr
        self._geoms = _Geoms(self.model, task)
        self._steps = 0
        self._reward = 0.0

    def _observe(self, physics: Any) -> dict[str, Any]:  # noqa: ANN401 - dm_control is untyped
        return {"qpos": self._positions(physics), "images": _NO_PICTURES}

    def reset(self, seed: int) -> None:
        """Start the episode of `seed`: the environment itself places its things by it."""
        self._gym.reset(seed=seed)
        self._steps, self._reward = 0, 0.0

    def step(self, action: Action) -> float:
        """Send `action` (14,) for one control tick; return the environment's reward, 0 to 4."""
        reward = self._gym.step(action)[1]
        self._steps += 1
        self._reward = float(reward)
        return self._reward

    def move_arms(self, positions: JointPositions) -> None:
        """Put both arms at `positions` (14,), at rest. For demonstrations from disturbed starts."""
        values: list[float] = []
        for own in np.split(positions.astype(np.float64), len(ARMS)):
            finger = unnormalize_puppet_gripper_position(own[-1])
            values += [*own[:-1], finger, -finger]
        self.data.qpos[: len(values)] = self.data.ctrl[:] = values
        self.data.qvel[: len(values)] = 0.0
        self.physics.forward()

    def put(self, thing: str, position: Float64[np.ndarray, "3"]) -> None:
        """Lay `thing` somewhere else, as it lay at the start, at rest. For demonstrations, too."""
        joint = self.model.body(thing).jntadr[0]
        first, speed = self.model.jnt_qposadr[joint], self.model.jnt_dofadr[joint]
        self.data.qpos[first : first + 7] = [*position, 1.0, 0.0, 0.0, 0.0]
        self.data.qvel[speed : speed + 6] = 0.0
        self.physics.forward()

    @property
    def steps(self) -> int:
        """Control ticks since the reset."""
        return self._steps

    @property
    def reward(self) -> float:
        """That of the last step."""
        return self._reward

    def now(self) -> float:
        """Seconds since the reset."""
        return self._steps / CONTROL_HZ

    @property
    def state(self) -> JointPositions:
        """The environment's `agent_pos`, shape (14,): radians, grippers 0 (closed) to 1 (open)."""
        return np.asarray(self._positions(self.physics), np.float32)

    @property
    def motion(self) -> JointMotion:
        """How both arms move and what their motors give, shape (14,) each.

        Forces are in newton metres; a gripper's is that of one finger, in newtons.
        """
        forces = np.asarray(self.data.actuator_force, np.float32).reshape(len(ARMS), -1)
        speeds = np.asarray(self._speeds(self.physics), np.float32)
        return JointMotion(speeds, forces[:, : len(speeds) // len(ARMS)].reshape(-1))

    def position(self, thing: str) -> Float64[np.ndarray, "3"]:
        """Middle of a thing in metres, in the world's frame."""
        return np.array(self.data.body(thing).xpos)

    def rotation(self, thing: str) -> Float64[np.ndarray, "3 3"]:
        """World from thing."""
        return np.array(self.data.body(thing).xmat).reshape(3, 3)

    def fingers_on(self, arm: str, thing: str) -> int:
        """How many of the two fingers of `arm` touch `thing`."""
        owned = self._geoms.of_thing[thing]
        return sum(self._touching(np.array([finger]), owned) for finger in self._geoms.fingers[arm])

    def arm_on(self, arm: str, thing: str) -> bool:
        """Whether any part of `arm` touches `thing`."""
        return self._touching(self._geoms.of_arm[arm], self._geoms.of_thing[thing])

    def on_table(self, thing: str) -> bool:
        """Whether `thing` touches the table."""
        return self._touching(self._geoms.table, self._geoms.of_thing[thing])

    def _touching(self, some: np.ndarray, others: np.ndarray) -> bool:
        pairs = self.data.contact.geom
        first, second = pairs[:, 0], pairs[:, 1]
        there = np.isin(first, some) & np.isin(second, others)
        back = np.isin(second, some) & np.isin(first, others)
        return bool((there | back).any())

    def close(self) -> None:
        """Let go of the environment. Safe to call twice."""
        self._gym.close()


class _Geoms:
    """Numbers of the geoms that contacts are asked for."""

    def __init__(self, model: mujoco.MjModel, task: StandardTask) -> None:
        names = [model.geom(number).name for number in range(model.ngeom)]
        arms = ("left", "right")
        self.table = np.array([names.index("table")])
        self.of_arm = {
            arm: np.array([i for i, name in enumerate(names) if name.startswith(f"vx300s_{arm}/")])
            for arm in arms
        }
        self.fingers = {
            arm: [names.index(f"vx300s_{arm}/10_{side}_gripper_finger") for side in arms]
            for arm in arms
        }
        bodies = {thing: model.body(thing).id for thing in task.things}
        self.of_thing = {
            thing: np.flatnonzero(model.geom_bodyid == body) for thing, body in bodies.items()
        }
