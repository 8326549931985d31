"""Demonstrations for ACT, read by lerobot from a LeRobot v3 dataset of one camera at 50 Hz."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from policy.baselines.act import CAMERA, IMAGE, ActSize, window


@dataclass(frozen=True)
class Windows:
    """Every row of a dataset in memory, and the chunk of actions that follows each."""

    pictures: np.ndarray
    """What the network sees of each row, (n, h, w, 3) bytes."""
    states: np.ndarray
    actions: np.ndarray
    ends: np.ndarray
    """One past the last row of the episode that each row is of, (n,)."""
    tasks: tuple[str, ...]
    """Instructions, each once."""

    def __len__(self) -> int:
        return len(self.states)

    @classmethod
    def read(cls, folder: Path) -> "Windows":
        """Read the dataset at `folder` whole."""
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        dataset = LeRobotDataset(f"local/{folder.name}", root=folder)
        table = dataset.hf_dataset.with_format("numpy")
        episodes = dataset.meta.episodes
        ends = np.zeros(len(table), np.int64)
        films = []
        for number, episode in enumerate(episodes):
            first, end = episode["dataset_from_index"], episode["dataset_to_index"]
            ends[first:end] = end
            films.append(_film(folder / dataset.meta.get_video_file_path(number, IMAGE)))
            if len(films[-1]) != end - first:
                raise ValueError(
                    f"Episode {number} has {end - first} rows, its film of {CAMERA} "
                    f"{len(films[-1])} pictures; expected one film per episode."
                )
        states, actions = (np.stack(table[name]) for name in ("observation.state", "action"))
        tasks = tuple(dataset.meta.tasks.index)
        return cls(np.concatenate(films), states, actions, ends, tasks)

    def chunk(self, rows: np.ndarray, size: ActSize) -> tuple[np.ndarray, np.ndarray]:
        """Actions (n, chunk, 14) due from each of `rows` (n,) on, and which are past the end."""
        due = rows[:, None] + size.stride * np.arange(size.rows)
        last = self.ends[rows][:, None] - 1
        return self.actions[np.minimum(due, last)], due > last


def _film(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        return np.stack([window(frame.to_ndarray(format="rgb24")) for frame in frames])
