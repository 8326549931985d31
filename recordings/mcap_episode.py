"""One episode as an MCAP file: which topics it has, and when each message is. Reads no dataset.

`/observation/state` and `/action` are JointState, whose `position` holds the numbers of the
dataset in its units; `/camera/NAME` is Foxglove's CompressedVideo; `/row` holds every other
column; `/task` says the words once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mcap.writer import CompressionType, Writer

from recordings.disk import replaced
from recordings.features import (
    ACTION,
    CAPTURE_PREFIX,
    LATE,
    SENT,
    STATE,
    TIME,
    stored_in_table,
)
from recordings.film_packets import Packets
from recordings.protobuf_messages import PROTOBUF, RowMessages, VideoMessages
from recordings.ros_messages import CDR, JOINT_STATE, ROS2MSG, STRING, joint_state, string

LIBRARY = "VLA Studio"
TOPICS = {STATE: "/observation/state", ACTION: "/action"}
BESIDE = ("velocity", "effort")
"""Columns that JointState has a place for beside the state."""
FLOATS = ("float32", "float64")


@dataclass(frozen=True, slots=True)
class McapEpisode:
    """What is to be written."""

    features: Mapping[str, Mapping[str, Any]]
    columns: Mapping[str, np.ndarray]
    """(rows,) or (rows, length), by feature."""
    films: Mapping[str, Packets]
    """By camera, a frame per row."""
    told: Mapping[str, str]
    """What is said of the episode."""
    attached: Mapping[str, bytes]
    """Files to carry along, by name."""

    @property
    def length(self) -> int:
        """Rows."""
        return len(self.columns["frame_index"])

    @property
    def joints(self) -> list[str]:
        """Columns that are JointState by themselves: vectors of floats."""
        return [n for n in TOPICS if n in self.columns and self.features[n]["dtype"] in FLOATS]

    @property
    def beside(self) -> list[str]:
        """Columns that go with the state: a number per joint of it."""
        if STATE not in self.joints:
            return []
        shape = list(self.features[STATE]["shape"])
        named = [name for name in BESIDE if name in self.columns]
        return [
            name
            for name in named
            if list(self.features[name]["shape"]) == shape
            and self.features[name]["dtype"] in FLOATS
        ]

    @property
    def others(self) -> dict[str, Mapping[str, Any]]:
        """Features of the columns that no JointState holds."""
        held = {*self.joints, *self.beside}
        stored = stored_in_table({name: dict(f) for name, f in self.features.items()})
        return {name: feature for name, feature in stored.items() if name not in held}


def write_mcap(path: Path, episode: McapEpisode) -> None:
    """Write `episode`; the file appears at `path` whole or not at all.

    Raises `ValueError` when a column is of a type or shape that no message has.
    """
    with replaced(path) as temporary, temporary.open("wb") as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start(profile="", library=LIBRARY)
        writer.add_metadata("episode", dict(episode.told))
        for name, content in episode.attached.items():
            writer.add_attachment(0, 0, name, "application/json", content)
        _Messages(writer, episode).write()
        writer.finish()


class _Messages:
    """Writes the messages of one episode, in the order of their rows."""

    def __init__(self, writer: Writer, episode: McapEpisode) -> None:
        self._writer, self._episode = writer, episode
        self._times, self._captured = _times(episode)
        self._video, self._row = VideoMessages(), RowMessages(episode.others)
        joint = writer.register_schema(JOINT_STATE.name, ROS2MSG, JOINT_STATE.text.encode())
        words = writer.register_schema(STRING.name, ROS2MSG, STRING.text.encode())
        video = self._described(self._video)
        self._channels = {
            name: writer.register_channel(TOPICS[name], CDR, joint) for name in episode.joints
        }
        self._films = {
            camera: writer.register_channel(f"/camera/{camera}", PROTOBUF, video)
            for camera in episode.films
        }
        self._rows = writer.register_channel("/row", PROTOBUF, self._described(self._row))
        self._task = writer.register_channel("/task", CDR, words)

    def write(self) -> None:
        """Write them all."""
        self._add(self._task, self._times[0], 0, string(self._episode.told["task"]))
        for row, time in enumerate(self._times):
            for name, channel in self._channels.items():
                self._add(channel, time, row, self._joint_state(name, row, time))
            self._add(self._rows, time, row, self._row.bytes(self._episode.columns, row))
            for camera, channel in self._films.items():
                film, taken = self._episode.films[camera], self._captured[camera][row]
                frame = self._video.bytes(taken, camera, film.frames[row], film.codec)
                self._add(channel, time, row, frame)

    def _joint_state(self, name: str, row: int, time_ns: int) -> bytes:
        episode = self._episode
        columns = {column: episode.columns[column] for column in episode.beside if name == STATE}
        beside = {column: np.atleast_1d(values[row]) for column, values in columns.items()}
        position = np.atleast_1d(episode.columns[name][row])
        names = episode.features[name].get("names")
        if not isinstance(names, list) or len(names) != len(position):
            names = [f"{name}_{i}" for i in range(len(position))]
        return joint_state(time_ns, [str(each) for each in names], position, **beside)

    def _described(self, messages: VideoMessages | RowMessages) -> int:
        kind = messages.type
        return int(self._writer.register_schema(kind.name, PROTOBUF, kind.schema))

    def _add(self, channel: int, time_ns: int, row: int, message: bytes) -> None:
        self._writer.add_message(channel, time_ns, message, time_ns, row)


def _times(episode: McapEpisode) -> tuple[list[int], dict[str, list[int]]]:
    """Return when each row and each camera's picture was, ns; none of them before 0.

    Measured where that was recorded, else LeRobot's timestamp.
    """
    columns = episode.columns
    if not {TIME, LATE, SENT} <= set(columns):  # not ours: others call time what they like
        rows = columns["timestamp"].astype(np.float64)
        return _ns(rows), {camera: _ns(rows) for camera in episode.films}
    rows = columns[TIME].astype(np.float64)
    taken = {c: columns.get(CAPTURE_PREFIX + c, rows).astype(np.float64) for c in episode.films}
    earliest = min(float(times.min()) for times in (rows, *taken.values()))
    zero = max(0.0, -earliest)
    return _ns(rows + zero), {camera: _ns(times + zero) for camera, times in taken.items()}


def _ns(secs: np.ndarray) -> list[int]:
    whole: list[int] = np.round(secs * 1e9).astype(np.int64).tolist()
    return whole
