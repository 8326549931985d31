"""An ALOHA follower arm of DYNAMIXEL servos, as a device. Moves nothing that the gate did not send.

Torque comes only after the arm proved to be the right one, free of errors and at a known place;
with it the servos' own Bus Watchdog is armed: without a word for `Line.silence_secs` they stop.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from hardware.arms.dynamixel_joints import JointMap
from hardware.arms.dynamixel_line import (
    Line,
    arm_watchdogs,
    bring_into_order,
    identify,
    motor_chain,
)
from hardware.arms.interbotix import VELOCITY_LIMIT, ArmModel
from hardware.arms.lone_lowering import lower_alone
from hardware.clock import MonotonicClock
from hardware.dynamixel import control_table as table
from hardware.dynamixel.chain import Health
from hardware.dynamixel.motors import Fingerprint
from hardware.interfaces import Clock, HardwareError, JointMotion, JointPositions
from hardware.safety.vitals import Vitals

logger = logging.getLogger(__name__)

Farewell = Literal["hold", "rest"]
"""What `disconnect` does: leave the arm holding, or lower it to rest and let go."""


class DynamixelFollower:
    """One follower arm. Not thread-safe: one owner at a time.

    `known` are the fingerprints that the set-up stored; an arm that differs is refused.
    """

    def __init__(
        self,
        model: ArmModel,
        line: Line,
        *,
        known: Iterable[Fingerprint] = (),
        farewell: Farewell = "rest",
        clock: Clock | None = None,
    ) -> None:
        self.model = model
        self._line = line
        self._known = tuple(known)
        self._farewell = farewell
        self._stays = False
        self._stopped: Callable[[], bool] = lambda: False
        self.lowering_failed = False
        """Whether it holds because it could not be lowered when it was closed."""
        self._clock = clock or MonotonicClock()
        self._map = JointMap(model)
        self.chain = motor_chain(model, line, self._clock.now)

    @property
    def fault(self) -> str:
        """Why the arm holds and refuses commands; empty if it does not."""
        return self.chain.fault

    @property
    def health(self) -> dict[str, Health]:
        """What each motor last said of itself, by name. Asks nobody."""
        names = {motor.id: motor.name for motor in self.model.motors}
        return {names[id_]: health for id_, health in self.chain.health.items()}

    @property
    def loads(self) -> dict[str, float]:
        """What each motor bore when it was last read, by name: amperes. Asks nobody.

        Share of full load, -1 to 1, for motors that do not measure current.
        """
        motion = self.chain.motion
        names = [motor.name for motor in self.model.motors]
        return {} if motion is None else dict(zip(names, motion.currents.tolist(), strict=True))

    @property
    def vitals(self) -> Vitals:
        """What each motor bore and how warm it was when last read, by name. Asks nobody."""
        amperes = {motor.name for motor in self.model.motors if self.chain.models[motor.id].ampere}
        loads = {name: load for name, load in self.loads.items() if name in amperes}
        return Vitals(
            amperes=loads, celsius={name: each.celsius for name, each in self.health.items()}
        )

    @property
    def motion(self) -> JointMotion | None:
        """How its joints moved and what their leading motors bore when last read. Asks nobody."""
        motion = self.chain.motion
        return None if motion is None else self._map.motion(motion)

    @property
    def rests_at_end(self) -> bool:
        """Whether it shall be lowered to rest and let go of at the end."""
        return self._farewell == "rest"

    def stay(self) -> None:
        """When it is closed, hold: do not move. Until it is opened again.

        From any thread; ends a lowering that is under way.
        """
        self._stays = True

    def stay_when(self, stopped: Callable[[], bool]) -> None:
        """Once `stopped` says so while it is lowered, hold there."""
        self._stopped = stopped

    def know(self, prints: Iterable[Fingerprint]) -> None:
        """From now on the arm with these motors is the right one; another is refused."""
        self._known = tuple(prints)

    def connect(self) -> None:
        """Find out whether this is the arm, then give it torque where it stands."""
        self._stays = self.lowering_failed = False
        if self.chain.torque_wanted and not self.chain.fault:
            return
        self.chain.torque_wanted = frozenset()
        self.chain.bus.close()  # a port that was plugged in again is another one
        try:
            identify(self.chain, self.model, self._line, self._known)
            bring_into_order(self.chain, self._kept())
            self._give_torque()
        except HardwareError:
            self.chain.torque_wanted = frozenset()
            self.chain.bus.close()
            raise

    def disconnect(self) -> None:
        """Leave the arm holding or at rest, as `farewell` and `stay` say. Safe to call twice."""
        try:
            if self.chain.torque_wanted and self.rests_at_end and not self._stays:
                self.release()
        except HardwareError as error:
            # Letting go now would drop it.
            self.lowering_failed = True
            logger.error("The arm could not be lowered, so it holds: %s", error)  # noqa: TRY400
        finally:
            self.chain.torque_wanted = frozenset()
            self.chain.bus.close()

    def read_positions(self) -> JointPositions:
        """Radians of six joints and opening of the gripper, shape (7,)."""
        motion = self.chain.read_motion()
        try:
            self._map.check_shadows(motion)
        except HardwareError as error:
            self.chain.fail(str(error))
            raise
        return self._map.positions(motion)

    def write_positions(self, positions: JointPositions) -> None:
        """Set the goals, shape (7,). Refused while a fault holds the arm."""
        goals = self._map.ticks(positions)
        self.chain.check()
        self._check_watchdogs()
        self.chain.command(table.GOAL_POSITION, goals)

    def resume(self) -> None:
        """A person decided that the arm may move again: hold here, clear faults and watchdogs.

        Motors that let go need `reboot` first.
        """
        self.chain.torque_wanted = frozenset()
        self.chain.clear()
        self.chain.check_health(self.chain.ids)
        self._give_torque()

    def recover(self) -> None:
        """As `resume`, or as `connect` where the port or the power was gone."""
        try:
            self.resume()
        except HardwareError:
            self.connect()

    def reboot(self, motor: str) -> None:
        """Restart one motor by its name; it loses torque, so somebody must support the arm."""
        id_ = next((each.id for each in self.model.motors if each.name == motor), None)
        if id_ is None:
            raise ValueError(
                f"A {self.model.name} has motors {[each.name for each in self.model.motors]}, got "
                f"{motor!r}."
            )
        self.chain.torque_wanted = frozenset()
        self.chain.bus.reboot(id_)
        deadline = self._clock.now() + 2.0
        while self.chain.bus.ping(id_) is None:
            if self._clock.now() > deadline:
                raise HardwareError(f"{self.chain.bus.name(id_)} did not come back after a reboot.")
            self._clock.wait_until(self._clock.now() + 0.05)

    def release(self) -> None:
        """Lower the arm to rest, slowly, through a gate of its own, then take its torque away.

        Raises `HardwareError` if a fault holds the arm, it cannot reach its rest, or it was told to
        stay; it then holds.
        """
        self.chain.check()
        self._check_watchdogs()
        rest = np.array([*self.model.sleep, 0.0], np.float32)
        try:
            lower_alone(self, rest, self._clock, lambda: self._stays or self._stopped())
        except HardwareError as error:
            self.chain.fail(str(error))  # so that nothing tries again before a person decides
            raise
        self.let_go()

    def let_go(self) -> None:
        """Take torque away at once: the arm drops, so somebody must support it."""
        self.chain.torque_wanted = frozenset()
        off = dict.fromkeys(self.chain.ids, 0)
        self.chain.write_together(table.TORQUE_ENABLE, off)
        self.chain.write_together(table.BUS_WATCHDOG, off)

    def _kept(self) -> dict[table.Register, dict[int, int]]:
        """What the motors shall keep without power."""
        ids, gripper = self.chain.ids, self.model.joints[-1]
        modes = dict.fromkeys(ids, table.POSITION_MODE)
        wanted = {
            table.RETURN_DELAY: dict.fromkeys(ids, 0),
            table.PWM_LIMIT: dict.fromkeys(ids, table.FULL_PWM),
            table.VELOCITY_LIMIT: dict.fromkeys(ids, VELOCITY_LIMIT),
            table.OPERATING_MODE: modes,
        }
        if units := self._grip_units():
            modes[gripper] = table.CURRENT_BASED_POSITION_MODE
            wanted[table.CURRENT_LIMIT] = {gripper: units}
        return wanted

    def _give_torque(self) -> None:
        """Arm the watchdogs, then hold where the arm stands, and see that both took."""
        ids = self.chain.ids
        chain = self.chain
        chain.write_together(table.BUS_WATCHDOG, dict.fromkeys(ids, 0))
        chain.write_together(table.PROFILE_VELOCITY, dict.fromkeys(ids, VELOCITY_LIMIT))
        chain.write_together(table.PROFILE_ACCELERATION, dict.fromkeys(ids, 0))
        self._limit_grip()
        self._map.check_shadows(chain.read_motion())
        places = chain.read_all(table.PRESENT_POSITION)
        goals = {
            motor.id: min(max(places[motor.id], motor.low), motor.high)
            for motor in self.model.motors
        }
        arm_watchdogs(chain, ids, self._line)  # before torque, so that none is ever without
        chain.write_together(table.TORQUE_ENABLE, dict.fromkeys(ids, 1))
        chain.write_together(table.GOAL_POSITION, goals)
        chain.torque_wanted = frozenset(ids)
        chain.check_health(ids)

    def _limit_grip(self) -> None:
        if units := self._grip_units():
            self.chain.bus.write(self.model.joints[-1], table.GOAL_CURRENT, units)

    def _grip_units(self) -> int:
        """Units of current that the gripper may draw; 0 where it cannot be limited."""
        ampere = self.chain.models[self.model.joints[-1]].ampere
        if self.model.gripper_current is None or ampere is None:
            return 0
        return round(self.model.gripper_current / ampere)

    def _check_watchdogs(self) -> None:
        """After a silence, find out whether the motors stopped themselves."""
        if self.chain.silent_secs < self._line.silence_secs:
            return
        silence = self.chain.silent_secs
        tripped = [
            self.chain.bus.name(id_)
            for id_, value in self.chain.read_all(table.BUS_WATCHDOG).items()
            if value == table.WATCHDOG_TRIPPED
        ]
        if tripped:
            self.chain.fail(
                f"{', '.join(tripped)} stopped after {silence:.2f} s without a word: the loop was "
                f"late or the program stood still."
            )
            self.chain.check()
