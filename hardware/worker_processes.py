"""How worker processes of a pool begin, so that they end with the process that they work for."""

import ctypes
import os
import signal
import sys
from multiprocessing import parent_process

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2): the signal that a process gets when the thread that started it ends."""


def begin_worker() -> None:
    """Leave interrupts to the parent and, on Linux, die with it, even when it is killed.

    The initializer of a `ProcessPoolExecutor`, or called first in one; the thread that submits
    must live as long as the pool. Elsewhere, workers of a parent that was killed wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        parent = parent_process()
        if parent is not None and not parent.is_alive():  # killed before the line above
            os._exit(1)
