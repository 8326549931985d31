"""A person driving by leader arms, who begins by gripping them. Moves nothing before."""

from collections.abc import Callable, Sequence

import numpy as np

from hardware.arms.leader import GripToStart
from hardware.interfaces import Action, Arm, Observation

HOW_TO_START = (
    "Hold the leaders as the followers stand. Open their grippers, then close all of them: "
    "from then on the followers follow."
)
FOLLOWING = "The followers follow the leaders."


class GripStartTeleoperator:
    """An `Agent`: waits until every leader was open and is gripped, then does as they do."""

    def __init__(self, leaders: Sequence[Arm], tell: Callable[[str], object]) -> None:
        self._leaders = tuple(leaders)
        self._tell = tell
        self.reset()

    @property
    def following(self) -> bool:
        """Whether the person has gripped."""
        return self._following

    def reset(self) -> None:
        """Wait for the grip again."""
        self._grip = GripToStart(len(self._leaders))
        self._following = False
        self._told = False

    def act(self, observation: Observation) -> Action | None:  # noqa: ARG002 - leaders ignore it
        """Where the leaders are held, or None until they were gripped."""
        positions = [leader.read_positions() for leader in self._leaders]
        if not self._following:
            self._following = self._grip.gripped([float(each[-1]) for each in positions])
            if self._following:
                self._tell(FOLLOWING)
            elif not self._told:
                self._told = True
                self._tell(HOW_TO_START)
        return np.concatenate(positions) if self._following else None
