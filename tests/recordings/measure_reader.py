"""Times reading beside the real LeRobot's, on the same files in one run: its backend is pyav.

Run in LeRobot's environment (`stock_lerobot.py` tells how to make it), with one package more there:

    STOCK/bin/pip install --no-deps torchvision==0.25.0
    PYTHONPATH=. STOCK/bin/python tests/recordings/measure_reader.py DATASET... [--rewrite FOLDER]

A sample is a row with the pictures of two cameras, as floats of a tensor from LeRobot, as bytes of
an array from us; "as floats" turns ours into such tensors too, and training reads pictures that
were decoded once before. All take turns, a few samples at a time, so that whatever else the machine
does falls on all. --rewrite has LeRobot write the first dataset anew into FOLDER, as it does by
default (AV1), and times that too.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

TURN = 5
CAMERAS = 2


def import_torchvision():
    """Its Python part reads films by pyav; its compiled part is of another torch and stays away."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    return torchvision, library


class Theirs:
    def __init__(self, folder, backend):
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        self.dataset = LeRobotDataset(f"someone/{folder.name}", root=folder, video_backend=backend)
        keys = self.dataset.meta.video_keys[CAMERAS:]
        for key in keys:
            self.dataset.meta.info["features"].pop(key)

    def __call__(self, rows):
        return [self.dataset[int(row)] for row in rows]


class Ours:
    def __init__(self, folder, *, floats=False, threads=1):
        from recordings.dataset import Dataset

        self.dataset, self.floats = Dataset(folder), floats
        self.map = map if threads == 1 else ThreadPoolExecutor(threads).map
        self.cameras = self.dataset.cameras[:CAMERAS]
        self.begins = np.array(
            [self.dataset.first_row(episode) for episode in range(len(self.dataset))]
        )

    def __call__(self, rows):
        return [self.sample(int(row)) for row in rows]

    def sample(self, row):
        episode = int(np.searchsorted(self.begins, row, side="right")) - 1
        number = row - int(self.begins[episode])
        sample = {name: values[number] for name, values in self.dataset.rows(episode).items()}
        pictures = self.map(lambda camera: self.picture(episode, camera, number), self.cameras)
        return sample | dict(zip(self.cameras, pictures, strict=True))

    def picture(self, *place):
        picture = self.dataset.frame(*place)
        if not self.floats:
            return picture
        return torch.from_numpy(picture).permute(2, 0, 1).type(torch.float32) / 255


class Training:
    """What training reads: pictures decoded once into a file, at their full size here."""

    def __init__(self, folder, cache):
        from policy.data.samples import load_samples
        from recordings.dataset import Dataset

        with Dataset(folder) as dataset:
            names, body = dataset.cameras[:CAMERAS], dataset.embodiment
        sizes = {view.name: (view.height, view.width) for view in body.cameras}
        sizes = {name: sizes[name] for name in names}
        self.samples = load_samples(folder, sizes, cache, keep_all=True)

    def __call__(self, rows):
        return [self.sample(int(row)) for row in rows]

    def sample(self, row):
        pictures = {name: np.array(all_[row]) for name, all_ in self.samples.pictures.items()}
        return pictures | {"state": self.samples.state[row], "action": self.samples.action[row]}


def timed(readers, rows):
    """Return samples per second of each reader, by the wall and by the processor."""
    wall, processor = dict.fromkeys(readers, 0.0), dict.fromkeys(readers, 0.0)
    for read in readers.values():
        read(rows[:TURN])
    for begin in range(0, len(rows), TURN):
        for name, read in readers.items():
            started = time.perf_counter(), time.process_time()
            read(rows[begin : begin + TURN])
            wall[name] += time.perf_counter() - started[0]
            processor[name] += time.process_time() - started[1]
    return {
        name: {
            "samples_per_second": round(len(rows) / wall[name], 1),
            "samples_per_cpu_second": round(len(rows) / processor[name], 1),
        }
        for name in readers
    }


