"""From a wanted gripper pose to the joints of one ALOHA arm. Knows no obstacles and no driver."""

import functools
import math
from dataclasses import dataclass

import mink
import mujoco
import numpy as np
from jaxtyping import Float64

from hardware.aloha import ARMS, CONTROL_HZ, JOINTS, MAX_JOINT_RATE
from hardware.aloha_model import aloha_spec, finger_names, joint_names, tip_site

SOLVER = "daqp"

RATE_SHARE = 0.9
"""Share of the joints' top speed that a step may use, so that the safety gate need not cut it."""


@dataclass(frozen=True, slots=True)
class TipPose:
    """Where the point between the finger pads is, and how the gripper is turned."""

    position: Float64[np.ndarray, "3"]
    """Metres in the world's frame."""
    rotation: Float64[np.ndarray, "3 3"]
    """World from gripper: the columns are the gripper's forward, left and up."""


class InverseKinematics:
    """Moves one arm's gripper towards a pose, inside joint limits and speeds.

    Not thread-safe: each driver has its own.
    """

    def __init__(self, arm: str, *, rate_hz: float = CONTROL_HZ) -> None:
        model = arm_model(arm)
        self._dt = 1 / rate_hz
        self._site = tip_site(arm)
        self._base = model.body(f"vx300s_{arm}").pos.copy()
        self._configuration = mink.Configuration(model)
        self._pose = mink.FrameTask(
            self._site, "site", position_cost=1.0, orientation_cost=0.15, lm_damping=1e-4
        )
        self._posture = mink.PostureTask(model, cost=[0, 0, 0, 2e-2, 0, 2e-3])
        self._posture.set_target(np.zeros(len(JOINTS)))
        top_speed = RATE_SHARE * MAX_JOINT_RATE
        self._limits = [
            mink.ConfigurationLimit(model),
            mink.VelocityLimit(model, dict.fromkeys(joint_names(arm), top_speed)),
        ]

    @property
    def base(self) -> Float64[np.ndarray, "3"]:
        """Where the arm stands on the table, metres."""
        return np.array(self._base)

    def tip(self, joints: Float64[np.ndarray, "joints"]) -> TipPose:
        """Pose of the gripper's tip at six angles in radians."""
        self._configuration.update(joints)
        site = self._configuration.data.site(self._site)
        return TipPose(np.array(site.xpos), np.array(site.xmat).reshape(3, 3))

    def step(
        self, joints: Float64[np.ndarray, "joints"], target: TipPose
    ) -> Float64[np.ndarray, "joints"]:
        """Return the angles one control tick nearer to `target`, from `joints` (6,)."""
        low, high = self._configuration.model.jnt_range.T
        self._configuration.update(np.clip(joints, low, high))
        goal = mink.SE3.from_rotation_and_translation(
            mink.SO3.from_matrix(target.rotation), target.position
        )
        self._pose.set_target(goal)
        velocity = mink.solve_ik(
            self._configuration,
            [self._pose, self._posture],
            self._dt,
            SOLVER,
            damping=1e-6,
            limits=self._limits,
        )
        reached = self._configuration.integrate(velocity, self._dt)
        return np.asarray(np.clip(reached, low, high), np.float64)

    def solve(
        self, joints: Float64[np.ndarray, "joints"], target: TipPose, *, tolerance: float = 1e-3
    ) -> Float64[np.ndarray, "joints"] | None:
        """Return angles that put the tip within `tolerance` metres of `target`, or None."""
        for _ in range(150):
            joints = self.step(joints, target)
            if math.dist(self.tip(joints).position, target.position) < tolerance:
                return joints
        return None

    def pointing(
        self, position: Float64[np.ndarray, "3"], pitch: float
    ) -> Float64[np.ndarray, "3 3"]:
        """Rotation of a level gripper that points away from the arm's base and `pitch` down.

        `pitch` is in radians: 0 is level, pi/2 straight down. Reached without turning forearm or
        wrist about their length, which keeps motions simple.
        """
        away = position - self._base
        heading = math.atan2(away[1], away[0])
        forward = np.array(
            [
                math.cos(heading) * math.cos(pitch),
                math.sin(heading) * math.cos(pitch),
                -math.sin(pitch),
            ]
        )
        left = np.array([-math.sin(heading), math.cos(heading), 0.0])
        return np.stack([forward, left, np.cross(forward, left)], axis=1)


@functools.cache
def arm_model(arm: str) -> mujoco.MjModel:
    """One arm alone as a bare chain of six joints; nothing to see or to touch."""
    spec = aloha_spec(surfaces=False)
    for actuator in spec.actuators:
        spec.delete(actuator)
    for name in finger_names(arm):
        spec.delete(spec.joint(name))
    for other in ARMS:
        if other != arm:
            spec.delete(spec.body(f"vx300s_{other}"))
    return spec.compile()
