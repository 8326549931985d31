"""The body that a workcell's followers and cameras make. Opens nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hardware.aloha import aloha_embodiment, arm_slice
from hardware.arms.interbotix import ARM_MODELS
from hardware.arms.so101 import JOINTS, load_calibration
from hardware.dynamixel.control_table import RADIANS_PER_TICK
from hardware.embodiment import CameraView, Channel, Embodiment
from hardware.safety.aloha_limits import STRAIN, limits_for
from hardware.safety.limits import Limits
from hardware.workcell.entries import SO101, ArmEntry, ChannelLimit, Workcell

SO101_RATE = 3.14
"""Radians per second; the servos turn 4.7 without a load at 12 V."""

SO101_GRIP_RATE = 2.0
"""Full openings per second."""


def body_of(workcell: Workcell) -> Embodiment:
    """Describe the body, left arm before right.

    Two ViperX arms are an ALOHA: policies, kinematics and datasets of the simulated one fit.
    """
    followers = workcell.arms_of("follower")
    channels = tuple(
        _limited(channel, workcell.limits.get(channel.name, ChannelLimit()))
        for arm in followers
        for channel in arm_channels(arm)
    )
    interbotix = followers[0].model != SO101
    both = len(followers) == 2
    return Embodiment(
        name=workcell.name,
        robot_tag=("ALOHA" if both else "ViperX 300 S") if interbotix else "SO-101",
        arms=len(followers),
        waist=False,
        mobile_base=False,
        state_channels=channels,
        action_channels=channels,
        action_convention="absolute_joints",
        cameras=tuple(CameraView(each.name, each.height, each.width) for each in workcell.cameras),
        control_hz=float(workcell.control_hz),
        kinematics="aloha" if interbotix and both else None,
    )


def limits_of(workcell: Workcell, body: Embodiment) -> Limits:
    """What the safety kernel holds `body` to: as known for it, resting as its arms do."""
    followers = workcell.arms_of("follower")
    limits = limits_for(body)
    if followers[0].model == SO101:
        return limits
    poses = [resting_pose(arm) for arm in followers]
    rest = np.array([angle for pose in poses for angle in pose], np.float32)
    return replace(limits, rest=np.clip(rest, limits.low, limits.high), strain=STRAIN)


def resting_pose(arm: ArmEntry) -> tuple[float, ...]:
    """Where an Interbotix arm rests without torque: radians of its joints, and the gripper."""
    return (*ARM_MODELS[arm.model].sleep, 0.0)


def arm_channels(arm: ArmEntry) -> tuple[Channel, ...]:
    """The joints of one arm and its gripper, as the arm itself is limited.

    Raises `ValueError` when an SO-101's file of ranges cannot be read.
    """
    if arm.model != SO101:
        return aloha_embodiment(()).state_channels[arm_slice(arm.side)]
    channels = []
    for joint, turn in load_calibration(Path(arm.calibration)).items():
        half = (turn.high - turn.low) / 2 * RADIANS_PER_TICK
        channels.append(Channel(f"{arm.side}_{joint}", "rad", -half, half, SO101_RATE))
    grip = f"{arm.side}_{JOINTS[-1]}"
    return (*channels[:-1], Channel(grip, "normalized", 0.0, 1.0, SO101_GRIP_RATE))


def _limited(channel: Channel, limit: ChannelLimit) -> Channel:
    return replace(
        channel,
        low=channel.low if limit.low is None else float(limit.low),
        high=channel.high if limit.high is None else float(limit.high),
        max_rate=channel.max_rate if limit.max_rate is None else float(limit.max_rate),
    )
