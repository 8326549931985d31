"""A nano chunk on one core, alone and beside four cameras being recorded.

`python tests/policy/measure_nano.py [CHECKPOINT]`. The recording is the real one, in a process of
its own: the simulated ALOHA in real time, four cameras of 640 x 480 at 15 Hz, recorder, encoders.
"""

import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hardware.aloha import START
from hardware.control_loop import ControlLoop
from hardware.interfaces import Frame, Observation
from hardware.simulated_aloha import simulated_aloha
from policy.local import LocalPolicy
from recordings.recorder import Recorder

NANO = Path(__file__).parents[2] / "policy" / "pretrained" / "nano"
CHUNKS, ROUNDS = 40, 4


class Still:
    """Keeps the arms where they start."""

    def reset(self):
        """Nothing to forget."""

    def act(self, _observation):
        return START


def record(folder, ready, done, report):
    """Record until told to end, then say how many pictures of a camera a second there were."""
    with simulated_aloha(seed=1, realtime=True, height=480, width=640, fps=15) as opened:
        recorder = Recorder(opened.robot.embodiment)
        recorder.open_dataset(Path(folder) / "dataset", fps=10)
        loop = ControlLoop(opened.robot, [recorder])
        loop.drive(Still())
        recorder.start_episode("stay")
        stop = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(loop.run, stop)
            time.sleep(3)
            ready.set()
            began, first = time.monotonic(), loop.timeliness()
            done.wait()
            ticks = loop.timeliness().turns - first.turns
            report.put(ticks / (time.monotonic() - began))
            stop.set()
            running.result()
        recorder.save_episode()
        recorder.close()


def chunk_ms(policy, observation):
    """Milliseconds of each of `CHUNKS` chunks, by the clock."""
    took = []
    for _ in range(CHUNKS):
        began = time.perf_counter()
        policy.predict_action_chunk(observation, policy.tasks[0])
        took.append((time.perf_counter() - began) * 1e3)
    return took


def say(name, took):
    quartiles = statistics.quantiles(took, n=20)
    sys.stdout.write(
        f"{name}: median {statistics.median(took):.1f} ms, 5 to 95 % {quartiles[0]:.1f} to "
        f"{quartiles[-1]:.1f}, least {min(took):.1f}\n"
    )


def main():
    policy = LocalPolicy.load(Path(sys.argv[1]) if len(sys.argv) > 1 else NANO)
    image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    frames = {name: Frame(image, 0.0) for name in policy.embodiment.camera_names}
    observation = Observation(0.0, START.copy(), frames)
    chunk_ms(policy, observation)
    spawn = multiprocessing.get_context("spawn")
    alone, beside, rates = [], [], []
    for _ in range(ROUNDS):
        alone += chunk_ms(policy, observation)
        ready, done, report = spawn.Event(), spawn.Event(), spawn.Queue()
        with tempfile.TemporaryDirectory() as folder:
            recording = spawn.Process(target=record, args=(folder, ready, done, report))
            recording.start()
            ready.wait()
            beside += chunk_ms(policy, observation)
            done.set()
            rates.append(report.get())
            recording.join()
    say("alone", alone)
    say("beside four cameras recorded", beside)
    sys.stdout.write(f"the loop beside it: {min(rates):.1f} Hz at least\n")


if __name__ == "__main__":
    main()
