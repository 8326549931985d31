"""Which camera is which: a person covers one with a hand, and the picture that goes dark is its."""

from collections.abc import Mapping

import cv2
import numpy as np

from hardware.interfaces import Frame, HardwareError, Image

DARKER = 0.4
"""A covered lens gives less than this share of the brightness it gave before,"""

PLAINER = 0.3
"""or of the detail: exposure control brightens what is left, which is blurred skin."""

LEAST_BRIGHTNESS = 12.0
LEAST_DETAIL = 4.0
"""Of 255. A picture that has less than this to begin with cannot be seen to go dark."""


class CoverCheck:
    """Compares pictures with those taken while no camera was covered."""

    def __init__(self, frames: Mapping[str, Frame]) -> None:
        self._before = {name: _light(frame.image) for name, frame in frames.items()}
        dark = [
            name
            for name, (brightness, detail) in self._before.items()
            if brightness < LEAST_BRIGHTNESS or detail < LEAST_DETAIL
        ]
        if dark:
            raise HardwareError(
                f"The pictures of {dark} are dark or empty already. Uncover the cameras, turn the "
                "light on, and begin again."
            )

    def covered(self, frames: Mapping[str, Frame]) -> list[str]:
        """Return the names of the cameras that went dark. A stale picture is not dark, but old."""
        found = []
        for name, frame in frames.items():
            brightness, detail = _light(frame.image)
            before_brightness, before_detail = self._before[name]
            dark = brightness < DARKER * before_brightness or detail < PLAINER * before_detail
            if dark and not frame.stale:
                found.append(name)
        return found

    def problem(self, expected: str, frames: Mapping[str, Frame]) -> str | None:
        """Say what is wrong while a person covers the camera `expected`, or None if it is right."""
        if expected not in self._before:
            raise ValueError(f"The cameras are {sorted(self._before)}, got {expected!r}.")
        if frames[expected].stale:
            return f"{expected} sends no new pictures; check its cable."
        covered = self.covered(frames)
        if covered == [expected]:
            return None
        if not covered:
            return f"No picture went dark. Cover the whole lens of {expected} with a hand."
        others = [name for name in covered if name != expected]
        if expected in covered:
            return f"{others} went dark too. Cover {expected} alone."
        return (
            f"{' and '.join(others)} went dark, not {expected}: the two are swapped. Exchange "
            "their serial numbers or ports in the workcell file."
        )


def _light(image: Image) -> tuple[float, float]:
    """Return brightness, and detail as the standard deviation of what is not quite fine grain."""
    small = cv2.resize(image, (40, 30), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(grey.mean()), float((grey - cv2.GaussianBlur(grey, (0, 0), 4)).std())
