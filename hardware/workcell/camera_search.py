"""Which cameras are plugged in, and what to call them in a workcell file. Opens none."""

from dataclasses import dataclass

from hardware.cameras.realsense_devices import RealSenseDevice, find_realsenses
from hardware.cameras.video_devices import VideoDevice, find_video_devices
from hardware.interfaces import HardwareError
from hardware.workcell.entries import CameraEntry
from hardware.workcell.machine import Machine
from hardware.workcell.problem import Problem


@dataclass(frozen=True, slots=True)
class FoundCameras:
    """Cameras by kind; a RealSense is not counted as USB camera too."""

    realsenses: tuple[RealSenseDevice, ...]
    videos: tuple[VideoDevice, ...]
    problems: tuple[Problem, ...]

    def entries(self, names: tuple[str, ...]) -> tuple[CameraEntry, ...]:
        """An entry for each, called by `names` in turn; more cameras are called by number."""
        found = [CameraEntry("", "realsense", serial=each.serial) for each in self.realsenses]
        for video in self.videos:
            path = video.paths[0] if video.paths else ""
            found.append(CameraEntry("", "uvc", serial="" if path else video.serial, path=path))
        called = (*names, *(f"cam_{number}" for number in range(len(names) + 1, len(found) + 1)))
        return tuple(
            CameraEntry(name, each.kind, serial=each.serial, path=each.path)
            for name, each in zip(called, found, strict=False)
        )


def search_cameras(machine: Machine) -> FoundCameras:
    """List the cameras and what is wrong with how they are plugged in."""
    problems = []
    realsenses: list[RealSenseDevice] = []
    try:
        realsenses = find_realsenses(machine.realsense())
    except HardwareError as error:
        problems.append(Problem("RealSense cameras", str(error), "Needed only for RealSense."))
    videos = [
        each for each in find_video_devices(machine.root) if "realsense" not in each.name.lower()
    ]
    problems += [
        Problem(f"camera {each.serial}", each.warning) for each in realsenses if each.warning
    ]
    problems += [
        Problem(str(each), "it has neither USB path nor serial number to be bound by.",
                "Check that udev runs: /dev/v4l/by-path should exist.")
        for each in videos
        if not each.paths and not each.serial
    ]  # fmt: skip
    usable = [each for each in videos if each.paths or each.serial]
    return FoundCameras(tuple(realsenses), tuple(usable), tuple(problems))
