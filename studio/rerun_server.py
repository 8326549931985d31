"""Rerun's data server as a process of its own, on loopback; the page reaches it by a proxy."""

import os
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

MEMORY_LIMIT = "50MB"
"""Of the history a late viewer is sent."""

START_SECS = 15.0


class RerunServer:
    """Takes what the studio logs and hands it to viewers, the newest first."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Of its process, if it was started."""
        return self._process.pid if self._process is not None else None

    @property
    def url(self) -> str:
        """Where the studio logs to."""
        return f"rerun+http://127.0.0.1:{self.port}/proxy"

    def start(self) -> None:
        """Start it and wait until it listens. Raises `RuntimeError` when it does not."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        program = _program()
        self._process = subprocess.Popen(
            [
                str(program),
                "--serve-grpc",
                "--newest-first",
                *("--bind", "127.0.0.1", "--port", str(self.port)),
                *("--server-memory-limit", MEMORY_LIMIT),
            ],
            env=os.environ | {"RUST_LOG": "error", "RERUN_APP_ONLY": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=sys.stderr,
            start_new_session=True,  # Ctrl-C is the studio's to handle
        )
        deadline = time.monotonic() + START_SECS
        while time.monotonic() < deadline and self.alive:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("The Rerun server did not start; the rest of the page works without.")

    def stop(self) -> None:
        """End the process. Safe to call twice."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _program() -> Path:
    found = find_spec("rerun_cli")
    if found is None or found.origin is None:
        raise RuntimeError("The rerun-sdk package lacks its program. Install rerun-sdk again.")
    return Path(found.origin).parent / "rerun"
