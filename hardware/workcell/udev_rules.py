"""udev rules for a workcell: names of ports, permissions, quick USB adapters. Text only."""

from collections.abc import Mapping

HEAD = """\
# VLA Studio: names, permissions and latency of a workcell's devices.
# Install:
#   python -m hardware.check WORKCELL --udev | sudo tee /etc/udev/rules.d/99-vla-studio.rules
#   sudo udevadm control --reload && sudo udevadm trigger

# USB adapters pass every byte on within 1 ms instead of 16.
ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"

# Whoever belongs to dialout may use the arms; ModemManager leaves them alone.
SUBSYSTEM=="tty", ATTRS{idVendor}=="0403", GROUP="dialout", MODE="0660", \
ENV{ID_MM_DEVICE_IGNORE}="1"

# Cameras, for whoever sits at the computer or belongs to video or plugdev.
SUBSYSTEM=="video4linux", GROUP="video", MODE="0660", TAG+="uaccess"
SUBSYSTEM=="usb", ATTRS{idVendor}=="8086", GROUP="plugdev", MODE="0660", TAG+="uaccess"
"""


def udev_rules(serial_by_arm: Mapping[str, str]) -> str:
    """The rules as text, with a link `/dev/vla/ARM` for every adapter with a serial number."""
    links = [
        f'SUBSYSTEM=="tty", ATTRS{{serial}}=="{serial}", SYMLINK+="vla/{arm}"'
        for arm, serial in serial_by_arm.items()
        if serial
    ]
    if not links:
        return HEAD
    return "\n".join([HEAD, "# Each arm by its adapter's serial number.", *links, ""])
