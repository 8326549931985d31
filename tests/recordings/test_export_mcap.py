import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import tyro
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory as ProtobufDecoder
from mcap_ros2.decoder import DecoderFactory as RosDecoder
from plain_reading import PlainDataset

from recordings import editing, export_mcap
from recordings.piece import marked, trimmed

CAMERAS = ("cam_high", "cam_low")


class Mcap:
    """An MCAP file read by the makers' own reader and decoders, which know nothing of ours."""

    def __init__(self, path):
        with path.open("rb") as file:
            reader = make_reader(file, decoder_factories=[ProtobufDecoder(), RosDecoder()])
            self.messages, self.schemas = {}, {}
            for schema, channel, message, decoded in reader.iter_decoded_messages():
                self.messages.setdefault(channel.topic, []).append((message, decoded))
                self.schemas[channel.topic] = schema.name
            self.told = {each.name: each.metadata for each in reader.iter_metadata()}
            self.attached = {each.name: each.data for each in reader.iter_attachments()}

    def joints(self, topic, field="position"):
        return np.array([getattr(each, field) for _, each in self.messages[topic]])

    def column(self, name):
        field = next(f for f in self.rows()[0].DESCRIPTOR.fields if f.json_name == name)
        return [getattr(row, field.name) for row in self.rows()]

    def rows(self):
        return [decoded for _, decoded in self.messages["/row"]]

    def pictures(self, camera):
        """The film of a camera, decoded as a stream: nothing but the messages."""
        frames = [each for _, each in self.messages[f"/camera/{camera}"]]
        decoder = av.CodecContext.create(frames[0].format, "r")
        packets = [av.Packet(each.data) for each in frames]
        shown = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
        return np.stack([frame.to_ndarray(format="rgb24") for frame in shown])


def require_same_numbers(mcap, plain, episode):
    """Every column of an episode, bit by bit."""
    names = {"observation.state": "/observation/state", "action": "/action"}
    for name in plain.columns:
        if name in names:
            continue
        if name in ("velocity", "effort"):  # beside the positions
            found = mcap.joints("/observation/state", name).astype(np.float32)
            assert found.tobytes() == plain.of(episode, name).astype(np.float32).tobytes()
            continue
        stored = plain.of(episode, name).astype(plain.info["features"][name]["dtype"])
        found = np.array(mcap.column(name)).astype(stored.dtype)
        assert found.tobytes() == stored.tobytes(), name
    for name, topic in names.items():
        stored = plain.of(episode, name).astype(np.float32)
        found = mcap.joints(topic)
        assert found.dtype == np.float64
        assert found.astype(np.float32).tobytes() == stored.tobytes()
        assert np.array_equal(found, stored.astype(np.float64))
        assert list(mcap.messages[topic][0][1].name) == plain.info["features"][name]["names"]


def test_numbers_and_pictures_are_those_of_the_dataset(dataset, tmp_path):
    done = export_mcap.export_mcap(dataset, tmp_path / "out")
    assert (done.episodes, done.encoded_again) == (5, 0)
    plain = PlainDataset(dataset)
    for episode in range(5):
        mcap = Mcap(tmp_path / f"out/episode_{episode:06d}.mcap")
        require_same_numbers(mcap, plain, episode)
        for camera in CAMERAS:
            shown = plain.pictures(episode, f"observation.images.{camera}")
            assert np.array_equal(mcap.pictures(camera), shown)


def test_times_are_those_that_were_measured(dataset, tmp_path):
    export_mcap.export_mcap(dataset, tmp_path / "out", where=["index=1"])
    mcap, plain = Mcap(tmp_path / "out/episode_000001.mcap"), PlainDataset(dataset)
    rows = np.array([message.log_time for message, _ in mcap.messages["/row"]])
    stamps = [each.timestamp for _, each in mcap.messages["/camera/cam_low"]]
    taken = np.array([stamp.seconds * 10**9 + stamp.nanos for stamp in stamps])
    assert rows.min() >= 0
    assert taken.min() >= 0
    apart = plain.of(1, "time") - plain.of(1, "capture_time.cam_low")
    assert np.allclose((rows - taken) / 1e9, apart, atol=1e-6)
    assert [message.sequence for message, _ in mcap.messages["/action"]] == list(range(len(rows)))


