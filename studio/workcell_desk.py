"""What the Workcell page works on: devices found, live values, covers, ranges, calibrations."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hardware.calibration.board import Board
from hardware.calibration.calibration_file import CameraCalibration
from hardware.calibration.known_calibrations import KnownCalibrations
from hardware.cameras.cover_check import CoverCheck
from hardware.interfaces import Frame
from hardware.safety.events import SafetyEvent
from hardware.safety.state import GateState
from hardware.workcell.hand_range import HandRange
from hardware.workcell.problem import Problem
from hardware.workcell.serviced_arm import ServicedArm
from hardware.workcell.writing import store_limits
from studio.notices import Notices
from studio.station import Station
from studio.workcell_calibration import CalibrationDesk
from studio.workcell_changes import RESTART, ChangesDesk
from studio.workcell_rig import Rig
from studio.workcell_search import WorkcellSearch
from studio.workcell_views import ViewsDesk


class WorkcellDesk:
    """Serves both kinds of studio: on a workcell, and in simulation, where one can be searched for.

    `folder` takes new workcell files, and `hand_range` listens to the control loop. Orders may
    come from any thread.
    """

    def __init__(self, station: Station, hand_range: HandRange, rig: Rig, folder: Path) -> None:
        self._station = station
        self._cell, self._path = rig.cell, rig.path
        self.search = WorkcellSearch(folder)
        self.calibration = (
            None
            if rig.path is None
            else CalibrationDesk(station, rig.path, Board(), saved=rig.calibrated)
        )
        self.views = None if rig.path is None else ViewsDesk(station, rig.path)
        self._known = None if rig.path is None else KnownCalibrations(rig.path)
        self._cover: CoverCheck | None = None
        self._range = hand_range
        self.changes = ChangesDesk(
            station,
            lambda: self._path or self.search.written,
            [] if rig.cell is None else list(rig.cell.arms.values()),
            busy=self._busy,
            told=self._forget_names,
        )
        station.robot.gate.events.listen(self._on_gate)

    @property
    def notices(self) -> Notices:
        """Where words for the operator go."""
        return self._station.notices

    @property
    def running(self) -> bool:
        """Whether the studio runs on a workcell."""
        return self._cell is not None

    @property
    def can_be_loose(self) -> bool:
        """Whether the followers can be lowered and let go, to be moved by hand."""
        return self._station.robot.gate.limits.rest is not None

    def close(self) -> None:
        """End what is under way."""
        for part in (self.calibration, self.views):
            if part is not None:
                part.close()
        self.search.close()

    def live(self) -> dict[str, Any]:
        """Everything the page shows, as JSON. Asks no device."""
        if self._cell is None:
            pending = self.changes.pending
            return {"running": False, "search": self.search.status(), "pending": pending}
        progress = None if self.calibration is None else self.calibration.progress
        return {
            "running": True,
            "file": str(self._path),
            "arms": [self._arm(arm) for arm in self._cell.arms.values()],
            "cameras": [self._camera(name) for name in self._cell.cameras],
            "problems": [str(problem) for problem in self.problems()],
            "calibrating": None if progress is None else asdict(progress),
            "range": self._range.spans,
            "pending": self.changes.pending,
        }

    def problems(self) -> list[Problem]:
        """What is wrong with the running workcell, each with its fix."""
        if self._cell is None:
            return []
        found = []
        for name, arm in self._cell.arms.items():
            if arm.fault:
                fix = "Remove the cause and press Reset; for a leader, press Take over again."
                found.append(Problem(name, arm.fault, fix))
        for name, camera in self._cell.cameras.items():
            health = camera.health()
            if health.reason:
                fix = "Check its cable and hub; it comes back by itself."
                found.append(Problem(name, f"{health.state.value}. {health.reason}", fix))
        found += self._unreadable()
        found += [] if self.views is None else self.views.problems
        arms = self._cell.workcell.arms
        unknown = [
            arm.name
            for arm in arms
            if not (arm.fingerprints or arm.calibration or arm.name in self.changes.remembered)
        ]
        if self.changes.must_restart:
            found.append(Problem(str(self._path), RESTART))
        if unknown:
            command = f"python -m hardware.check {self._path} --remember"
            fix = f"Press Remember motors; or, with the studio closed: {command}"
            words = "another arm of its kind at the same port would not be noticed."
            found.append(Problem(", ".join(unknown), words, fix))
        return found

    def _unreadable(self) -> list[Problem]:
        why = "" if self._known is None else self._known.now()[1]
        fix = "Mend the file; until then what it said before holds."
        return [Problem(str(self._path), why, fix)] if why else []

    def begin_calibration(self, camera: str, what: str) -> None:
        """Take pictures for a lens or a place, as `CalibrationDesk.begin`."""
        self.changes.check_names()
        if self.calibration is not None:
            self.calibration.begin(camera, what)

    def keep_views(self) -> str:
        """The views are right as they are now; say so."""
        self.changes.check_names()
        if self.views is None:
            raise ValueError("Views are kept of a workcell's cameras.")
        return self.views.keep()

    def begin_cover(self) -> str:
        """Remember the pictures of all cameras, while none is covered."""
        self._cover = CoverCheck(self._frames())
        return "Now cover one camera with a hand, choose its name, and press Check."

    def check_cover(self, camera: str) -> str:
        """Say whether `camera` is the one that went dark."""
        if self._cover is None:
            raise ValueError("Uncover all cameras and press Begin first.")
        words = self._cover.problem(camera, self._frames())
        if words is not None:
            raise ValueError(words)
        return f"{camera} is the camera that is covered: its name is right."

    def begin_range(self) -> str:
        """Follow the followers while a person moves them; they must be loose."""
        if not self.can_be_loose:
            raise ValueError("These arms are never let go, so their range is not found by hand.")
        if self._station.robot.gate.state is not GateState.DISARMED:
            raise ValueError(
                "The arms must be loose: press Stop, wait two seconds, and press it again. They "
                "are lowered and let go."
            )
        self._range.begin()
        return "Move each joint by hand as far as it may go, then press Save range."

    def save_range(self) -> str:
        """Write what was moved through while loose as limits; they hold from the next start on.

        Raises `WorkcellError`, and writes nothing, if the next start would refuse them.
        """
        self.changes.check_names()
        if not self._range.spans or self._path is None:
            raise ValueError("Nothing was moved yet. Make the arms loose and press Begin.")
        limits = self._range.limits(self._station.robot.gate.limits.rest)
        if not limits:
            raise ValueError("No joint was turned by more than 10 degrees.")
        store_limits(self._path, limits)
        self._range.forget()
        return f"Limits of {', '.join(limits)} are written. They hold from the next start on."

    def _busy(self) -> str:
        """What must end before names change; empty if nothing is under way."""
        if self.calibration is not None and self.calibration.progress is not None:
            return "A camera is being calibrated: save or cancel that first."
        if self._range.watching:
            return "The arms are moved by hand for their range: save it first, or press Reset."
        return ""

    def _forget_names(self) -> None:
        """Names changed: what is kept by name is not that of the arms and cameras that run."""
        self._range.forget()
        if self.views is not None:
            self.views.close()
            self.views.problems = []

    def _on_gate(self, event: SafetyEvent) -> None:
        """Arms that hold again are not moved by hand any more."""
        if event.before is GateState.DISARMED:
            self._range.end()

    def _frames(self) -> dict[str, Frame]:
        tick = self._station.tick
        if tick is None:
            raise ValueError("No picture has come yet. Try again in a moment.")
        return dict(tick.observation.frames)

    def _arm(self, arm: ServicedArm) -> dict[str, Any]:
        entry = next(each for each in self._cell.workcell.arms if each.name == arm.name)  # type: ignore[union-attr]
        vitals, where = arm.vitals, arm.latest
        joints = [] if where is None else np.degrees(where[:-1]).round(1).tolist()
        return {
            "name": arm.name,
            "model": entry.model,
            "port": entry.port,
            "fault": arm.fault,
            "degrees": joints,
            "gripper": None if where is None else round(float(where[-1]), 2),
            "celsius": max(vitals.celsius.values(), default=None),
            "amperes": max((abs(each) for each in vitals.amperes.values()), default=None),
        }

    def _camera(self, name: str) -> dict[str, Any]:
        cell = self._cell
        if cell is None or self._known is None:
            raise ValueError("There is no workcell.")
        health = cell.cameras[name].health()
        entry = next(each for each in cell.workcell.cameras if each.name == name)
        known = self._known.now()[0].get(name, CameraCalibration())
        return {
            "name": name,
            "bound_to": entry.bound_to,
            "size": f"{entry.width}x{entry.height}",
            "state": health.state.value,
            "fps": round(health.fps, 1),
            "age_ms": None if health.age_secs is None else round(1e3 * health.age_secs),
            "gaps": health.gaps,
            "recoveries": health.recoveries,
            "lens": known.lens is not None,
            "place": "" if known.place is None else known.place.parent,
        }
