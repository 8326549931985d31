"""Demonstrations for ACT, read by lerobot from a LeRobot v3 dataset of one camera at 50 Hz."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from policy.baselines.act import CAMERA, IMAGE, ActSize, window
from policy.data.left_out import kept_episodes

SENT = "sent"
"""Column that says in which rows somebody drove; a dataset without it was driven throughout."""


@dataclass(frozen=True)
class Span:
    """One episode that is learnt from."""

    number: int
    """In the dataset."""
    first: int
    """Its first row in the dataset's table, and one past the last."""
    end: int
    task: str

    def __len__(self) -> int:
        return self.end - self.first


def learnt(folder: Path, episodes: Iterable[Mapping[str, Any]], *, keep_all: bool) -> list[Span]:
    """The `episodes` of a dataset's table that our own trainings learn from, too.

    Raises `ValueError` when none is left.
    """
    every = [
        Span(
            number,
            int(episode["dataset_from_index"]),
            int(episode["dataset_to_index"]),
            str(episode["tasks"][0]),
        )
        for number, episode in enumerate(episodes)
    ]
    return [every[number] for number in kept_episodes(folder, len(every), keep_all=keep_all)]


@dataclass(frozen=True)
class Windows:
    """Rows of a dataset in memory, episode by episode, and the chunk that follows each."""

    pictures: np.ndarray
    """What the network sees of each row, (n, h, w, 3) bytes."""
    states: np.ndarray
    actions: np.ndarray
    ends: np.ndarray
    """One past the last row of the episode that each row is of, (n,)."""
    tasks: tuple[str, ...]
    """Instructions, each once."""
    driven: np.ndarray
    """Rows in which somebody drove, ascending: what is learnt from."""

    def __len__(self) -> int:
        return len(self.states)

    @classmethod
    def read(cls, folder: Path, *, keep_all: bool = False) -> "Windows":
        """Read the dataset at `folder`.

        Without episodes marked as failed or recorded badly, unless `keep_all`. Raises `ValueError`
        when none is left, and for a film that is not of one episode.
        """
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        dataset = LeRobotDataset(f"local/{folder.name}", root=folder)
        spans = learnt(folder, dataset.meta.episodes, keep_all=keep_all)
        films = []
        for span in spans:
            films.append(_film(folder / dataset.meta.get_video_file_path(span.number, IMAGE)))
            if len(films[-1]) != len(span):
                raise ValueError(
                    f"Episode {span.number} has {len(span)} rows, its film of {CAMERA} "
                    f"{len(films[-1])} pictures; expected one film per episode."
                )
        table = dataset.hf_dataset.with_format("numpy")
        names = ["observation.state", "action", *([SENT] if SENT in table.column_names else [])]
        return cls.of(np.concatenate(films), {name: np.stack(table[name]) for name in names}, spans)

    @classmethod
    def of(
        cls, pictures: np.ndarray, columns: Mapping[str, np.ndarray], spans: Sequence[Span]
    ) -> "Windows":
        """Those of `spans`: their `pictures` in order; `columns` of the dataset, with all rows."""
        rows = np.concatenate([np.arange(span.first, span.end) for span in spans])
        lengths = [len(span) for span in spans]
        sent = columns[SENT][rows].reshape(-1) if SENT in columns else np.ones(len(rows), np.bool_)
        return cls(
            pictures,
            columns["observation.state"][rows],
            columns["action"][rows],
            np.repeat(np.cumsum(lengths), lengths),
            tuple(dict.fromkeys(span.task for span in spans)),
            np.flatnonzero(sent),
        )

    def chunk(self, rows: np.ndarray, size: ActSize) -> tuple[np.ndarray, np.ndarray]:
        """Actions (n, chunk, 14) due from each of `rows` (n,) on, and which are past the end."""
        due = rows[:, None] + size.stride * np.arange(size.rows)
        last = self.ends[rows][:, None] - 1
        return self.actions[np.minimum(due, last)], due > last


def _film(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        return np.stack([window(frame.to_ndarray(format="rgb24")) for frame in frames])
