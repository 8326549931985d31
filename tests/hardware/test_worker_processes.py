"""Worker processes end with the process that they work for, however it ends."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]

WORKING = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from hardware.worker_processes import begin_worker

with ProcessPoolExecutor(1, get_context("spawn"), begin_worker) as pool:
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the workers of the killed")
def test_the_worker_of_a_process_that_is_killed_dies():
    with subprocess.Popen(
        [sys.executable, "-c", WORKING], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    try:
        worker.wait(10)
    except psutil.TimeoutExpired:  # nobody may have asked yet how it ended
        assert worker.status() == psutil.STATUS_ZOMBIE


def test_every_pool_of_the_product_begins_its_workers_so():
    pools = [
        path
        for package in ("hardware", "policy", "recordings", "studio")
        for path in (ROOT / package).rglob("*.py")
        if "ProcessPoolExecutor(" in path.read_text()
    ]
    assert len(pools) >= 4
    assert [path for path in pools if "begin_worker" not in path.read_text()] == []
