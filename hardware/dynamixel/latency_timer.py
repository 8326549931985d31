"""How long the USB adapter of a serial port holds bytes back, as Linux says. Changes nothing.

FTDI adapters (U2D2 and the like) collect received bytes for up to `latency_timer` milliseconds, 16
unless told otherwise: then no arm can be read at 50 Hz.
"""

from pathlib import Path

WANTED_MSEC = 1

SYSFS = Path("/sys")


def latency_msec(port: str, *, sysfs: Path = SYSFS) -> int | None:
    """The latency timer of `port` in milliseconds, or None where the adapter has none.

    `port` may be a link, as udev makes them.
    """
    device = Path(port).resolve().name
    for folder in ("bus/usb-serial/devices", "class/tty"):
        for path in (
            sysfs / folder / device / "latency_timer",
            sysfs / folder / device / "device" / "latency_timer",
        ):
            if path.is_file():
                return int(path.read_text().strip())
    return None


def latency_problem(port: str, *, sysfs: Path = SYSFS) -> str:
    """What is wrong with the latency timer of `port` and how to set it; empty if nothing is."""
    msec = latency_msec(port, sysfs=sysfs)
    if msec is None or msec <= WANTED_MSEC:
        return ""
    device = Path(port).resolve().name
    return (
        f"The USB adapter holds replies back for up to {msec} ms; {WANTED_MSEC} ms is needed. Run: "
        f"echo {WANTED_MSEC} | sudo tee /sys/bus/usb-serial/devices/{device}/latency_timer, or add "
        f'the udev rule ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", '
        f'ATTR{{latency_timer}}="{WANTED_MSEC}". Port: {port}'
    )
