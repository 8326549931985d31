"""Collects pictures for a calibration while a person moves board or arm: still, different ones."""

from dataclasses import dataclass

import numpy as np

from hardware.calibration.board import Board, Sighting
from hardware.calibration.hand_eye_fit import View
from hardware.calibration.transform import Transform, angle_between, distance_between
from hardware.interfaces import Image

STILL_PX = 0.7
"""Corners that move more than this between two pictures belong to a moving board."""

DIFFERENT = 0.04
"""Of the picture's width: corners lie so far from where they lay in any picture taken before."""

DIFFERENT_TURN = np.radians(6)
DIFFERENT_SHIFT = 0.03
"""Or the gripper is turned or, metres, shifted so much against all poses before."""

MIN_SHARED = 4
"""Corners that two pictures must share to be compared."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of a picture that was offered."""

    sighting: Sighting | None
    """The corners seen, to be drawn over the live picture."""
    reason: str = ""
    """Why it was not taken, as advice to the person; empty if it was."""

    @property
    def taken(self) -> bool:
        """Whether the picture was taken."""
        return not self.reason


class ViewCollector:
    """Takes pictures that show the board at rest, each in another place than all before."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._last: Sighting | None = None
        self._taken: list[tuple[Sighting, Transform | None]] = []

    @property
    def sightings(self) -> list[Sighting]:
        """What was taken so far, for `calibrate_lens`."""
        return [sighting for sighting, _ in self._taken]

    @property
    def views(self) -> list[View]:
        """What was taken so far with a gripper pose, for `calibrate_hand_eye`."""
        return [View(pose, sighting) for sighting, pose in self._taken if pose is not None]

    def offer(self, image: Image, base_from_gripper: Transform | None = None) -> Offer:
        """Take a live picture if it adds something; the gripper's pose at the same moment with it.

        A board is known to be at rest from two pictures in a row, so offer every picture.
        """
        sighting = self._board.find(image)
        before, self._last = self._last, sighting
        if sighting is None:
            return Offer(None, "Show more of the board, in good light.")
        if before is None or not _apart(before, sighting) < STILL_PX:
            return Offer(sighting, "Hold still.")
        if not self._is_new(sighting, base_from_gripper):
            return Offer(sighting, "Taken. Now another place or tilt.")
        self._taken.append((sighting, base_from_gripper))
        return Offer(sighting)

    def undo(self) -> None:
        """Drop the last picture taken, if there is one."""
        self._taken = self._taken[:-1]

    def _is_new(self, sighting: Sighting, pose: Transform | None) -> bool:
        for old, old_pose in self._taken:
            if pose is not None and old_pose is not None:
                turned = angle_between(pose, old_pose) > DIFFERENT_TURN
                if not turned and distance_between(pose, old_pose) < DIFFERENT_SHIFT:
                    return False
            elif _apart(old, sighting) < DIFFERENT * sighting.width:
                return False
        return True


def _apart(one: Sighting, other: Sighting) -> float:
    """Return how far the corners that both show lie apart, root mean square in pixels."""
    _, ours, theirs = np.intersect1d(one.numbers, other.numbers, return_indices=True)
    if len(ours) < MIN_SHARED:
        return float("inf")
    distances = np.linalg.norm(one.pixels[ours] - other.pixels[theirs], axis=1)
    return float(np.sqrt(np.mean(distances**2)))
