"""The ALOHA's limits: capsules along its links, boxes, distances, strain and rest. Data.

Capsules enclose the links of the ViperX 300 S as its meshes show them. The distances were set below
what the scripted experts of all tasks need (`docs/safety.md` has the figures).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hardware.aloha import ARMS
from hardware.embodiment import Embodiment
from hardware.interfaces import JointPositions
from hardware.safety.clearance import Box, Capsule, Clearances, Space
from hardware.safety.limits import Limits, Patience, Strain

CAPSULES = (
    Capsule("upper_arm_link", (0.0, 0.0, 0.0), (0.05, 0.0, 0.3), 0.052),
    Capsule("upper_forearm_link", (0.0, 0.0, 0.0), (0.2, 0.0, 0.0), 0.045),
    Capsule("lower_forearm_link", (0.0, 0.0, 0.0), (0.1, 0.0, 0.0), 0.035),
    Capsule("wrist_link", (0.0, 0.0, 0.0), (0.07, 0.0, 0.0), 0.034),
    Capsule("gripper_link", (0.04, -0.05, 0.0), (0.04, 0.05, 0.0), 0.040, tool=True),
    Capsule("left_finger_link", (0.0, -0.01, 0.0), (0.073, -0.01, 0.0), 0.012, tool=True),
    Capsule("right_finger_link", (0.0, 0.01, 0.0), (0.073, 0.01, 0.0), 0.012, tool=True),
)

CLEARANCES = Clearances(links=0.02, tools=-0.02, link_to_table=0.02, tool_to_table=-0.005)
"""Tools may overlap a little: in a hand-over fingers are told to close on what both hold, and a
finger that slides along the table is told to be on it."""

BOXES = (
    Box((-0.72, 0.12, 0.0), (0.35, 0.95, 0.80)),
    Box((-0.35, 0.12, 0.0), (0.72, 0.95, 0.80)),
)
"""Above the table, and not at the foot of the other arm."""

REST_JOINTS = (0.0, -1.80, 1.55, 0.0, -1.57, 0.0)
"""Folded over its own base: Interbotix's sleep pose for the ALOHA."""

STRAIN = Strain(
    amperes=3.2,
    amperes_of=(("wrist_rotate", 1.8), ("gripper", 1.8)),
    celsius=70.0,
)
"""About three quarters of the stall currents at 12 V (XM540-W270: 4.4 A, XM430-W350: 2.3 A, by the
e-manual), and 10 degrees below where these motors let go (80)."""

SIMULATED_STRAIN = Strain(newton_metres=120.0)
"""A simulated arm says what its joints bear; brisk experts reach 54 for a moment."""

SIMULATED_SPEED_UP = 150.0
"""The scripted experts set off with 2.8 radians per second within one tick."""

SIMULATED_PATIENCE = Patience(late_secs=1.0, picture_secs=5.0)
"""A laptop that simulates and draws is late more often than a robot's computer, and nobody is in
danger."""


def aloha_limits(body: Embodiment, rest_joints: Sequence[float] = REST_JOINTS) -> Limits:
    """Those of the real arms; `rest_joints`, six angles, is where arms of their model rest."""
    rest = _rest(rest_joints)
    return replace(Limits.of(body), space=_space(), rest=rest, strain=STRAIN)


def simulated_aloha_limits(body: Embodiment) -> Limits:
    """Those of the simulated arms: the same room, no motors that get hot, a slower machine."""
    return replace(
        Limits.of(body, speed_up=SIMULATED_SPEED_UP),
        space=_space(),
        rest=_rest(REST_JOINTS),
        strain=SIMULATED_STRAIN,
        patience=SIMULATED_PATIENCE,
    )


def limits_for(body: Embodiment) -> Limits:
    """The limits of `body` where its shape is known, else those that its description implies."""
    return aloha_limits(body) if body.kinematics == "aloha" else Limits.of(body)


def _space() -> Space:
    return Space(CAPSULES, CLEARANCES, BOXES)


def _rest(joints: Sequence[float]) -> JointPositions:
    return np.array([*joints, 0.0] * len(ARMS), np.float32)
