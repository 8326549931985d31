"""An arm of a workcell: brought back while the loop goes on, worked on, called by its name."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from hardware.arms.dynamixel import DynamixelFollower
from hardware.arms.leader import DynamixelLeader
from hardware.interfaces import Arm, HardwareError, JointMotion, JointPositions
from hardware.safety.vitals import (
    NOTHING_KNOWN,
    LowersItself,
    Recoverable,
    Releasable,
    ReportsVitals,
    Rests,
    Vitals,
)

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class ServicedArm:
    """Passes everything on to `arm`, whose bus has one owner at a time: the loop, or a service.

    While it is serviced, reading and writing raise `HardwareError` at once.
    """

    def __init__(self, name: str, arm: Arm) -> None:
        self.name = name
        self.arm = arm
        self.trouble = ""
        """What the last reading or writing died of; empty if it did not."""
        self.latest: JointPositions | None = None
        """What was last read; None before that."""
        self._awake = self._stays = self._unwoken = False
        self._bus = threading.Lock()

    def connect(self) -> None:
        """Open the arm."""
        try:
            with self._bus:
                self.arm.connect()
        except HardwareError as error:
            raise HardwareError(f"{self.name}: {error}") from error
        self.trouble = ""
        self._awake = self._stays = self._unwoken = False

    def disconnect(self) -> None:
        """Leave the arm safe."""
        with self._bus:
            if isinstance(self.arm, DynamixelFollower) and not self._stays:
                self._wake_to_lower()
            self.arm.disconnect()

    def read_positions(self) -> JointPositions:
        """Where the joints are, as the arm says."""
        positions = self._do(self._read)
        self.trouble = ""
        self.latest = positions
        return positions

    def _read(self) -> JointPositions:
        if not self._awake:
            self._wake()
            self._awake = True
        return self.arm.read_positions()

    def _wake_to_lower(self) -> None:
        try:
            self._wake()
        except HardwareError as error:
            self._unwoken = True
            logger.error("%s holds and is not lowered: %s", self.name, error)  # noqa: TRY400

    def _wake(self) -> None:
        """Opening or closing all other devices takes longer than motors bear silence.

        Their watchdogs stopped them meanwhile. A follower holds on from where it stands; a leader
        that carries some of its own weight is opened anew.
        """
        arm = self.arm
        if not isinstance(arm, DynamixelFollower | DynamixelLeader):
            return
        if arm.chain.fault or not arm.chain.torque_wanted:
            return
        if isinstance(arm, DynamixelFollower):
            arm.resume()
        else:
            arm.disconnect()
            arm.connect()

    def write_positions(self, positions: JointPositions) -> None:
        """Command the joints."""
        self._do(lambda: self.arm.write_positions(positions))

    def service(self, work: Callable[[], Result]) -> Result:
        """Do something on the arm's bus that the loop must not disturb; waits for its turn."""
        with self._bus:
            return work()

    @property
    def fault(self) -> str:
        """Why it cannot be used until somebody decides otherwise; empty if it can."""
        own = self.arm.fault if isinstance(self.arm, DynamixelFollower) else ""
        return own or self.trouble

    @property
    def vitals(self) -> Vitals:
        """What its motors bear, if they say so. Asks nobody."""
        return self.arm.vitals if isinstance(self.arm, ReportsVitals) else NOTHING_KNOWN

    @property
    def motion(self) -> JointMotion | None:
        """How its joints moved when last read, if it measures that. Asks nobody."""
        motion: JointMotion | None = getattr(self.arm, "motion", None)
        return motion

    @property
    def rests_at_end(self) -> bool:
        """Whether it shall be lowered to rest and let go of at the end."""
        return isinstance(self.arm, Rests) and self.arm.rests_at_end

    def stay(self) -> None:
        """When it is closed, hold: do not move."""
        self._stays = True
        if isinstance(self.arm, Rests):
            self.arm.stay()

    @property
    def lowering_failed(self) -> bool:
        """Whether it holds because it could not be lowered when it was closed."""
        tried = isinstance(self.arm, LowersItself) and self.arm.lowering_failed
        return tried or self._unwoken

    def stay_when(self, stopped: Callable[[], bool]) -> None:
        """Once `stopped` says so while it is lowered, hold there."""
        if isinstance(self.arm, LowersItself):
            self.arm.stay_when(stopped)

    def recover(self) -> None:
        """A person decided that the arm may go on: clear its fault, or connect it anew.

        Raises `HardwareError` if it is still not fit.
        """
        try:
            self.service(self._recover)
        except HardwareError as error:
            raise HardwareError(f"{self.name}: {error}") from error
        self.trouble = ""

    def _recover(self) -> None:
        if isinstance(self.arm, Recoverable):
            self.arm.recover()
        else:
            self.arm.disconnect()
            self.arm.connect()

    def let_go(self) -> None:
        """Take its torque away; the arm must be at rest or supported."""
        if isinstance(self.arm, Releasable):
            self.service(self.arm.let_go)

    def _do(self, act: Callable[[], Result]) -> Result:
        if not self._bus.acquire(blocking=False):
            raise HardwareError(f"{self.name} is being serviced.")
        try:
            return act()
        except HardwareError as error:
            self.trouble = str(error)
            raise HardwareError(f"{self.name}: {error}") from error
        finally:
            self._bus.release()
