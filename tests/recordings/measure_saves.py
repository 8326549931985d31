"""Measures the wait between asking to save an episode and its being on the disk.

Four cameras of 480x640 at 30 Hz and two arms at 50 Hz, 50 rows a second, fed as fast as the
encoders take them; a save is asked for once they are as far behind as they are in real time.
Run from the repository: PYTHONPATH=. python tests/recordings/measure_saves.py [SECS=TIMES ...]
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tiny_robot import tiny_body

from hardware.control_loop import Tick
from hardware.interfaces import Frame, JointMotion, Observation
from recordings.recorder import Recorder

CAMERAS = ("cam_high", "cam_low", "cam_left_wrist", "cam_right_wrist")
HEIGHT, WIDTH = 480, 640
CAMERA_HZ, CONTROL_HZ = 30, 50


def body():
    return tiny_body(cameras=CAMERAS, joints=14, height=HEIGHT, width=WIDTH)


def pictures(count=15):
    """A textured scene that moves, with the noise of a sensor: films of a real size."""
    noise = np.random.default_rng(0)
    scene = np.kron(noise.integers(0, 200, (30, 40, 3)), np.ones((16, 16, 1), int))
    return [
        np.clip(np.roll(scene, 4 * n, 1) + noise.normal(0, 2, scene.shape), 0, 255).astype(np.uint8)
        for n in range(count)
    ]


def ticks(secs, shown):
    frames = [Frame(image, number / CAMERA_HZ) for number, image in enumerate(shown)]
    for index in range(round(secs * CONTROL_HZ)):
        now = index / CONTROL_HZ
        taken = int(now * CAMERA_HZ)
        frame = Frame(frames[taken % len(frames)].image, taken / CAMERA_HZ)
        state = np.full(14, np.sin(now), np.float32)
        seen = Observation(now, state, dict.fromkeys(CAMERAS, frame), JointMotion(state, state))
        yield Tick(index, seen, state, state, 0.0)


def wait_for_encoders(recorder):
    """A robot's pictures come slower than they are encoded: let the encoders catch up."""
    for encoder in recorder._writer._encoders.values():
        encoder.submit(int).result()


def save_once(recorder, secs, shown):
    """Seconds until the save was done, until the next took its first tick, and of processor."""
    recorder.start_episode("put the red cube into the bowl")
    for tick in ticks(secs, shown):
        recorder(tick)
    wait_for_encoders(recorder)
    begun, worked = time.perf_counter(), time.process_time()
    recorder.save_episode()
    saved, worked = time.perf_counter() - begun, time.process_time() - worked
    recorder.start_episode("again")
    recorder(next(ticks(1, shown)))
    going = time.perf_counter() - begun
    recorder.discard_episode()
    return saved, going, worked


def measure(secs, times, shown, folder):
    recorder = Recorder(body(), realtime=False)
    recorder.open_dataset(folder, fps=CONTROL_HZ)
    found = np.array([save_once(recorder, secs, shown) for _ in range(times)]) * 1000
    recorder.close()
    (size,) = {sum(p.stat().st_size for p in folder.rglob("*.mp4")) // times}
    return {
        "episode_secs": secs,
        "saves": times,
        "films_mb": round(size / 2**20, 1),
        "save_ms": percentiles(found[:, 0]),
        "next_episode_ms": percentiles(found[:, 1]),
        "processor_ms": percentiles(found[:, 2]),
    }


def percentiles(values):
    return {f"p{share}": round(float(np.percentile(values, share)), 1) for share in (50, 99)}


if __name__ == "__main__":
    wanted = [word.split("=") for word in sys.argv[1:] or ["5=8", "20=4", "60=3"]]
    for secs, times in wanted:
        with tempfile.TemporaryDirectory() as name:
            found = measure(float(secs), int(times), pictures(), Path(name) / "d")
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
