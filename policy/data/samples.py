"""Training samples from a LeRobotDataset v3.0 folder, whoever wrote it. Reads, never writes to it.

Pictures are decoded once, at the size the network looks at, into a cache beside the job.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Float32

from hardware.embodiment import CameraView, Embodiment
from policy.data.films import Episode, Films
from policy.data.left_out import kept_episodes
from policy.first_look import camera_of, live
from policy.model.end_effector_actions import without_jumps
from policy.model.processor import resize

COLUMNS = ("observation.state", "action", "episode_index", "frame_index")
"""What is read of every row."""

SENT = "sent"
"""Our recorder's column: 1 where the action was sent, 0 where nobody drove."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Every row of a dataset, in memory or mapped from the cache."""

    embodiment: Embodiment
    fps: float
    episodes: tuple[Episode, ...]
    episode_of: np.ndarray
    """(rows,) int64: number of the row's episode in `episodes`."""
    state: Float32[np.ndarray, "rows channels"]
    action: Float32[np.ndarray, "rows channels"]
    pictures: dict[str, np.ndarray]
    """Camera to (rows, height, width, 3) uint8."""
    driven: np.ndarray
    """(driven rows,) int64: rows at which somebody drove; only these are learnt from."""
    firsts: dict[str, np.ndarray] = field(default_factory=dict)
    """View of the start (`policy.first_look`) to (episodes, height, width, 3) uint8."""

    def __len__(self) -> int:
        return len(self.state)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every instruction, the most frequent first."""
        words = [episode.task for episode in self.episodes]
        return tuple(sorted(set(words), key=lambda task: (-words.count(task), task)))

    def trajectory(
        self, number: int, hz: int | float, limit: int
    ) -> tuple[Float32[np.ndarray, "h channels"], float]:
        """Episode `number` from its first row to its last, at `hz` or slower: `limit` rows at most.

        Returns the rows and their rate.
        """
        episode = self.episodes[number]
        seconds = (episode.stop - 1 - episode.start) / self.fps
        if seconds * hz > limit - 1:
            hz = (limit - 1) / seconds
        return self.chunk(episode.start, limit, hz), float(hz)

    def chunk(self, row: int, horizon: int, hz: int | float) -> Float32[np.ndarray, "h channels"]:
        """The actions sent at `row` and every 1 / `hz` s after it, up to its episode's end.

        Between rows they are interpolated, angles and quaternions without a leap at half a turn;
        at most `horizon` of them, at least one.
        """
        last = self.episodes[self.episode_of[row]].stop - 1
        positions = row + np.arange(horizon) * self.fps / hz
        positions = positions[positions <= last + 1e-6]
        before = np.floor(positions + 1e-6).astype(int)
        after = np.minimum(before + 1, last)
        share = (positions - before).astype(np.float32)[:, None]
        actions = without_jumps(self.embodiment.action_channels, self.action[row : after[-1] + 1])
        mixed = (1 - share) * actions[before - row] + share * actions[after - row]
        return np.asarray(mixed, np.float32)


def _read_json(path: Path, dataset: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"Not a LeRobot v3.0 dataset: {dataset}. {error}") from error
    return dict(fields)


def _read_tables(dataset: Path, folder: str, columns: list[str] | None) -> dict[str, list[Any]]:
    files = sorted((dataset / folder).glob("chunk-*/file-*.parquet"))
    if not files:
        raise ValueError(f"The dataset has no {folder}/chunk-*/file-*.parquet: {dataset}")
    joined: dict[str, list[Any]] = {}
    for file in files:
        try:
            table = pq.read_table(file, columns=columns)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{file.name} is torn ({error}). Run: python -m recordings.repair {dataset}"
            ) from error
        for name in table.column_names:
            joined.setdefault(name, []).extend(table[name].to_pylist())
    return joined


def _body_of(dataset: Path, given: Embodiment | None) -> Embodiment:
    path = dataset / "meta/embodiment.json"
    if given is not None:
        return given
    if not path.exists():
        raise ValueError(
            f"{dataset} does not say which body it is of. Name one in the mixture, such as "
            '"embodiment": "widowx" (see hardware.bodies), or add meta/embodiment.json.'
        )
    return Embodiment.load(path)


def _seen_by(body: Embodiment, renamed: Mapping[str, str]) -> Embodiment:
    """The body with its cameras under the network's names; one that is named so, it has."""
    views = {view.name: view for view in body.cameras}
    size = body.cameras[0] if body.cameras else CameraView("", 480, 640)
    named = {
        ours: replace(views.pop(theirs, views.get(ours, size)), name=ours)
        for ours, theirs in renamed.items()
    }
    return replace(body, cameras=tuple((views | named).values()))


def _check_widths(body: Embodiment, state: np.ndarray, action: np.ndarray, dataset: Path) -> None:
    for kind, rows, channels in (
        ("state", state, body.state_channels),
        ("action", action, body.action_channels),
    ):
        if rows.shape[1] != len(channels):
            raise ValueError(
                f"The {kind} of {dataset} has {rows.shape[1]} channels; the body {body.name!r} "
                f"has {len(channels)}: {', '.join(c.name for c in channels)}."
            )


