"""Records under a limit on the size of files, which fails writes as a full disk does."""

import resource
import sys
import time
from pathlib import Path

import numpy as np
from bench import Bench
from tiny_robot import HEIGHT, WIDTH

from hardware.interfaces import Frame
from recordings.disk import RecordingError

noise = np.random.default_rng(0)


def noisy_picture():
    return Frame(noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), bench.clock.now())


with Bench(realtime=False) as bench:
    bench.recorder.open_dataset(Path(sys.argv[1]), fps=50)
    bench.record("before", ticks=10)
    bench.robot._cameras["cam_low"].read_latest = noisy_picture
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    bench.recorder.start_episode("too much")
    deadline = time.monotonic() + 60
    while bench.recorder.status().error is None and time.monotonic() < deadline:
        bench.turn(10)
        time.sleep(0.02)
    sys.stdout.write(f"{bench.recorder.status().error}\n")
    try:
        bench.recorder.save_episode()
    except RecordingError as error:
        sys.stdout.write(f"{error}\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    sys.stdout.write(f"{bench.record('after', ticks=10)}\n")
