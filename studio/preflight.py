"""What must be true before anything is started: libraries, a writable folder, a free port."""

import ctypes
import errno
import os
import socket
import sys
from pathlib import Path

DRAWING_LIBRARY = ("libEGL.so.1", "libegl1 libgl1-mesa-dri")
USB_LIBRARY = ("libusb-1.0.so.0", "libusb-1.0-0")


class NotReadyError(Exception):
    """Something must be put right by a person before the studio can start."""


def install_command(libraries: list[tuple[str, str]]) -> str:
    """Return the one command that installs what is missing of `libraries`; empty if all are here.

    A library is its file name and the Debian packages that bring it.
    """
    packages = [packages for file, packages in libraries if not _loads(file)]
    return f"sudo apt-get install -y {' '.join(packages)}" if packages else ""


def check_libraries() -> str:
    """Raise `NotReadyError` when the simulation cannot draw here.

    Returns what else would be worth installing, in words; empty if nothing is.
    """
    if sys.platform != "linux":
        return ""
    command = install_command([DRAWING_LIBRARY, USB_LIBRARY])
    if not _loads(DRAWING_LIBRARY[0]):
        raise NotReadyError(
            "The system library EGL is missing; the simulation draws with it. Install it with:\n"
            f"  {command}"
        )
    if command:
        return f"libusb is missing; RealSense cameras would need it. Install it with: {command}"
    return ""


def check_data_dir(folder: Path) -> None:
    """Make the data folder. Raises `NotReadyError` when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "Permission denied")
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise NotReadyError(
            f"Nothing can be written to the data folder ({error.strerror}). "
            f"Choose another with --data DIR. Folder: {folder}"
        ) from error


def listen(host: str, port: int) -> socket.socket:
    """Take the port now, so that nobody else can. Raises `NotReadyError` when it is not free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # taken for sure only now
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise NotReadyError(
                f"Port {port} is in use, maybe by another studio: open http://{host}:{port} "
                f"or start this one with --port {port + 1}."
            ) from error
        raise NotReadyError(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return listener


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True
