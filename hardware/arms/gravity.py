"""What an arm's own weight does to its joints: the torques that hold it. Knows no motor.

The WidowX 250 S: lengths, masses and centres of mass from Interbotix's description of the arm
(interbotix_xsarm_descriptions, urdf/wx250s.urdf.xacro).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

GRAVITY = np.array([0.0, 0.0, -9.81])
"""Metres per second squared, in the frame of the arm's base."""


@dataclass(frozen=True, slots=True)
class Link:
    """One rigid part and the joint that carries it, in the frame of the link before."""

    joint: tuple[float, float, float]
    """Where the joint is, metres."""
    axis: tuple[float, float, float]
    mass: float
    """Kilograms."""
    centre: tuple[float, float, float]
    """Centre of mass in the link's own frame, metres."""


X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)

WIDOWX_250S_LINKS = (
    Link((0.0, 0.0, 0.072), Z, 0.480879, (0.0000223, 0.0000415, 0.0066287)),
    Link((0.0, 0.0, 0.03865), Y, 0.430811, (0.0171605, 0.0000003, 0.191323)),
    Link((0.04975, 0.0, 0.25), Y, 0.234589, (0.107963, 0.0001159, 0.0)),
    Link((0.175, 0.0, 0.0), X, 0.220991, (0.0374395, 0.0052225, 0.0)),
    Link((0.075, 0.0, 0.0), Y, 0.084957, (0.04236, -0.0000107, 0.010577)),
    # The gripper with its horn, bar and two fingers as one part.
    Link((0.065, 0.0, 0.0), X, 0.143916, (0.0431, 0.0, 0.0070)),
)


def holding_torques(
    links: tuple[Link, ...], angles: Float64[np.ndarray, "joints"]
) -> Float64[np.ndarray, "joints"]:
    """Newton metres that each joint must give to hold the arm still at `angles` (radians).

    The torque of a weight m g at c about a joint at p with axis a is a . ((c - p) x m g).
    """
    places, axes, centres = _stand(links, angles)
    weights = np.array([link.mass for link in links])[:, None] * GRAVITY
    torques = np.zeros(len(links))
    for joint in range(len(links)):
        levers = centres[joint:] - places[joint]
        torques[joint] = -axes[joint] @ np.cross(levers, weights[joint:]).sum(axis=0)
    return torques


def _stand(
    links: tuple[Link, ...], angles: Float64[np.ndarray, "joints"]
) -> tuple[
    Float64[np.ndarray, "joints 3"],
    Float64[np.ndarray, "joints 3"],
    Float64[np.ndarray, "joints 3"],
]:
    """Joints, axes and centres of mass in the frame of the base."""
    if angles.shape != (len(links),):
        raise ValueError(f"{len(links)} links need as many angles, got shape {angles.shape}.")
    rotation, place = np.eye(3), np.zeros(3)
    places, axes, centres = [], [], []
    for link, angle in zip(links, angles, strict=True):
        place = place + rotation @ np.array(link.joint)
        axes.append(rotation @ np.array(link.axis))
        rotation = rotation @ _about(np.array(link.axis), float(angle))
        places.append(place)
        centres.append(place + rotation @ np.array(link.centre))
    return np.array(places), np.array(axes), np.array(centres)


def _about(axis: Float64[np.ndarray, "3"], angle: float) -> Float64[np.ndarray, "3 3"]:
    """Rotation by `angle` radians about a unit axis (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return np.asarray(turned, np.float64)
