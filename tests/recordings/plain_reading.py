"""A dataset read by its format alone, as stock LeRobot reads it: by position, with nothing of ours.

Facts of LeRobotDataset v3.0 (lerobot 0.4.4): every Parquet file under data and meta/episodes is
read in the order of its path; row i of meta/episodes is episode i; the picture of a row is at
from_timestamp + timestamp of its episode's film, no further off than 1e-4 s.
"""

import json
from fractions import Fraction
from zlib import crc32

import av
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

QUANTILES = ("q01", "q10", "q50", "q90", "q99")


def tables(folder):
    return pa.concat_tables(
        [pq.read_table(path) for path in sorted(folder.glob("*/*.parquet"))],
        promote_options="default",
    )


def column(table, name):
    return np.array(table[name].to_pylist())


class PlainDataset:
    def __init__(self, folder):
        self.folder = folder
        self.info = json.loads((folder / "meta/info.json").read_text())
        self.stats = json.loads((folder / "meta/stats.json").read_text())
        self.tasks = pd.read_parquet(folder / "meta/tasks.parquet")
        self.table = tables(folder / "meta/episodes")
        self.episodes = self.table.to_pylist()
        self.rows = tables(folder / "data")
        self.columns = {name: column(self.rows, name) for name in self.rows.column_names}

    def span(self, episode):
        entry = self.episodes[episode]
        return slice(entry["dataset_from_index"], entry["dataset_to_index"])

    def of(self, episode, name):
        return self.columns[name][self.span(episode)]

    def film(self, episode, key):
        entry = self.episodes[episode]
        kinds = ("chunk_index", "file_index")
        place = {kind: entry[f"videos/{key}/{kind}"] for kind in kinds}
        return self.folder / self.info["video_path"].format(video_key=key, **place)

    def pictures(self, episode, key):
        """Every picture of an episode, found by its time."""
        entry = self.episodes[episode]
        with av.open(str(self.film(episode, key))) as film:
            stream = film.streams.video[0]
            decoded = {
                Fraction(frame.pts * stream.time_base): frame.to_ndarray(format="rgb24")
                for frame in film.decode(stream)
            }
        times = np.array([float(time) for time in decoded])
        images = list(decoded.values())
        found = []
        for timestamp in self.of(episode, "timestamp"):
            wanted = entry[f"videos/{key}/from_timestamp"] + float(timestamp)
            nearest = int(np.abs(times - wanted).argmin())
            assert abs(times[nearest] - wanted) < 1e-4
            found.append(images[nearest])
        return np.stack(found)

    def rows_and_pictures(self, episode):
        features = self.info["features"]
        keys = [key for key, feature in features.items() if feature["dtype"] == "video"]
        shown = [[crc32(each) for each in self.pictures(episode, key)] for key in keys]
        actions = map(tuple, self.of(episode, "action").tolist())
        return list(zip(actions, *shown, strict=True))

    def require_right(self):
        """Everything that stock LeRobot relies on, and statistics counted again."""
        info, total = self.info, self.info["total_episodes"]
        assert len(self.episodes) == total
        assert self.rows.num_rows == info["total_frames"]
        assert info["splits"] == {"train": f"0:{total}"}
        assert self.tasks["task_index"].tolist() == list(range(info["total_tasks"]))
        assert self.columns["index"].tolist() == list(range(info["total_frames"]))
        begins = 0
        for number, entry in enumerate(self.episodes):
            assert entry["episode_index"] == number
            assert entry["dataset_from_index"] == begins
            begins = entry["dataset_to_index"]
            self._require_right_rows(number, entry)
        assert begins == info["total_frames"]
        self._require_right_statistics()

    def _require_right_rows(self, number, entry):
        length = entry["length"]
        assert (self.of(number, "episode_index") == number).all()
        assert self.of(number, "frame_index").tolist() == list(range(length))
        times = np.arange(length) / self.info["fps"]
        assert np.abs(self.of(number, "timestamp") - times).max() < 1e-6
        words = {self.tasks.iloc[task].name for task in self.of(number, "task_index")}
        assert words == set(entry["tasks"])
        for key, feature in self.info["features"].items():
            if feature["dtype"] == "video":
                begin, end = (entry[f"videos/{key}/{side}_timestamp"] for side in ("from", "to"))
                assert abs(end - begin - length / self.info["fps"]) < 1e-9
                assert self.film(number, key).exists()

    def _require_right_statistics(self):
        for name, feature in self.info["features"].items():
            parts = {
                kind: column(self.table, f"stats/{name}/{kind}")
                for kind in ("min", "max", "mean", "std", "count", *QUANTILES)
            }
            shape = (-1,) + (1,) * (parts["mean"].ndim - 1)
            shares = parts["count"].reshape(shape) / parts["count"].sum()
            for kind in QUANTILES:  # averages in LeRobot's format
                assert np.allclose(self.stats[name][kind], (shares * parts[kind]).sum(0))
            assert self.stats[name]["count"] == [int(parts["count"].sum())]
            if feature["dtype"] == "video":
                assert np.allclose(self.stats[name]["mean"], (shares * parts["mean"]).sum(0))
                assert parts["mean"].shape[1:] == (3, 1, 1)
                continue
            true = self.columns[name].astype(np.float64).reshape(self.rows.num_rows, -1)
            for kind in ("min", "max", "mean", "std"):
                exact = getattr(np, kind)(true, axis=0)
                assert np.allclose(self.stats[name][kind], exact, atol=1e-6), (name, kind)
                for number in range(len(self.episodes)):
                    ours = getattr(np, kind)(true[self.span(number)], axis=0)
                    assert np.allclose(parts[kind][number], ours, atol=1e-6), (name, kind)


def contents(folder):
    """What the episodes of a dataset are: words, and of each row the action and its pictures."""
    dataset = PlainDataset(folder)
    dataset.require_right()
    return [
        (tuple(entry["tasks"]), tuple(dataset.rows_and_pictures(number)))
        for number, entry in enumerate(dataset.episodes)
    ]
