"""What every watching browser is told, as JSON: the state often, the slow things once a second."""

import json
from dataclasses import asdict
from typing import Any

from studio.cell import Cell
from studio.paths import PathProjector
from studio.policy_host import PolicyHost
from studio.record_desk import RecordDesk
from studio.seat import Seat
from studio.station import Station
from studio.suggestions import Suggestions
from studio.workcell_rig import Rig


class Report:
    """Composes the messages of the live connection from what others know. Waits for nothing."""

    def __init__(
        self,
        station: Station,
        record: RecordDesk,
        host: PolicyHost,
        seat: Seat,
        rig: Rig,
    ) -> None:
        self._station = station
        self._record = record
        self._host = host
        self._seat = seat
        self._projector = PathProjector(rig.kinematics, rig.robot.embodiment.cameras)
        self._suggestions = Suggestions(rig.offered)
        self._hand = rig.hand
        self._cell = Cell(station)
        self._told = 0

    def hello(self, browser: int) -> dict[str, Any]:
        """The first message: who the browser is, and what body it looks at."""
        body = self._station.robot.embodiment
        return {
            "type": "hello",
            "browser": browser,
            "body": body.robot_tag,
            "name": body.name,
            "cameras": [asdict(camera) for camera in body.cameras],
            "channels": [asdict(channel) for channel in body.state_channels],
            "hand": self._hand,
            "can_rearrange": self._station.can_rearrange,
            "notices": [asdict(notice) for notice in self._station.notices.recent()],
        }

    def pong(self, sent_at: float) -> str:
        """Answer a ping with the robot's clock, so that a browser can tell a picture's age."""
        return json.dumps({"type": "pong", "at": sent_at, "now": self._station.robot.clock.now()})

    def state(self) -> dict[str, str]:
        """What changes with every tick, and new notices."""
        tick = self._station.tick
        if tick is None:
            return {}
        now = self._station.robot.clock.now()
        state = tick.observation.state
        status = self._station.status()
        message = {
            "type": "state",
            "now": now,
            "tick": tick.index,
            "late_ms": round(tick.late_secs * 1e3, 2),
            **asdict(status),
            "safety_event": self._station.robot.gate.events.newest,
            "seat": self._seat.holder,
            "recording": self._recording(),
            "joints": [round(float(value), 3) for value in state],
            "sent": None if tick.action is None else [round(float(v), 3) for v in tick.action],
            "paths": self._projector.project(
                self._station.chunk, self._station.trail.states(20), state, now
            ),
        }
        return {"state": json.dumps(message), **self._notices()}

    def slow(self) -> dict[str, str]:
        """What a person notices within a second."""
        status = self._host.status
        message = {
            "type": "slow",
            "policy": {"state": status.state, "name": status.name, "message": status.message},
            "suggestions": self._suggestions.fitting(status.tasks),
            "history": [
                {
                    "number": told.number,
                    "at": told.at.astimezone().strftime("%H:%M"),
                    "text": told.text,
                    "policy": told.policy,
                    "outcome": told.outcome,
                    "clip": told.clip,
                }
                for told in self._station.history.newest_first()[:8]
            ],
            "cell": self._cell.read(),
            "disk": self._disk(),
        }
        return {"slow": json.dumps(message)}

    def _recording(self) -> dict[str, Any]:
        status = self._record.recorder.status()
        quality = status.quality
        return {
            "dataset": status.dataset.name if status.dataset else None,
            "recording": status.recording,
            "task": status.task,
            "episode": status.episode_index,
            "frames": status.frames,
            "secs": round(status.secs, 1),
            "dropped": status.dropped,
            "error": status.error,
            "held_secs": status.held_secs,
            "quality": None if quality is None else asdict(quality),
        }

    def _disk(self) -> dict[str, Any]:
        """What recording takes, and what an earlier studio left unsaved."""
        return {"room": self._record.room(), "unsaved": str(self._record.unsaved.first or "")}

    def _notices(self) -> dict[str, str]:
        notices = self._station.notices
        if notices.newest == self._told:
            return {}
        self._told = notices.newest
        kept = [asdict(notice) for notice in notices.recent()[-8:]]
        return {"notices": json.dumps({"type": "notices", "notices": kept})}
