"""A workcell file's calibrations while others edit it: read again only when it changed."""

from collections.abc import Mapping
from pathlib import Path

from hardware.calibration.calibration_file import CameraCalibration, load_calibrations


class KnownCalibrations:
    """What the file said when it could last be read. Safe to ask often, from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], Mapping[str, CameraCalibration], str] | None = None

    def now(self) -> tuple[Mapping[str, CameraCalibration], str]:
        """Calibrations by camera, and why the file cannot be read now, empty if it can."""
        try:
            found = self._path.stat()
        except OSError as error:
            return self._last, f"{error.strerror}: {self._path}"
        stamp = (found.st_mtime_ns, found.st_size)
        read = self._read
        if read is None or read[0] != stamp:
            try:
                read = (stamp, load_calibrations(self._path), "")
            except ValueError as error:
                read = (stamp, self._last, str(error))
            self._read = read
        return read[1], read[2]

    @property
    def _last(self) -> Mapping[str, CameraCalibration]:
        return {} if self._read is None else self._read[1]
