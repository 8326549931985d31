"""Where a computer shows its devices: files for tests and containers may lie elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hardware.cameras.realsense_devices import RealSenseObject, make_context


@dataclass(frozen=True, slots=True)
class Machine:
    """One computer, as far as looking for devices goes."""

    root: Path = Path("/")
    """Holds `dev`, `sys` and `run`."""
    realsense: Callable[[], RealSenseObject] = make_context
    """Makes librealsense's context. Raises `HardwareError` if it is not installed."""

    def opened_once(self) -> "Machine":
        """The same, with one context of librealsense for all who ask: more only cost time."""
        return replace(self, realsense=cache(self.realsense))

    @property
    def sysfs(self) -> Path:
        """What the kernel says of devices."""
        return self.root / "sys"
