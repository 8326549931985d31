"""Reads several arms at the same time, each on its own bus, though they are asked in turn.

An arm's reading is mostly waiting for its wire; four in a row would not fit into a tick.
"""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

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


class _Round:
    """One reading of every arm; begun when an arm is asked that was already read."""

    def __init__(self, arms: Sequence[Arm]) -> None:
        self.arms = tuple(arms)
        self.pool: ThreadPoolExecutor | None = None
        self.connected = 0
        self._reading: list[Future[JointPositions] | None] = [None] * len(self.arms)
        self._writing: list[Future[None] | None] = [None] * len(self.arms)

    def read(self, index: int) -> JointPositions:
        if self._reading[index] is None:
            self._begin()
        future, self._reading[index] = self._reading[index], None
        if future is None:
            return self.arms[index].read_positions()
        return future.result()

    def write(self, index: int, positions: JointPositions) -> None:
        if self.pool is None:
            self.arms[index].write_positions(positions)
            return
        self.settle(index)
        self._writing[index] = self.pool.submit(self.arms[index].write_positions, positions)

    def settle(self, index: int) -> None:
        """Wait until nothing is under way on an arm's bus. Raises what its last write raised."""
        reading, self._reading[index] = self._reading[index], None
        if reading is not None and not reading.cancel():
            reading.exception()  # its answer is not wanted; the next read tells of any fault
        writing, self._writing[index] = self._writing[index], None
        if writing is not None:
            writing.result()

    def forget(self, index: int) -> None:
        """Wait until nothing is under way on an arm's bus, whatever came of it."""
        try:
            self.settle(index)
        except HardwareError as error:
            logger.info("What was last sent to an arm did not arrive: %s", error)

    def end(self) -> None:
        """Read each arm by itself from now on; what was read together is forgotten."""
        if self.pool is not None:
            self.pool.shutdown(wait=True)
            self.pool = None
        self._reading = [None] * len(self.arms)
        self._writing = [None] * len(self.arms)

    def _begin(self) -> None:
        if self.pool is None:
            return
        for index, arm in enumerate(self.arms):
            unfetched = self._reading[index]
            if _failed(unfetched):
                continue  # it stays for whoever asks next
            writing, self._writing[index] = self._writing[index], None
            self._reading[index] = self.pool.submit(_settled_read, arm, unfetched, writing)


def _failed(reading: Future[JointPositions] | None) -> bool:
    return reading is not None and reading.done() and reading.exception() is not None


def _settled_read(
    arm: Arm, unfetched: Future[JointPositions] | None, writing: Future[None] | None
) -> JointPositions:
    """Read anew, also where the last round's reading is still on its way: that one is older."""
    if unfetched is not None:
        unfetched.result()  # raises here if it failed: nobody was told of it yet
    if writing is not None:
        writing.result()  # raises here if the write failed
    return arm.read_positions()


class SideBySideArm:
    """One arm of several that are read together. Made by `side_by_side`."""

    def __init__(self, shared: _Round, index: int) -> None:
        self._shared, self._index = shared, index
        self._connected = False

    @property
    def vitals(self) -> Vitals:
        """What its motors bear, if they say so. Asks nobody."""
        arm = self._arm
        return arm.vitals if isinstance(arm, ReportsVitals) else NOTHING_KNOWN

    @property
    def motion(self) -> JointMotion | None:
        """How its joints moved when last read, if it measures that. Asks nobody."""
        motion: JointMotion | None = getattr(self._arm, "motion", None)
        return motion

    @property
    def _arm(self) -> Arm:
        return self._shared.arms[self._index]

    @property
    def rests_at_end(self) -> bool:
        """Whether it shall be lowered to rest and let go of at the end."""
        return isinstance(self._arm, Rests) and self._arm.rests_at_end

    def stay(self) -> None:
        """When it is closed, hold: do not move."""
        if isinstance(self._arm, Rests):
            self._arm.stay()

    @property
    def lowering_failed(self) -> bool:
        """Whether it holds because it could not be lowered when it was closed."""
        return isinstance(self._arm, LowersItself) and self._arm.lowering_failed

    def stay_when(self, stopped: Callable[[], bool]) -> None:
        """Once `stopped` says so while it is lowered, hold there."""
        if isinstance(self._arm, LowersItself):
            self._arm.stay_when(stopped)

    def recover(self) -> None:
        """Take commands again, for arms that can refuse them."""
        self._shared.forget(self._index)
        if isinstance(self._arm, Recoverable):
            self._arm.recover()

    def let_go(self) -> None:
        """Take torque away, from arms that can be let go of."""
        self._shared.forget(self._index)
        if isinstance(self._arm, Releasable):
            self._arm.let_go()

    def connect(self) -> None:
        """Open the arm."""
        if self._connected:
            return
        self._shared.arms[self._index].connect()
        self._connected = True
        self._shared.connected += 1
        if self._shared.connected == len(self._shared.arms):
            self._shared.pool = ThreadPoolExecutor(len(self._shared.arms), "arms")

    def disconnect(self) -> None:
        """Leave the arm safe. The first that goes ends the reading together."""
        if not self._connected:
            return
        self._connected = False
        self._shared.connected -= 1
        self._shared.end()
        self._shared.arms[self._index].disconnect()

    def read_positions(self) -> JointPositions:
        """Where the joints were when the arms were last read together."""
        return self._shared.read(self._index)

    def write_positions(self, positions: JointPositions) -> None:
        """Command the joints. Returns at once; what goes wrong is raised by the next call."""
        self._shared.write(self._index, positions)


def side_by_side(arms: Sequence[Arm]) -> list[SideBySideArm]:
    """The same arms, read at the same time: the first asked begins the reading of all."""
    shared = _Round(arms)
    return [SideBySideArm(shared, index) for index in range(len(shared.arms))]
