"""What a robot may do, as data: joints, motion, room, strain and patience. Enforces nothing.

`Limits.of` makes those that any body has by its description; `hardware.safety.aloha_limits` has
those of the ALOHA.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from hardware.embodiment import Embodiment
from hardware.interfaces import JointPositions
from hardware.safety.clearance import Space

RAMP_SHARE = 0.35
"""Share of the full speed at which a new driver is brought to its first command."""

LOWERING_SHARE = 0.15
"""Share of the full speed at which the arms are lowered to rest."""

JUMP = 0.3
"""Radians away from the last command: about five ticks at full speed of an ALOHA. A driver that
asks for more within one tick is ramped, as a new one is."""

SPEED_UP = 40.0
"""Radians per second squared; a hand that leads a follower stays below."""

UNLIMITED = float("inf")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the kernel waits before it holds, in seconds."""

    late_secs: float | int = 0.5
    """That a turn of the loop may begin after its deadline. The servos' own watchdog waits 0.2."""
    agent_secs: float | int = 5.0
    """That a driver may leave without an answer after it was let in, or after its last one."""
    browser_secs: float | int = 3.0
    """That a person who drives through a page may not be heard of; pages speak every second."""
    camera_secs: float | int = 0.5
    """That a camera may be marked stale while a driver looks through it."""
    picture_secs: float | int = 2.0
    """Age of the newest picture that such a driver may act on."""
    insist_secs: float | int = 0.5
    """That a driver may keep asking for what clearance or box refuse."""
    strain_secs: float | int = 0.5
    """That a motor may bear more than its limit; starting and braking take less."""
    lowering_secs: float | int = 20.0
    """Until the arms must be at rest."""


@dataclass(frozen=True, slots=True)
class Strain:
    """What motors may bear. Unlimited where nothing is said."""

    amperes: float = UNLIMITED
    """Of any motor that has none of its own in `amperes_of`."""
    amperes_of: tuple[tuple[str, float], ...] = ()
    """By motor name."""
    newton_metres: float = UNLIMITED
    celsius: float = UNLIMITED
    """Held at once: a motor that gets hotter lets go by itself, and drops what it holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """Everything the kernel compares with. Arrays have one value per action channel."""

    low: Float32[np.ndarray, "joints"]
    high: Float32[np.ndarray, "joints"]
    step: Float32[np.ndarray, "joints"]
    """Largest change of a command in one tick: the speed limit times the tick."""
    speed_up: Float32[np.ndarray, "joints"]
    """Largest growth of that change from one tick to the next: the acceleration limit times the
    tick squared. Slowing down is not limited: standing still is always allowed at once."""
    jump: Float32[np.ndarray, "joints"]
    """A wish further than this from the last command is no continuation: it is ramped."""
    top_speed: Float32[np.ndarray, "joints"]
    """Measured speed per second from which an arm is out of control."""
    patience: Patience = field(default_factory=Patience)
    strain: Strain = field(default_factory=Strain)
    space: Space | None = None
    """Boxes and distances; None for a body whose shape is not known."""
    rest: JointPositions | None = None
    """Where torque may be taken away; None if nowhere."""

    @classmethod
    def of(
        cls,
        body: Embodiment,
        *,
        speed_up: float = SPEED_UP,
        jump: float = JUMP,
        runaway: float = 2.5,
    ) -> "Limits":
        """Those that the description of `body` implies: range and speed of each channel.

        `speed_up` in radians per second squared and `jump` in radians are for joints alone, since
        grippers and what is not an angle may change at once. An arm is out of control from
        `runaway` times its fastest command on.
        """
        angle = np.array([channel.unit == "rad" for channel in body.action_channels])
        rates = np.array([channel.max_rate for channel in body.action_channels], np.float32)
        return cls(
            low=body.action_low,
            high=body.action_high,
            step=body.max_step,
            speed_up=_of_joints(angle, speed_up / body.control_hz**2),
            jump=_of_joints(angle, jump),
            top_speed=np.where(angle, runaway * rates, np.float32(np.inf)).astype(np.float32),
        )


def _of_joints(angle: np.ndarray, value: float) -> Float32[np.ndarray, "joints"]:
    return np.where(angle, value, np.inf).astype(np.float32)
