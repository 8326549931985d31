"""A policy server in a process of its own on this machine, started and stopped from here."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from policy.client import PolicyUnreachableError

GRACE_SECS = 20.0
"""Longest it may take to end once told to."""

START_SECS = 120.0
"""Longest a server may take to load and to answer."""


class LocalPolicyServer:
    """`python -m policy.serve CHECKPOINT` on a free loopback port."""

    def __init__(self, checkpoint: Path, log_path: Path, *, seed: int = 0) -> None:
        """Start it; returns at once. `log_path` receives what it prints."""
        self.checkpoint = checkpoint
        self.log_path = log_path
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        self.url = f"ws://127.0.0.1:{port}"
        self._port = port
        log_path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "policy.serve", str(checkpoint), "--port", str(port)]
        with log_path.open("w") as log:
            self._process = subprocess.Popen(
                [*command, "--seed", str(seed)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[1],
                start_new_session=True,  # Ctrl-C in the studio's terminal is the studio's to handle
            )

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the server process."""
        return self._process.pid

    def wait_ready(self, timeout_secs: float = START_SECS) -> None:
        """Return once it listens. Raises `PolicyUnreachableError` with the end of its log."""
        deadline = time.monotonic() + timeout_secs
        while time.monotonic() < deadline:
            if not self.alive:
                break
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.1)
        last = self.log_path.read_text().strip().splitlines()[-3:]
        said = " ".join(last) or "It printed nothing."
        raise PolicyUnreachableError(f"The policy server did not start. {said}")

    def stop(self) -> None:
        """End the process; safe to call twice."""
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(GRACE_SECS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
