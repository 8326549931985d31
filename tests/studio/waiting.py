"""Waiting for something to come true on another thread."""

import time


def wait_for(condition, timeout_secs=5.0):
    """Return once `condition()` holds; fail the test if it does not."""
    deadline = time.monotonic() + timeout_secs
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
