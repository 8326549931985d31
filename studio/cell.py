"""How the robot cell keeps up: camera rates, the loop's timeliness, processor use."""

from typing import Any

import psutil

from studio.station import Station


class Cell:
    """Measures since the last reading. Read from one thread."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._process = psutil.Process()

    def read(self) -> dict[str, Any]:
        """Return camera ages, the loop's timeliness and processor use, for the page."""
        timeliness = self._station.timeliness()
        return {
            "turns": timeliness.turns,
            "missed": timeliness.missed,
            "late_p50_ms": round(timeliness.late_p50_secs * 1e3, 2),
            "late_p99_ms": round(timeliness.late_p99_secs * 1e3, 2),
            "late_max_ms": round(timeliness.late_max_secs * 1e3, 2),
            "cpu_percent": round(self._process.cpu_percent(), 1),
            "memory_mb": self._process.memory_info().rss // 2**20,
            "cameras": self._ages(),
        }

    def _ages(self) -> dict[str, float]:
        tick = self._station.tick
        if tick is None:
            return {}
        frames = tick.observation.frames
        now = tick.observation.timestamp
        return {name: round((now - frame.captured_at) * 1e3, 1) for name, frame in frames.items()}