def in_order(folder, count):
    """Return frames per second of one core over the first film, and in four threads."""
    from recordings.dataset import Dataset

    with Dataset(folder) as dataset:
        camera, lengths = dataset.cameras[0], [e.num_frames for e in dataset.episodes()]
        places = [(e, camera, n) for e, length in enumerate(lengths) for n in range(length)][:count]
        started = time.perf_counter(), time.process_time()
        for place in places:
            dataset.frame(*place)
        wall, processor = time.perf_counter() - started[0], time.process_time() - started[1]
        with ThreadPoolExecutor(4) as threads:
            again = time.perf_counter()
            list(threads.map(lambda place: dataset.frame(*place), places))
            four = time.perf_counter() - again
    return {
        "frames": len(places),
        "per_second": round(len(places) / wall, 1),
        "per_cpu_second": round(len(places) / processor, 1),
        "per_second_in_four_threads": round(len(places) / four, 1),
    }


def rewrite(folder, target, rows):
    """Have LeRobot write the rows and pictures of `folder` into `target`."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from recordings.dataset import Dataset

    shutil.rmtree(target, ignore_errors=True)
    with Dataset(folder) as dataset:
        kept = ["observation.state", "action"]
        kept += [f"observation.images.{camera}" for camera in dataset.cameras[:CAMERAS]]
        features = {name: dict(dataset.info["features"][name]) for name in kept}
        for feature in features.values():
            feature["shape"] = tuple(feature["shape"])
            feature.pop("info", None)
        written = LeRobotDataset.create(
            "someone/rewritten", dataset.fps, features, root=target, use_videos=True
        )
        for episode in range(len(dataset)):
            columns = dataset.rows(episode)
            for number in range(min(rows, len(columns["index"]))):
                row = {name: np.array(columns[name][number]) for name in kept[:2]}
                for camera in dataset.cameras[:CAMERAS]:
                    picture = dataset.frame(episode, camera, number)
                    row[f"observation.images.{camera}"] = picture
                written.add_frame(row | {"task": dataset.episode_tasks(episode)[0]})
            written.save_episode()
            rows -= len(columns["index"])
            if rows <= 0:
                break
        written.finalize()
        if (folder / "meta/embodiment.json").exists():
            shutil.copy(folder / "meta/embodiment.json", target / "meta")


def ratios(ours, random):
    theirs = next(iter(random.values()))
    return {kind: round(value / theirs[kind], 1) for kind, value in ours.items()}


def measure(folder, samples, backend, cache):
    from recordings.dataset import Dataset

    with Dataset(folder) as dataset:
        about = {
            "dataset": folder.name,
            "rows": dataset.num_frames,
            "codec": dataset.info["features"][f"observation.images.{dataset.cameras[0]}"]["info"][
                "video.codec"
            ],
            "cameras": dataset.cameras[:CAMERAS],
        }
        rows = np.random.default_rng(0).integers(0, dataset.num_frames, samples)
    readers = {
        f"lerobot 0.4.4 {backend}": Theirs(folder, backend),
        "ours": Ours(folder),
        "ours in two threads": Ours(folder, threads=2),
        "ours as floats": Ours(folder, floats=True),
    }
    if (folder / "meta/embodiment.json").exists():
        readers["ours as training reads"] = Training(folder, cache)
    random = timed(readers, rows)
    return about | {
        "random": random,
        "times_as_fast": {name: ratios(each, random) for name, each in random.items()},
        "in_order": in_order(folder, 2 * samples),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--rewrite", type=Path)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--backend", default="pyav")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = import_torchvision()
    folders = list(options.datasets)
    if options.rewrite is not None:
        rewrite(folders[0], options.rewrite, options.rows)
        folders.append(options.rewrite)
    for folder in folders:
        with tempfile.TemporaryDirectory() as cache:
            found = measure(folder, options.samples, options.backend, Path(cache))
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        sys.stdout.flush()
    del kept


if __name__ == "__main__":
    main()
