"""Commands of this repository as processes: each with a log, and ended in good order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Where the packages are."""

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2): the signal that a process gets when the thread that started it ends."""

GRACE_SECS = 60.0
"""Longest that a command may take to save what it has once interrupted."""

LAST_LINES = 12
"""Of a log that are shown when its command failed."""


class Command:
    """`python -m MODULE ...` running. What it prints goes to the end of `log`."""

    def __init__(self, arguments: Sequence[str], log: Path, *, gpu: bool = True) -> None:
        """Start it. Without `gpu` it sees none. On Linux it is interrupted when we are killed."""
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": path}
        if not gpu:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        self._began = time.monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C is ours to pass on
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._began

    @property
    def code(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask it to save what it has and to end; it is not waited for."""
        if self.code is None:
            self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """Interrupt it and return when it has ended; kill what does not end within its grace."""
        self.interrupt()
        try:
            self._process.wait(GRACE_SECS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def _end_with_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored by what a shell has in the background
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
