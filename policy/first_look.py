"""The first look of an attempt, kept for its later plans: `cam_high@start` beside `cam_high`.

Ours: the paper's network sees the present alone. Where things stood at the start tells what an arm
hides now, and what a task such as swapping two things is about. Knows no network.
"""

from collections.abc import Iterable
from dataclasses import replace

from hardware.interfaces import Frame, Observation

START = "@start"
"""Ends the name of a view that shows what its camera saw when the attempt began."""


def camera_of(view: str) -> str:
    """Name of the camera whose picture a view is."""
    return view.removesuffix(START)


def live(views: Iterable[str]) -> tuple[str, ...]:
    """Those views that show the present, which are cameras."""
    return tuple(view for view in views if not view.endswith(START))


class FirstLook:
    """Remembers the first picture of each camera until told to forget."""

    def __init__(self) -> None:
        self._frames: dict[str, Frame] = {}

    def forget(self) -> None:
        """A new attempt begins."""
        self._frames = {}

    def add_to(self, observation: Observation) -> Observation:
        """Return the observation with the first pictures as further views."""
        for name, frame in observation.frames.items():
            self._frames.setdefault(name + START, frame)
        return replace(observation, frames={**observation.frames, **self._frames})


def frame_of(observation: Observation, view: str) -> Frame:
    """The picture of a view. Whoever remembers no first look gives the newest in its place.

    Raises `KeyError` when the observation has neither.
    """
    frames = observation.frames
    return frames[view] if view in frames else frames[camera_of(view)]


def lacking(observation: Observation, views: Iterable[str]) -> list[str]:
    """Cameras of `views` that the observation has no picture of."""
    return [
        view
        for view in views
        if view not in observation.frames and camera_of(view) not in observation.frames
    ]
