"""An ALOHA leader arm of DYNAMIXEL servos: moved by a person's hand, read as positions.

Its motors have no torque; on request those that control current carry part of the arm's weight.
"""

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from hardware.arms.dynamixel_joints import JointMap
from hardware.arms.dynamixel_line import (
    Line,
    arm_watchdogs,
    bring_into_order,
    identify,
    motor_chain,
)
from hardware.arms.gravity import WIDOWX_250S_LINKS, holding_torques
from hardware.arms.interbotix import ArmModel
from hardware.clock import MonotonicClock
from hardware.dynamixel import control_table as table
from hardware.dynamixel.motors import Fingerprint
from hardware.interfaces import Clock, HardwareError, JointPositions

logger = logging.getLogger(__name__)

MOST_HELP = 0.9
"""Share of its weight that an arm may carry by itself: with all of it, it would drift upwards."""

MOST_CURRENT = 1.0
"""Amperes that help may draw in one motor."""


class DynamixelLeader:
    """One leader arm. Not thread-safe: one owner at a time.

    `gravity_help` is the share of the arm's weight that its motors carry, 0 to `MOST_HELP`; motors
    that do not control current (the wrist's turn, the gripper) stay loose.
    """

    def __init__(
        self,
        model: ArmModel,
        line: Line,
        *,
        known: Iterable[Fingerprint] = (),
        gravity_help: float | int = 0.0,
        clock: Clock | None = None,
    ) -> None:
        if not 0 <= gravity_help <= MOST_HELP:
            raise ValueError(f"Gravity help is a share of 0 to {MOST_HELP}, got {gravity_help}.")
        self.model = model
        self._line = line
        self._known = tuple(known)
        self._help = float(gravity_help)
        self._map = JointMap(model)
        self.chain = motor_chain(model, line, (clock or MonotonicClock()).now)
        self._helpers: tuple[int, ...] = ()

    def know(self, prints: Iterable[Fingerprint]) -> None:
        """From now on the arm with these motors is the right one; another is refused."""
        self._known = tuple(prints)

    def connect(self) -> None:
        """Find out whether this is the arm, make it loose, then let it carry some of its weight."""
        try:
            identify(self.chain, self.model, self._line, self._known)
            self._loosen()
            self._helpers = tuple(
                id_ for id_ in self.chain.ids if self._help and self.chain.models[id_].ampere
            )
            modes = dict.fromkeys(self._helpers, table.CURRENT_MODE)
            delays = dict.fromkeys(self.chain.ids, 0)
            bring_into_order(self.chain, {table.RETURN_DELAY: delays, table.OPERATING_MODE: modes})
            if self._helpers:
                self._give_help()
        except HardwareError:
            self.chain.bus.close()
            raise

    def disconnect(self) -> None:
        """Make the arm loose and close its port. Safe to call twice."""
        if not self.chain.bus.port.is_open:
            return
        try:
            self._loosen()
        except HardwareError as error:
            logger.error("The leader's motors did not confirm that they let go: %s", error)  # noqa: TRY400
        finally:
            self.chain.bus.close()

    def read_positions(self) -> JointPositions:
        """Radians of six joints and opening of the gripper, shape (7,)."""
        motion = self.chain.read_motion()
        positions = self._map.positions(motion)
        if self._helpers:
            self.chain.command(table.GOAL_CURRENT, self._currents(positions))
        return positions

    def write_positions(self, positions: JointPositions) -> None:
        """Refused: a leader follows a hand."""
        raise HardwareError(
            f"A {self.model.name} is moved by hand, so it takes no positions; got {positions}."
        )

    def _loosen(self) -> None:
        self.chain.torque_wanted = frozenset()
        off = dict.fromkeys(self.chain.ids, 0)
        self.chain.write_together(table.TORQUE_ENABLE, off)
        self.chain.write_together(table.BUS_WATCHDOG, off)
        self.chain.check_health(self.chain.ids)

    def _give_help(self) -> None:
        nothing = dict.fromkeys(self._helpers, 0)
        self.chain.write_together(table.GOAL_CURRENT, nothing)
        arm_watchdogs(self.chain, self._helpers, self._line)
        self.chain.write_together(table.TORQUE_ENABLE, dict.fromkeys(self._helpers, 1))
        self.chain.write_together(table.GOAL_CURRENT, nothing)
        self.chain.torque_wanted = frozenset(self._helpers)

    def _currents(self, positions: JointPositions) -> dict[int, int]:
        """Units of current for each helper that leads a joint; shadows obey with them."""
        torques = holding_torques(WIDOWX_250S_LINKS, positions[:-1].astype(np.float64))
        units: dict[int, int] = {}
        for id_, torque in zip(self.model.joints[:-1], torques, strict=True):
            model = self.chain.models[id_]
            if id_ not in self._helpers or model.ampere is None or model.torque is None:
                continue
            shared = 1 + sum(motor.shadows == id_ for motor in self.model.motors)
            amperes = self._help * torque / (model.torque * shared)
            units[id_] = round(float(np.clip(amperes, -MOST_CURRENT, MOST_CURRENT)) / model.ampere)
        return units


OPEN, GRIPPED = 0.6, 0.25
"""Openings above and below which a leader's gripper counts as open, and as gripped."""


class GripToStart:
    """Tells when a person grips all leaders: each was seen open, then all are closed together."""

    def __init__(self, leaders: int) -> None:
        self._opened = [False] * leaders

    def gripped(self, openings: Sequence[float]) -> bool:
        """Whether the newest `openings` (one per leader, 0 to 1) complete the grip."""
        if len(openings) != len(self._opened):
            raise ValueError(f"{len(self._opened)} leaders have grippers, got {len(openings)}.")
        self._opened = [
            seen or opening > OPEN for seen, opening in zip(self._opened, openings, strict=True)
        ]
        return all(self._opened) and all(opening < GRIPPED for opening in openings)
