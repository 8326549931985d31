import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from hardware.cameras.source import SourceRefusedError
from hardware.cameras.streaming import Patience, StreamingCamera
from hardware.cameras.uvc import UvcMode, UvcSource
from hardware.cameras.video_devices import UvcBinding, find_video_devices
from hardware.clock import MonotonicClock
from hardware.interfaces import HardwareError

LEFT_PORT = "pci-0000:00:14.0-usb-0:3:1.0"
RIGHT_PORT = "pci-0000:00:14.0-usb-0:4:1.0"
MODE = UvcMode(height=48, width=64, fps=30)


class Machine:
    """A tree of /dev, /sys and /run as udev leaves it, whose video nodes are MJPEG films."""

    def __init__(self, root):
        self.root = root
        self.links = root / "dev/v4l/by-path"
        self.links.mkdir(parents=True)

    def plug(self, number, port, *, serial="", name="HD Webcam", grey=100):
        """Plug a camera in: its node, a node for metadata, a link, and what udev knows."""
        film(self.root / f"dev/video{number}", grey)
        (self.root / f"dev/video{number + 1}").write_bytes(b"metadata")
        for index, capability in ((0, ":capture:"), (1, ":")):
            node = f"video{number + index}"
            (self.links / f"{port}-video-index{index}").symlink_to(f"../../{node}")
            system = self.root / "sys/class/video4linux" / node
            system.mkdir(parents=True, exist_ok=True)
            (system / "index").write_text(f"{index}\n")
            (system / "name").write_text(f"{name}\n")
            (system / "dev").write_text(f"81:{number + index}\n")
            udev = self.root / "run/udev/data" / f"c81:{number + index}"
            udev.parent.mkdir(parents=True, exist_ok=True)
            lines = (f"E:ID_SERIAL_SHORT={serial}", f"E:ID_V4L_CAPABILITIES={capability}")
            udev.write_text("\n".join(["S:v4l/by-path/x", *lines, f"E:ID_PATH={port}"]))

    def unplug(self, number, port):
        for index in (0, 1):
            (self.root / f"dev/video{number + index}").unlink()
            (self.links / f"{port}-video-index{index}").unlink()

    def source(self, mode=MODE, **binding):
        return UvcSource(
            UvcBinding(**binding), MonotonicClock(), mode, root=self.root, backend=cv2.CAP_ANY
        )


def film(path, grey):
    working = path.with_suffix(".avi")
    writer = cv2.VideoWriter(str(working), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for _ in range(200):
        writer.write(np.full((48, 64, 3), (grey, grey, 250), np.uint8))
    writer.release()
    working.rename(path)


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    machine.plug(0, LEFT_PORT, serial="A1", grey=60)
    machine.plug(2, RIGHT_PORT, serial="B2", grey=120)
    return machine


def test_cameras_are_found_with_port_and_serial_and_without_metadata_nodes(machine):
    left, right = find_video_devices(machine.root)
    assert (left.node.name, left.paths, left.serial) == ("video0", (LEFT_PORT,), "A1")
    assert (right.node.name, right.name) == ("video2", "HD Webcam")


def test_a_machine_without_cameras_has_none(tmp_path):
    assert find_video_devices(tmp_path) == []


@pytest.mark.parametrize(
    "binding",
    [
        {"path": RIGHT_PORT},
        {"path": f"/dev/v4l/by-path/{RIGHT_PORT}-video-index0"},
        {"serial": "B2"},
    ],
)
def test_a_camera_is_the_same_by_port_or_serial_whatever_its_number(machine, binding):
    machine.unplug(2, RIGHT_PORT)
    machine.plug(10, RIGHT_PORT, serial="B2", grey=120)
    source = machine.source(**binding)
    source.open()
    red, green, blue = source.grab(1.0).image[24, 32]
    source.close()
    assert red > 230 and abs(int(green) - 120) < 12 and abs(int(blue) - 120) < 12


def test_an_absent_camera_is_refused_with_the_names_of_those_there(machine):
    with pytest.raises(SourceRefusedError, match=f"serial 'C3' is plugged in.*{LEFT_PORT}.*'B2'"):
        machine.source(serial="C3").open()


def test_two_cameras_of_one_serial_must_be_bound_by_path(machine):
    machine.plug(4, "pci-0000:00:14.0-usb-0:9:1.0", serial="A1")
    with pytest.raises(SourceRefusedError, match=r"2 cameras have serial 'A1'.*by its path"):
        machine.source(serial="A1").open()
    machine.source(path=LEFT_PORT).open()


def test_a_camera_is_bound_in_one_way():
    for binding in ({}, {"path": LEFT_PORT, "serial": "A1"}):
        with pytest.raises(ValueError, match="by path or by serial"):
            UvcBinding(**binding)


def test_a_mode_that_it_does_not_take_is_refused_with_the_one_it_gives(machine):
    source = machine.source(UvcMode(height=720, width=1280, fps=60), path=LEFT_PORT)
    with pytest.raises(SourceRefusedError, match=r"asked for 1280x720 at 60.*offers 64x48 at 30"):
        source.open()
    source.close()


def test_a_control_that_it_does_not_take_is_refused(machine):
    mode = UvcMode(height=48, width=64, controls={"exposure": 200})
    source = machine.source(mode, path=LEFT_PORT)
    with pytest.raises(SourceRefusedError, match="does not take exposure 200"):
        source.open()
    source.close()


def test_an_unknown_control_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"exposure.*got \['shutter'\]"):
        UvcMode(controls={"shutter": 1})


def test_a_node_that_does_not_open_is_told(machine):
    (machine.root / "dev/video0").write_bytes(b"busy")
    with pytest.raises(HardwareError, match="Is another program using it"):
        machine.source(path=LEFT_PORT).open()


def test_a_usb_camera_that_is_unplugged_comes_back_on_another_node(machine):
    patience = Patience(first_retry_secs=0.05, longest_retry_secs=0.2)
    camera = StreamingCamera("cam_low", machine.source(path=LEFT_PORT), MonotonicClock(), patience)
    camera.connect()
    assert not camera.read_latest().stale

    machine.unplug(0, LEFT_PORT)
    wait_for(lambda: camera.read_latest().stale and "There is" in camera.health().reason)
    assert RIGHT_PORT in camera.health().reason

    machine.plug(6, LEFT_PORT, serial="A1")
    wait_for(lambda: not camera.read_latest().stale)
    assert camera.health().recoveries >= 1
    camera.disconnect()


def wait_for(condition, secs=10.0):
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.skipif(
    not Path("/sys/module/v4l2loopback").exists(), reason="the v4l2loopback module is not loaded"
)
def test_loop_devices_are_found_as_cameras():
    assert find_video_devices()
