"""The V4L2 cameras of this machine and what names them for good: port and serial. Opens none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hardware.cameras.source import SourceRefusedError

INDEX_SUFFIX = "-video-index"
"""udev ends the names of its links so; index 0 gives the pictures, others give metadata."""


@dataclass(frozen=True, slots=True)
class VideoDevice:
    """One camera that V4L2 knows."""

    node: Path
    """Such as /dev/video0; may be another one after a restart."""
    name: str
    """What the maker calls it."""
    paths: tuple[str, ...]
    """The USB port it is plugged into, as udev spells it in /dev/v4l/by-path."""
    serial: str
    """Its serial number, or empty. Cheap cameras share one."""

    def __str__(self) -> str:
        serial = f"serial {self.serial!r}" if self.serial else "no serial"
        path = f"path {self.paths[0]!r}" if self.paths else "no path"
        return f"{self.name or 'a camera'} ({path}, {serial}, {self.node})"


@dataclass(frozen=True, slots=True)
class UvcBinding:
    """Which camera is meant: the one in a USB port, or the one with a serial number."""

    path: str | None = None
    """As in /dev/v4l/by-path, with or without the folder and `-video-index0`."""
    serial: str | None = None

    def __post_init__(self) -> None:
        if (self.path is None) == (self.serial is None):
            raise ValueError(
                f"Bind a camera by path or by serial, one of them; got path={self.path!r}, "
                f"serial={self.serial!r}."
            )

    def __str__(self) -> str:
        return f"path {self.path!r}" if self.serial is None else f"serial {self.serial!r}"

    def choose(self, devices: Sequence[VideoDevice]) -> VideoDevice:
        """Return the camera that is meant.

        Raises `SourceRefusedError` naming the cameras that are there if none or several fit.
        """
        fitting = [device for device in devices if self._fits(device)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise SourceRefusedError(
                f"{len(fitting)} cameras have {self}: {'; '.join(map(str, fitting))}. "
                "Bind each by its path."
            )
        there = "; ".join(map(str, devices)) or "no V4L2 camera at all"
        raise SourceRefusedError(
            f"No camera with {self} is plugged in. There is: {there}. "
            "Check its cable and hub, or bind another one."
        )

    def _fits(self, device: VideoDevice) -> bool:
        if self.path is not None:
            return port_of(self.path) in device.paths
        return self.serial == device.serial


def port_of(link: str) -> str:
    """Return the port that a link in /dev/v4l/by-path stands for, without folder and index."""
    return link.rsplit("/", 1)[-1].split(INDEX_SUFFIX)[0]


def find_video_devices(root: Path = Path("/")) -> list[VideoDevice]:
    """List the cameras that V4L2 knows, by node. `root` holds `dev`, `sys` and `run`."""
    paths: dict[str, list[str]] = {}
    links = root / "dev/v4l/by-path"
    for link in sorted(links.iterdir()) if links.is_dir() else ():
        if link.name.endswith(f"{INDEX_SUFFIX}0") and link.exists():
            paths.setdefault(link.resolve().name, []).append(port_of(link.name))
    nodes = sorted((root / "dev").glob("video*"), key=lambda node: (len(node.name), node.name))
    return [
        device
        for node in nodes
        if (device := _describe(root, node, tuple(paths.get(node.name, ()))))
    ]


def _describe(root: Path, node: Path, paths: tuple[str, ...]) -> VideoDevice | None:
    """Return the camera at `node`, or None if it gives no pictures."""
    system = root / "sys/class/video4linux" / node.name
    properties = _udev_properties(root, _read(system / "dev"))
    capabilities = properties.get("ID_V4L_CAPABILITIES", ":capture:")
    if _read(system / "index") not in ("", "0") or ":capture:" not in capabilities:
        return None
    name = _read(system / "name") or properties.get("ID_V4L_PRODUCT", "")
    serial = properties.get("ID_SERIAL_SHORT", "")
    return VideoDevice(node, name, paths or _known(properties.get("ID_PATH")), serial)


def _known(path: str | None) -> tuple[str, ...]:
    return () if path is None else (path,)


def _udev_properties(root: Path, number: str) -> dict[str, str]:
    """Return what udev has written down about character device `number`, such as `81:0`."""
    lines = _read(root / "run/udev/data" / f"c{number}").splitlines()
    entries = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {key: value for key, _, value in entries}


def _read(path: Path) -> str:
    return path.read_text(errors="replace").strip() if path.is_file() else ""
