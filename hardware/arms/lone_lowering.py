"""Lowers one ALOHA follower that no studio drives: through a safety gate of its own, and watched.

Knows neither the other arm nor the table: only the gate of a whole robot keeps clear of those.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from hardware.aloha import aloha_embodiment, arm_slice
from hardware.embodiment import Embodiment
from hardware.interfaces import Clock, HardwareError, JointPositions, Observation
from hardware.safety.aloha_limits import STRAIN
from hardware.safety.gate import SafetyGate
from hardware.safety.limits import Limits
from hardware.safety.lowering import Lowering
from hardware.safety.state import Cause
from hardware.safety.vitals import Vitals
from hardware.safety.watchdogs import Alarm, Watchdogs

SIDE = "left"
"""Whose channels describe the arm; those of the right are the same."""


@runtime_checkable
class Lowerable(Protocol):
    """A follower that holds."""

    @property
    def vitals(self) -> Vitals:
        """What its motors bear."""

    def read_positions(self) -> JointPositions:
        """Radians of six joints and opening of the gripper, shape (7,)."""

    def write_positions(self, positions: JointPositions) -> None:
        """Set the goals, shape (7,)."""


def lower_alone(
    arm: Lowerable, rest: JointPositions, clock: Clock, stopped: Callable[[], bool]
) -> None:
    """Bring `arm` to `rest`, shape (7,), at 15 % of full speed; its gripper stays as it is.

    Raises `HardwareError` when it presses on something, moves as nobody told it, or does not get
    there in time; it is then told to hold where it stands. Raises it too once `stopped`, asked at
    every step; nothing more is sent then.
    """
    body = _body()
    gate = SafetyGate(body, replace(Limits.of(body), rest=rest, strain=STRAIN), now=clock.now)
    watchdogs = Watchdogs(body, gate.limits)
    gate.arm()
    gate.descend("The arm is lowered.")
    kept = np.array([channel.unit != "rad" for channel in body.action_channels])
    deadline = clock.now() + gate.limits.patience.lowering_secs
    lowering: Lowering | None = None
    while True:
        seen = Observation(clock.now(), arm.read_positions(), {})
        lowering = lowering or Lowering(rest, kept, gate.commanded(seen.state), deadline)
        if stopped():
            raise HardwareError("The arm is not lowered any more: it was told to stop.")
        if lowering.arrived(seen):
            return
        if alarm := _alarm(watchdogs, lowering, arm.vitals, seen):
            _hold(arm, gate, alarm, seen)
        sent = gate.admit(lowering.wish, seen.state)
        if sent is None:
            raise HardwareError(f"The arm is not lowered any more: {gate.reason}")
        arm.write_positions(sent)
        clock.wait_until(seen.timestamp + 1 / body.control_hz)


def _alarm(
    watchdogs: Watchdogs, lowering: Lowering, vitals: Vitals, seen: Observation
) -> Alarm | None:
    """What is wrong; None if nothing is. A warm motor may come down to cool."""
    if not np.isfinite(seen.state).all():
        return None  # the gate says so
    if lowering.overdue(seen):
        return Alarm(Cause.LOWERING_FAILED, "It did not reach its rest: something is in the way.")
    return watchdogs.strain({"arm": vitals}, seen.timestamp) or watchdogs.before_asking(seen, 0.0)


def _hold(arm: Lowerable, gate: SafetyGate, alarm: Alarm, seen: Observation) -> None:
    """Let the arm press no more, and raise why."""
    gate.hold(alarm.cause, alarm.reason)
    stands = gate.relaxed(seen.state, alarm.channel)
    if stands is not None:
        arm.write_positions(stands)
    raise HardwareError(f"The arm is not lowered any more: {alarm.reason}")


def _body() -> Embodiment:
    whole = aloha_embodiment(())
    channels = tuple(
        replace(channel, name=f"arm_{channel.name.removeprefix(f'{SIDE}_')}")
        for channel in whole.action_channels[arm_slice(SIDE)]
    )
    return replace(
        whole,
        name="arm",
        arms=1,
        state_channels=channels,
        action_channels=channels,
        kinematics=None,
    )
