"""What the cameras saw when their views were right, kept beside the workcell file."""

import json
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from hardware.cameras.likeness import ReferenceView
from hardware.durable_file import replace_file
from hardware.interfaces import Frame, HardwareError, Image, JointPositions
from hardware.workcell.problem import Problem

SAME_POSE = 0.15
"""Radians by which a joint may stand elsewhere: arms are in the pictures, cameras on the arms."""

STATE = "state.json"


class ViewMemory:
    """A folder of one picture a camera, and where the arms stood. The file's name with `.views`."""

    def __init__(self, workcell: Path) -> None:
        self.folder = workcell.with_suffix(".views")

    @property
    def exists(self) -> bool:
        """Whether views were kept."""
        return (self.folder / STATE).is_file()

    def keep(self, frames: Mapping[str, Frame], state: JointPositions) -> None:
        """Keep these views. Raises `HardwareError` if a picture is stale."""
        stale = [name for name, frame in frames.items() if frame.stale]
        if stale:
            raise HardwareError(f"{stale} send no new pictures; check their cables first.")
        self.folder.mkdir(exist_ok=True)
        for name, frame in frames.items():
            _, picture = cv2.imencode(".png", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
            replace_file(self.folder / f"{name}.png", bytes(picture))
        replace_file(self.folder / STATE, (json.dumps(state.tolist()) + "\n").encode())

    def rename(self, names: Mapping[str, str]) -> None:
        """Call the views of cameras by new names, by the old ones; two may exchange theirs."""
        kept = {new: self.folder / f"{old}.png" for old, new in names.items()}
        views = {new: path.read_bytes() for new, path in kept.items() if path.is_file()}
        for new, view in views.items():
            replace_file(self.folder / f"{new}.png", view)
        for old in names:
            if old not in views:
                (self.folder / f"{old}.png").unlink(missing_ok=True)

    def comparable(self, state: JointPositions) -> bool:
        """Whether the arms stand as they stood when the views were kept.

        Raises `ValueError` or `OSError` if what was kept cannot be read.
        """
        kept = np.array(json.loads((self.folder / STATE).read_text()), np.float32)
        return kept.shape == state.shape and bool((np.abs(kept - state) < SAME_POSE).all())

    def compare(self, frames: Mapping[str, Frame]) -> list[Problem]:
        """What looks different from then, camera by camera. A stale picture tells nothing."""
        found = []
        for name, frame in frames.items():
            kept = self._picture(name)
            if kept is None or frame.stale:
                continue
            warning = ReferenceView(kept).compare(frame.image).warning
            if warning:
                fix = "Put it right; if it is right as it is, keep the views anew and calibrate."
                found.append(Problem(name, warning, fix))
        return found

    def _picture(self, name: str) -> Image | None:
        picture = cv2.imread(str(self.folder / f"{name}.png"), cv2.IMREAD_COLOR)
        if picture is None:
            return None
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