def _vectors(rows: list[Any], name: str, dataset: Path, episode_index: list[int]) -> np.ndarray:
    try:
        values = np.array(rows, np.float32).reshape(len(rows), -1)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} has rows of several lengths in {dataset}: {error}") from error
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{name} of episode {episode_index[bad[0]]} is not finite in {len(bad)} rows of "
            f"{dataset}. Leave those episodes out or record them again."
        )
    return values


def load_samples(
    dataset: Path,
    image_sizes: Mapping[str, tuple[int, int]],
    cache: Path,
    *,
    embodiment: Embodiment | None = None,
    renamed: Mapping[str, str] = MappingProxyType({}),
    keep_all: bool = False,
) -> Samples:
    """Read `dataset` and decode its pictures at `image_sizes` into `cache`.

    `embodiment` is the body of a dataset that does not describe its own; `renamed` gives the
    dataset's name of a camera where it differs. Cameras that the body does not have are left out,
    and so are, unless `keep_all`, episodes marked as failed or recorded badly.
    Raises `ValueError` naming the dataset, episode and camera when something is missing, torn,
    empty or not finite.
    """
    info = _read_json(dataset / "meta/info.json", dataset)
    if info.get("codebase_version") != "v3.0":
        raise ValueError(f"Expected LeRobot v3.0, got {info.get('codebase_version')!r}: {dataset}")
    if not 0 < float(info.get("fps") or 0) < 1000:
        raise ValueError(f"Expected a rate of rows in Hz, got fps {info.get('fps')!r}: {dataset}")
    body = _seen_by(_body_of(dataset, embodiment), renamed)
    had = {name: image_sizes[name] for name in live(image_sizes) if name in body.camera_names}
    if image_sizes and not had:
        raise ValueError(
            f"The policy looks at cameras {list(image_sizes)}; the body {body.name!r} of {dataset} "
            f"has {list(body.camera_names)}. Name them alike with the part's `cameras`."
        )
    keys = {name: f"observation.images.{renamed.get(name, name)}" for name in had}
    missing = [key for key in keys.values() if key not in info["features"]]
    if missing:
        raise ValueError(f"The policy looks at cameras {list(had)}; {dataset} lacks {missing}.")
    lacking = [name for name in COLUMNS if name not in info["features"]]
    if lacking:
        raise ValueError(f"{dataset} has no {', '.join(lacking)}; demonstrations need them all.")
    table = _read_tables(dataset, "meta/episodes", None)
    # info.json is written last: what it does not count yet may still be half written.
    total = min(int(info["total_episodes"]), len(table["episode_index"]))
    if not total:
        raise ValueError(f"The dataset has no episodes yet: {dataset}")
    kept = kept_episodes(dataset, total, keep_all=keep_all)
    rows = _read_rows(dataset, kept, sent=SENT in info["features"])
    episodes = _episodes(dataset, table, rows["episode_index"], kept)
    state = _vectors(rows["observation.state"], "State", dataset, rows["episode_index"])
    action = _vectors(rows["action"], "Action", dataset, rows["episode_index"])
    _check_widths(body, state, action, dataset)
    films = Films(dataset, float(info["fps"]), table, episodes)
    pictures = {name: films.decode(keys[name], size, cache) for name, size in had.items()}
    return Samples(
        body,
        float(info["fps"]),
        tuple(episodes),
        np.repeat(np.arange(len(kept)), [e.stop - e.start for e in episodes]),
        state,
        action,
        pictures,
        np.flatnonzero(rows[SENT]) if SENT in rows else np.arange(len(state)),
        _firsts(image_sizes, pictures, episodes),
    )


def _firsts(
    image_sizes: Mapping[str, tuple[int, int]],
    pictures: Mapping[str, np.ndarray],
    episodes: list[Episode],
) -> dict[str, np.ndarray]:
    """What each camera saw when an episode began, at the size of the view of it."""
    starts = [episode.start for episode in episodes]
    return {
        view: np.stack([resize(np.array(pictures[camera_of(view)][row]), size) for row in starts])
        for view, size in image_sizes.items()
        if view not in pictures and camera_of(view) in pictures
    }


def _read_rows(dataset: Path, kept: list[int], *, sent: bool) -> dict[str, list[Any]]:
    """The columns that are learnt from, of the episodes `kept`, in order."""
    rows = _read_tables(dataset, "data", [*COLUMNS, SENT] if sent else [*COLUMNS])
    order = np.lexsort((rows["frame_index"], rows["episode_index"]))
    order = order[np.isin(np.array(rows["episode_index"])[order], kept)]
    return {name: [values[i] for i in order] for name, values in rows.items()}


def _episodes(
    dataset: Path, table: dict[str, list[Any]], index: list[int], kept: list[int]
) -> list[Episode]:
    lengths = np.bincount(index, minlength=kept[-1] + 1)
    episodes, start = [], 0
    for number in kept:
        length = int(table["length"][number])
        if length != lengths[number] or not length:
            raise ValueError(
                f"Episode {number} of {dataset} has {lengths[number]} rows, its table says "
                f"{length}. Run: python -m recordings.repair {dataset}"
            )
        task = str(table["tasks"][number][0])
        episodes.append(Episode(number, task, start, start + length))
        start += length
    return episodes
