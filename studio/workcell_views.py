"""Whether the cameras still see what they saw: kept by a person, looked at whenever it can be."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hardware.workcell.problem import Problem
from hardware.workcell.view_memory import ViewMemory
from studio.station import Station

FIRST_SECS, EVERY_SECS = 3.0, 60.0
"""When views are compared, as long as the arms stand as they stood."""


class ViewsDesk:
    """Compares in a thread of its own, at the start and then once a minute."""

    def __init__(
        self, station: Station, workcell: Path, *, first_secs: float | int = FIRST_SECS
    ) -> None:
        self._station = station
        self._memory = ViewMemory(workcell)
        self._end = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="views")
        self.problems: list[Problem] = []
        """What looked different when it was last compared."""
        station.notices.watch(self._thread.submit(self._watch, first_secs), "Comparing views")

    def keep(self) -> str:
        """The views are right as they are now; say so."""
        tick = self._station.tick
        if tick is None:
            raise ValueError("No picture has come yet. Try again in a moment.")
        self._memory.keep(tick.observation.frames, tick.observation.state)
        self.problems = []
        return (
            f"The views of {', '.join(tick.observation.frames)} are kept. You are warned when they "
            "look different while the arms stand as they do now."
        )

    def close(self) -> None:
        """End the thread."""
        self._end.set()
        self._thread.shutdown(wait=True)

    def _watch(self, first_secs: float | int) -> None:
        wait = first_secs
        while not self._end.wait(wait):
            self._compare()
            wait = EVERY_SECS

    def _compare(self) -> None:
        tick = self._station.tick
        if tick is None or not self._memory.exists:
            return
        known = {problem.where for problem in self.problems}
        try:
            if not self._memory.comparable(tick.observation.state):
                return
            self.problems = self._memory.compare(tick.observation.frames)
        except (OSError, ValueError) as error:
            words = f"what was kept cannot be read: {error}."
            fix = "Rest the arms and keep the views anew."
            self.problems = [Problem(str(self._memory.folder), words, fix)]
        for problem in self.problems:
            if problem.where not in known:
                self._station.notices.add(f"{problem.where}: {problem.what}", "warning")
