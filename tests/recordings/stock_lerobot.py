"""Holds datasets against the real LeRobot: it must read every row and picture that we read.

Not a test: LeRobot cannot share the product's environment. In one of its own, made by

    python -m venv STOCK
    STOCK/bin/pip install --no-deps lerobot==0.4.4 datasets==4.1.1 dill==0.4.0 draccus==0.10.0 \\
        multiprocess==0.70.16 xxhash mergedeep pyyaml-include==1.4.1 toml typing-inspect \\
        mypy-extensions jsonlines deepdiff orderly-set termcolor torchcodec==0.13.0 requests aiohttp

with a product.pth in its site-packages that names those of the product,
run: PYTHONPATH=. STOCK/bin/python tests/recordings/stock_lerobot.py DATASET...
"""

import importlib.machinery
import sys
import types
from pathlib import Path

import numpy as np


class Stub(types.ModuleType):
    """Stands for torchvision, which LeRobot imports and reading needs nothing of."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def stub_torchvision():
    for name in ("", ".transforms", ".transforms.v2", ".transforms.v2.functional", ".io"):
        module = Stub(f"torchvision{name}")
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
        sys.modules[module.__name__] = module
    sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]
    sys.modules["torchvision.transforms"].v2 = sys.modules["torchvision.transforms.v2"]


def require_same(folder):
    """Compare all of a dataset; return its episodes, rows, pictures and the worst difference."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from recordings.dataset import Dataset

    theirs = LeRobotDataset(f"someone/{folder.name}", root=folder, video_backend="torchcodec")
    row = pictures = worst = 0
    with Dataset(folder) as ours:
        assert (theirs.num_episodes, theirs.num_frames) == (len(ours), ours.num_frames)
        for episode in range(len(ours)):
            columns = ours.rows(episode)
            for number in range(len(columns["index"])):
                item = theirs[row]
                row += 1
                assert int(item["episode_index"]) == episode
                assert int(item["frame_index"]) == number
                assert item["task"] in ours.episode_tasks(episode)
                for name in ("observation.state", "action"):
                    read = item[name].numpy()  # float32, also where the file has float64
                    assert np.array_equal(read, columns[name][number].astype(read.dtype))
                for camera in ours.cameras:
                    picture = item[f"observation.images.{camera}"].numpy().transpose(1, 2, 0)
                    seen = ours.frame(episode, camera, number).astype(int)
                    worst = max(worst, int(np.abs((picture * 255).round() - seen).max()))
                    pictures += 1
        return len(ours), row, pictures, worst


if __name__ == "__main__":
    stub_torchvision()
    failed = 0
    for name in sys.argv[1:]:
        try:
            episodes, rows, pictures, worst = require_same(Path(name))
        except (
            AssertionError,
            ArithmeticError,
            LookupError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            failed += 1
            sys.stdout.write(f"{name}: {error!r}\n")
            continue
        sys.stdout.write(
            f"{name}: {episodes} episodes, {rows} rows equal, {pictures} pictures, "
            f"largest difference {worst} of 255\n"
        )
    sys.exit(failed > 0)
