"""Measures how far views of the simulated cell lie from their reference: the thresholds' grounds.

Run: PYTHONPATH=. python tests/hardware/measure_likeness.py
"""

import sys

import numpy as np
from test_camera_identity import Bench

from hardware.aloha import CAMERAS
from hardware.cameras.likeness import ReferenceView
from hardware.simulation.world import World

DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)])


def span(values):
    return f"{min(values):.3f} to {max(values):.3f}"


def main():
    rng = np.random.default_rng(0)
    with World(0) as world:
        bench = Bench(world)
        for camera in CAMERAS:
            reference = ReferenceView(bench.see(camera))
            views = {f"{mm:2} mm away": [] for mm in (10, 20, 30)}
            for millimetres, found in zip((10, 20, 30), views.values(), strict=True):
                for number, direction in enumerate(DIRECTIONS):
                    metres = tuple(direction * millimetres / 1000)
                    found.append(bench.see(camera, 1 + number % 3, metres=metres))
            same = [bench.see(camera, seed) for seed in range(1, 9)]
            dim = [
                np.clip(one * rng.uniform(0.6, 1.2) + rng.normal(0, 4, one.shape), 0, 255)
                for one in same
            ]
            views = {"other scene": same, "other light": np.uint8(dim), **views}
            views["other camera"] = [
                bench.see(other, seed) for other in CAMERAS if other != camera for seed in (1, 2)
            ]
            sys.stdout.write(f"{camera}\n")
            for name, images in views.items():
                found = [reference.compare(np.asarray(image)) for image in images]
                sys.stdout.write(
                    f"  {name:12} edges {span([one.edges for one in found])}  shift "
                    f"{span([one.shift for one in found])}  agreeing "
                    f"{span([one.agreeing for one in found])}  warned "
                    f"{sum(bool(one.warning) for one in found)}/{len(found)}\n"
                )


if __name__ == "__main__":
    main()
