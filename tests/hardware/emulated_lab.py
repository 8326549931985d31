"""A computer with four emulated arms and picture folders for cameras: its `/dev` and `/sys`."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from servo_bus.arms import viperx, widowx
from servo_bus.bus import ServoBus

from hardware import check
from hardware.workcell.machine import Machine

ARMS = ("left_follower", "right_follower", "left_leader", "right_leader")
MAKERS = {"follower": viperx, "leader": widowx}

REPLY_SECS = 0.25
"""An emulation on a busy machine is slow to answer."""


@dataclass(frozen=True)
class Lab:
    root: Path
    buses: dict[str, ServoBus]

    @property
    def machine(self) -> Machine:
        return Machine(self.root, NoRealSense)

    def port(self, arm: str) -> Path:
        return self.root / "dev/serial/by-id" / link_of(arm)

    def pictures(self, camera: str) -> Path:
        return self.root / "pictures" / camera


def until(condition, timeout_secs=10.0):
    """Return once `condition()` holds; fail the test if it does not."""
    deadline = time.monotonic() + timeout_secs
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def serial_of(arm: str) -> str:
    return f"FT{ARMS.index(arm)}WFZ1"


def link_of(arm: str) -> str:
    return f"usb-FTDI_USB__-__Serial_Converter_{serial_of(arm)}-if00-port0"


class NoRealSense:
    """librealsense's context with nothing plugged in."""

    def query_devices(self):
        return []


def plug_in(root: Path, number: int, arm: str, port: str) -> None:
    """What Linux shows of an FTDI adapter: a link by serial number, its USB device, its timer."""
    links = root / "dev/serial/by-id"
    links.mkdir(parents=True, exist_ok=True)
    (links / link_of(arm)).symlink_to(port)
    usb = root / f"sys/devices/usb1/1-{number}"
    tty = usb / f"1-{number}:1.0/{Path(port).name}"
    tty.mkdir(parents=True)
    (usb / "serial").write_text(serial_of(arm) + "\n")
    (usb / "idVendor").write_text("0403\n")
    (usb / "product").write_text("USB <-> Serial Converter\n")
    (tty / "latency_timer").write_text("1\n")
    shown = root / f"sys/class/tty/{Path(port).name}"
    shown.mkdir(parents=True)
    (shown / "device").symlink_to(tty)


def plug_in_again(lab: Lab, arm: str, bus: ServoBus) -> None:
    """The same adapter in another hole: its name by serial number leads to another node."""
    lab.port(arm).unlink()
    lab.port(arm).symlink_to(bus.path)


def draw_pictures(folder: Path, shade: int, *, height: int = 48, width: int = 64) -> None:
    folder.mkdir(parents=True)
    for number in range(5):
        picture = np.full((height, width, 3), shade + 10 * number, np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), picture)


@contextmanager
def emulated_lab(
    root: Path, arms: tuple[str, ...] = ARMS, now: Callable[[], float] = time.monotonic
) -> Iterator[Lab]:
    with ExitStack() as stack:
        buses = {arm: stack.enter_context(MAKERS[arm.split("_")[1]](clock=now)) for arm in arms}
        for number, arm in enumerate(arms):
            plug_in(root, number, arm, buses[arm].path)
        for shade, camera in ((40, "cam_high"), (120, "cam_left_wrist")):
            draw_pictures(root / "pictures" / camera, shade)
        yield Lab(root, buses)


def workcell_text(lab: Lab) -> str:
    """The TOML that a person would write for this lab."""
    lines = ['name = "bench"', ""]
    for arm in lab.buses:
        side, role = arm.split("_")
        lines += [
            f"[arms.{arm}]",
            f'model = "aloha_2023_{role}"',
            f'role = "{role}"',
            f'side = "{side}"',
            f'port = "{lab.port(arm)}"',
            f"reply_secs = {REPLY_SECS}",
            *(["silence_secs = 1.0"] if role == "follower" else []),
            "",
        ]
    for camera in ("cam_high", "cam_left_wrist"):
        lines += [
            f"[cameras.{camera}]",
            'kind = "pictures"',
            f'path = "pictures/{camera}"',
            "height = 48",
            "width = 64",
            "fps = 30",
            "",
        ]
    return "\n".join(lines)


def check_said(lab: Lab, capsys, **options) -> tuple[int, str]:
    """Exit status of `python -m hardware.check` in `lab`, and all that it said."""
    options = {"reply_ms": 1e3 * REPLY_SECS} | options
    status = check.main(check.Options(**options), lab.machine)
    said = capsys.readouterr()
    return status, said.out + said.err
