"""The nouns every package shares, and what a device, a clock or an agent must be able to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

JointPositions: TypeAlias = Float32[np.ndarray, "joints"]
"""One value per state channel, in `Embodiment` order: radians, grippers 0 (closed) to 1 (open)."""

Action: TypeAlias = Float32[np.ndarray, "joints"]
"""Targets for the next control tick, in `Embodiment` action order and units."""

Image: TypeAlias = UInt8[np.ndarray, "height width 3"]
"""RGB pixels."""


Depth: TypeAlias = Float32[np.ndarray, "height width"]
"""Metres along the optical axis, pixel for pixel with its image; 0 where nothing was measured."""


class HardwareError(Exception):
    """A device is missing, silent, or refused a command."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and when it was taken."""

    image: Image
    captured_at: float
    """Seconds on the robot's clock, when the light fell on the sensor."""
    stale: bool = False
    """The camera has stalled or is gone: it should have sent a newer picture and did not."""
    depth: Depth | None = None
    """How far each pixel is, from a camera that measures it and was asked to."""


@dataclass(frozen=True, slots=True)
class JointMotion:
    """How joints move and what they bear, in the order of their positions."""

    velocity: JointPositions
    """Radians a second; of a gripper, shares of its opening a second."""
    effort: JointPositions
    """As the motors measure it, and only to be compared with the same arm's: newton metres of
    simulated joints (newtons of a gripper's finger), amperes of DYNAMIXEL motors (the share of full
    load of those that do not measure current)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the robot felt and saw at one moment."""

    timestamp: float
    """Seconds on the robot's clock, taken when the joints were read."""
    state: JointPositions
    frames: Mapping[str, Frame]
    """The newest frame of each camera, by camera name."""
    motion: JointMotion | None = None
    """Of every state channel, when the joints were read; None unless all arms measure it."""


@runtime_checkable
class Device(Protocol):
    """Something that must be opened before use and closed after."""

    def connect(self) -> None:
        """Open the device. Raises `HardwareError` saying what to check."""

    def disconnect(self) -> None:
        """Leave the device safe and closed. Safe to call twice; never raises."""


@runtime_checkable
class Camera(Device, Protocol):
    """A colour camera."""

    def read_latest(self) -> Frame:
        """Return the newest frame without waiting. Raises `HardwareError` if there is none."""


@runtime_checkable
class Arm(Device, Protocol):
    """One arm with its gripper, leader or follower."""

    def read_positions(self) -> JointPositions:
        """Return where the joints are now: radians, gripper 0 (closed) to 1 (open)."""

    def write_positions(self, positions: JointPositions) -> None:
        """Command the joints. Returns at once; the arm moves towards the target."""


@runtime_checkable
class MeasuresMotion(Protocol):
    """An arm whose motors measure more than where they are."""

    @property
    def motion(self) -> JointMotion | None:
        """Of the last `read_positions`; None before. Asks nobody."""


@runtime_checkable
class Clock(Protocol):
    """What time it is for the robot, and how to wait. Simulation may run faster than real time."""

    def now(self) -> float:
        """Seconds since an arbitrary start; never goes back."""

    def wait_until(self, deadline: float) -> None:
        """Return once `now() >= deadline`. Returns at once if it has passed."""


@runtime_checkable
class Agent(Protocol):
    """Whoever is driving: a teleoperator, a policy, a replayed episode, a scripted expert."""

    def reset(self) -> None:
        """Forget the previous episode."""

    def act(self, observation: Observation) -> Action | None:
        """Return the next action, or None to leave the robot where it is."""
