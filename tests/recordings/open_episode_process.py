"""Saves an episode, records another, and stays with it open until it is killed."""

import sys
import time
from pathlib import Path

from bench import Bench

with Bench(realtime=False) as bench:
    bench.recorder.open_dataset(Path(sys.argv[1]), fps=50)
    bench.record("before", ticks=10)
    bench.recorder.start_episode("stack the cubes")
    bench.turn(130)
    writer = bench.recorder._writer
    for executor in (*writer._encoders.values(), writer._disk):
        executor.submit(int).result()  # what is done beside the loop is done
    sys.stdout.write("recorded\n")
    sys.stdout.flush()
    time.sleep(60)
