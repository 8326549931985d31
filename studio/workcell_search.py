"""Searching for arms and cameras from the page, and writing the first workcell file."""

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hardware.arms.interbotix import ARM_MODELS
from hardware.dynamixel.port import REPLY_SECS
from hardware.workcell.arm_search import FoundArm, search_arms
from hardware.workcell.camera_search import FoundCameras, search_cameras
from hardware.workcell.draft import draft_workcell
from hardware.workcell.machine import Machine
from hardware.workcell.problem import Problem, numbered
from hardware.workcell.rules import broken_rules
from hardware.workcell.writing import save_workcell

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class WorkcellSearch:
    """One search at a time, in a thread of its own: it takes a second a port."""

    def __init__(
        self,
        folder: Path,
        machine: Machine | None = None,
        *,
        reply_secs: float | int = REPLY_SECS,
    ) -> None:
        self._folder = folder
        self._reply_secs = reply_secs
        self._machine = machine or Machine()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
        self._lock = threading.Lock()
        self._searching = False
        self._found: tuple[list[FoundArm], FoundCameras] | None = None
        self._problems: list[Problem] = []
        self.written: Path | None = None
        """The file that was written last; None before."""

    def begin(self) -> Future[None]:
        """Look for devices. Raises `ValueError` while it does already."""
        with self._lock:
            if self._searching:
                raise ValueError("The search is under way.")
            self._searching = True
        return self._thread.submit(self._look)

    def _look(self) -> None:
        try:
            arms, problems = search_arms(self._machine, reply_secs=self._reply_secs)
            cameras = search_cameras(self._machine)
            self._found, self._problems = (arms, cameras), [*problems, *cameras.problems]
        finally:
            self._searching = False

    def status(self) -> dict[str, Any]:
        """What was found, as JSON."""
        arms, cameras = self._found or ([], None)
        return {
            "searching": self._searching,
            "done": self._found is not None,
            "found": [_in_words(arm) for arm in arms] + ([] if cameras is None else _seen(cameras)),
            "problems": [str(problem) for problem in self._problems],
        }

    def write(self, name: str) -> str:
        """Write what was found into a new workcell file; say how to go on.

        Raises `ValueError` for a name that cannot be a file's, or when no follower was found.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"A name has letters, digits, dots and dashes, got {name!r}.")
        if self._found is None:
            raise ValueError("Search first.")
        workcell, remarks = draft_workcell(*self._found, name=name, reply_secs=self._reply_secs)
        if not workcell.arms_of("follower"):
            raise ValueError("No follower arm was found, so there is nothing to write.")
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.toml"
        save_workcell(path, workcell, remarks)
        self.written = path
        if wrong := broken_rules(workcell):
            return f"Written: {path}. {' '.join(remarks)} It cannot be used yet: {numbered(wrong)}"
        return (
            f"Written: {path}. {' '.join(remarks)} Then close the studio and start it with: "
            f"python app.py --workcell {path}"
        )

    def close(self) -> None:
        """Let a search under way end."""
        self._thread.shutdown(wait=True)


def _in_words(arm: FoundArm) -> str:
    models = " or ".join(ARM_MODELS[model].name for model in arm.models) or "no arm we know"
    return f"{arm.device.port}: {len(arm.servos)} motors, {models}"


def _seen(cameras: FoundCameras) -> list[str]:
    found = [f"{each.name} {each.serial}, USB {each.usb}" for each in cameras.realsenses]
    return found + [str(each) for each in cameras.videos]
