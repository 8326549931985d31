"""The serial ports of a computer, what names them for good, and whether they may be opened."""

import os
from dataclasses import dataclass
from pathlib import Path

from hardware.dynamixel.latency_timer import latency_problem
from hardware.workcell.machine import Machine
from hardware.workcell.problem import Problem

BY_ID = "dev/serial/by-id"
NODES = ("ttyUSB*", "ttyACM*")


@dataclass(frozen=True, slots=True)
class SerialDevice:
    """One serial port of a USB adapter."""

    node: Path
    """Such as /dev/ttyUSB0; may be another one after a restart."""
    link: Path | None
    """Its name by serial number in /dev/serial/by-id, which stays."""
    serial: str
    """The adapter's serial number, or empty."""
    vendor: str
    """USB vendor ID, four hexadecimal digits, or empty."""

    @property
    def port(self) -> str:
        """What a workcell file calls it."""
        return str(self.link or self.node)


def find_serial_devices(machine: Machine) -> list[SerialDevice]:
    """List the USB serial ports, those with a lasting name first, each once."""
    links = machine.root / BY_ID
    named: dict[Path, Path] = {}
    for link in sorted(links.iterdir()) if links.is_dir() else ():
        if link.exists():
            named.setdefault(link.resolve(), link)
    nodes = {node for pattern in NODES for node in (machine.root / "dev").glob(pattern)}
    unnamed = sorted(node for node in nodes if node.resolve() not in named)
    return [
        _describe(machine, node, link)
        for node, link in (*named.items(), *((node, None) for node in unnamed))
    ]


def device_at(machine: Machine, port: str) -> SerialDevice:
    """Describe the port at this path, which exists."""
    path = Path(port)
    return _describe(machine, path.resolve(), path if path.is_symlink() else None)


def port_problems(machine: Machine, device: SerialDevice) -> list[Problem]:
    """What keeps a port from being used for an arm; opens nothing."""
    found = []
    if not os.access(device.node, os.R_OK | os.W_OK):
        fix = "Run `sudo usermod -aG dialout $USER` and log in again, or install the udev rules."
        found.append(Problem(device.port, "this user may not open the port.", fix))
    if device.link is None:
        fix = "Use its name in /dev/serial/by-id, or a udev link (`--udev` prints rules)."
        found.append(Problem(device.port, "this name may mean another arm tomorrow.", fix))
    if words := latency_problem(device.port, sysfs=machine.sysfs):
        fix = "`python -m hardware.check --udev` prints a rule that keeps it so."
        found.append(Problem(device.port, words, fix))
    return found


def _describe(machine: Machine, node: Path, link: Path | None) -> SerialDevice:
    usb = _usb_device(machine.sysfs / "class/tty" / node.name / "device")
    serial, vendor = ("", "") if usb is None else (_read(usb / "serial"), _read(usb / "idVendor"))
    return SerialDevice(node, link, serial, vendor)


def _usb_device(device: Path) -> Path | None:
    """The USB device that a tty hangs on, which knows its maker and serial number."""
    if not device.exists():
        return None
    here = device.resolve()
    return next((path for path in (here, *here.parents) if (path / "idVendor").is_file()), None)


def _read(path: Path) -> str:
    return path.read_text(errors="replace").strip() if path.is_file() else ""
