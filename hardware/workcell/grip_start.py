"""A person driving by leader arms, who begins by gripping them. Moves nothing before."""

from collections.abc import Callable, Sequence

import numpy as np

from hardware.arms.leader import GripToStart
from hardware.interfaces import Action, Arm, HardwareError, JointPositions, Observation

HOW_TO_START = (
    "Hold the leaders as the followers stand. Open their grippers, then close all of them: "
    "from then on the followers follow."
)
FOLLOWING = "The followers follow the leaders."


def _nothing() -> None:
    """Every leader is taken to be well."""


class GripStartTeleoperator:
    """An `Agent`: holds until every leader was open and is gripped, then does as they do.

    `tell` takes sentences for the person; `mend` brings leaders back that failed before, and raises
    `HardwareError` if it cannot.
    """

    def __init__(
        self,
        leaders: Sequence[Arm],
        tell: Callable[[str], object],
        mend: Callable[[], None] = _nothing,
    ) -> None:
        self._leaders = tuple(leaders)
        self._tell = tell
        self._mend = mend
        self._forget()

    @property
    def following(self) -> bool:
        """Whether the person has gripped."""
        return self._following

    def reset(self) -> None:
        """Wait for the grip again. Raises `HardwareError` if a leader cannot be read."""
        self._mend()
        self._forget()
        self._tell(HOW_TO_START)

    def _forget(self) -> None:
        self._grip = GripToStart(len(self._leaders))
        self._following = False
        self._held: Action | None = None

    def go_on_from(self, commanded: JointPositions) -> None:
        """Before the grip the followers stay as they were told: a closed gripper holds on."""
        if self._held is None:
            self._held = commanded.copy()

    def act(self, observation: Observation) -> Action:
        """Where the leaders are held; before the grip, where the followers stood."""
        if self._held is None:
            self._held = observation.state.copy()
        positions = self._read()
        if positions is None:
            return self._held
        if not self._following:
            self._following = self._grip.gripped([float(each[-1]) for each in positions])
            if self._following:
                self._tell(FOLLOWING)
        return np.concatenate(positions) if self._following else self._held

    def _read(self) -> list[JointPositions] | None:
        """Every leader; None if one fails before the grip, when what it said may be old news."""
        positions: list[JointPositions] = []
        failure: HardwareError | None = None
        for leader in self._leaders:
            try:
                positions.append(leader.read_positions())
            except HardwareError as error:
                failure = error
        if failure is None:
            return positions
        if self._following:
            raise failure
        return None