def test_what_is_said_of_an_episode_goes_along(dataset, tmp_path):
    editing.edit(dataset, "mark", lambda all_: marked(all_, [2], success=True))
    export_mcap.export_mcap(dataset, tmp_path / "out", where=["success=yes"])
    mcap = Mcap(tmp_path / "out/episode_000002.mcap")
    told = mcap.told["episode"]
    assert (told["task"], told["success"], told["fps"]) == ("task 0", "yes", "25")
    assert json.loads(told["quality"])["verdict"]
    assert mcap.messages["/task"][0][1].data == "task 0"
    assert mcap.attached["info.json"] == (dataset / "meta/info.json").read_bytes()
    assert set(mcap.attached) == {"info.json", "embodiment.json"}
    assert mcap.schemas["/camera/cam_high"] == "foxglove.CompressedVideo"
    assert mcap.schemas["/action"] == "sensor_msgs/msg/JointState"


def test_a_film_cut_between_key_frames_is_encoded_again(dataset, tmp_path):
    editing.edit(dataset, "trim", lambda all_: trimmed(trimmed(all_, 1, 3, 2), 2, 2, 0))
    done = export_mcap.export_mcap(dataset, tmp_path / "out")
    assert (done.episodes, done.encoded_again) == (5, 2)
    plain = PlainDataset(dataset)
    for episode, most in (1, 6), (2, 0):
        mcap = Mcap(tmp_path / f"out/episode_{episode:06d}.mcap")
        require_same_numbers(mcap, plain, episode)
        shown = plain.pictures(episode, "observation.images.cam_high").astype(int)
        assert np.abs(mcap.pictures("cam_high") - shown).max() <= most


def test_rerun_opens_it(dataset, tmp_path):
    export_mcap.export_mcap(dataset, tmp_path / "out", where=["index=0"])
    path, rerun = tmp_path / "out/episode_000000.mcap", Path(sys.executable).with_name("rerun")
    command = [rerun, "mcap", "convert", path, "-o", tmp_path / "e.rrd"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=100)
    told = subprocess.run(
        [str(rerun), "rrd", "print", str(tmp_path / "e.rrd")],
        check=True,
        capture_output=True,
        timeout=100,
        text=True,
    ).stdout
    for entity, column in (
        ("/camera/cam_high", "VideoStream:sample"),
        ("/observation/state/position", "Scalars:scalars"),
        ("/action/position", "Scalars:scalars"),
        ("/row", "vla_studio.Row:message"),
        ("/task", "TextDocument:text"),
    ):
        rows = 1 if entity == "/task" else 10
        assert any(
            f" with {rows} rows " in line and f" - {entity} - " in line and column in line
            for line in told.splitlines()
        ), (entity, told)


def command(*words):
    return tyro.cli(export_mcap.main, args=[str(word) for word in words])


def test_the_command_says_what_is_wrong(dataset, tmp_path, capsys):
    assert command(dataset, "--to", tmp_path / "out", "--where", "index<2") == 0
    assert "2 episodes in" in capsys.readouterr().out
    assert command(dataset, "--to", tmp_path / "out") == 1
    assert "Expected a new folder" in capsys.readouterr().err
    assert command(dataset, "--to", tmp_path / "new", "--where", "task=other") == 1
    assert "No episode is as asked for" in capsys.readouterr().err
    path = dataset / "meta/info.json"
    info = path.read_text()
    path.write_text(info.replace('"dtype": "video"', '"dtype": "image"', 1))
    assert command(dataset, "--to", tmp_path / "new") == 1
    assert "one by one in the data files" in capsys.readouterr().err
    path.write_text(info)
    kept = next(dataset.rglob("file-004.mp4"))
    whole = kept.read_bytes()
    kept.write_bytes(whole[:200])
    assert command(dataset, "--to", tmp_path / "new") == 1
    assert "Cannot read a film" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "out"]
    kept.write_bytes(whole)
