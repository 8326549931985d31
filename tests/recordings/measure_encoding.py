"""Frames a second of processor that our encoders make, beside the real LeRobot's, in one run.

Run in the environment of stock_lerobot.py: PYTHONPATH=. STOCK/bin/python
tests/recordings/measure_encoding.py [FRAMES]. Pictures of 480x640, textured and noisy, at 30 Hz;
processor time of all threads, so that the number of cores does not matter.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from stock_lerobot import stub_torchvision

from recordings.codec import AV1, DEPTH, H264
from recordings.film_file import DiskSink, FilmFile

FPS = 30
SIZE = 480, 640


def pictures(count):
    noise = np.random.default_rng(0)
    scene = np.kron(noise.integers(0, 200, (30, 40, 3)), np.ones((16, 16, 1), int))
    return [
        np.clip(np.roll(scene, 4 * n, 1) + noise.normal(0, 2, scene.shape), 0, 255).astype(np.uint8)
        for n in range(count)
    ]


def depths(count):
    noise = np.random.default_rng(1)
    slope = np.linspace(400, 1500, SIZE[0] * SIZE[1]).reshape(SIZE)
    return [(slope + 10 * n + noise.normal(0, 3, SIZE)).astype(np.uint16) for n in range(count)]


def measured(work, path, count):
    begun = time.process_time()
    work()
    secs = time.process_time() - begun
    size = path.stat().st_size / count / 1024
    return {"frames_per_processor_sec": round(count / secs, 1), "kb_per_frame": round(size, 1)}


def ours(codec, images, path):
    def work():
        film = FilmFile(DiskSink(path), codec, FPS, SIZE)
        for image in images:
            film.add(film.picture(image))
        film.close()

    return measured(work, path, len(images))


def theirs(images, folder, path):
    """What LeRobot does with a picture: a PNG while recording, and the film after the episode."""
    from lerobot.datasets.image_writer import write_image
    from lerobot.datasets.video_utils import encode_video_frames

    def work():
        for number, image in enumerate(images):
            write_image(image, folder / f"frame-{number:06d}.png")
        encode_video_frames(folder, path, FPS, overwrite=True)

    return measured(work, path, len(images))


if __name__ == "__main__":
    stub_torchvision()
    wanted = int((*sys.argv[1:], "60")[0])
    shown = pictures(wanted)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        found = {
            "ours_h264": ours(H264, shown, place / "h264.mp4"),
            "ours_av1": ours(AV1, shown, place / "av1.mp4"),
            "ours_depth": ours(DEPTH, depths(wanted), place / "depth.mp4"),
            "lerobot_0.4.4": theirs(shown, place, place / "theirs.mp4"),
        }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
