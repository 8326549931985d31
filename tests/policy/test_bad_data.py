"""Data that cannot be learnt from is refused by name, before anything is learnt."""

import dataclasses
import json
import shutil
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from hardware.bodies import body_named
from policy.data.samples import load_samples
from policy.model.checkpoint import Checkpoint
from policy.train import train
from policy.training.job import TrainingJob
from policy.training.request import TrainRequest
from policy.training.trainer import DivergedError

SIZES = {"cam_high": (96, 128)}


@pytest.fixture
def broken(demonstrations, tmp_path):
    """A copy of the demonstrations, to be broken."""
    return shutil.copytree(demonstrations, tmp_path / "broken")


@pytest.fixture
def load(broken, tmp_path):
    return lambda **given: load_samples(broken, SIZES, tmp_path / "cache", **given)


def change_rows(dataset, change):
    file = next((dataset / "data").glob("chunk-*/file-*.parquet"))
    table = pq.read_table(file)
    columns = {name: table[name].to_pylist() for name in table.column_names}
    change(columns)
    pq.write_table(pa.table(columns, schema=table.schema), file)


def change_json(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_nan_names_the_episode(broken, load):
    def put_nan(columns):
        last = max(i for i, n in enumerate(columns["episode_index"]) if n == 1)
        columns["action"][last][3] = float("nan")

    change_rows(broken, put_nan)
    with pytest.raises(
        ValueError, match=r"Action of episode 1 is not finite in 1 rows of .*broken"
    ):
        load()


def test_a_video_that_ends_early_names_the_episode(broken, load):
    films = sorted((broken / "videos").rglob("*.mp4"))
    table = pq.read_table(next((broken / "meta/episodes").rglob("*.parquet"))).to_pydict()
    first, second = table["length"][:2]
    shorter = 0 if first < second else 1
    shutil.copy(films[shorter], films[1 - shorter])
    with pytest.raises(ValueError, match=rf"Episode {1 - shorter} has .* its video ends"):
        load()


def test_a_torn_video_is_named(broken, load):
    film = sorted((broken / "videos").rglob("*.mp4"))[0]
    film.write_bytes(film.read_bytes()[:200])
    with pytest.raises(ValueError, match=rf"cannot be read .*{film.name}"):
        load()


def test_an_episode_that_lost_rows_names_the_repair(broken, load):
    def drop(columns):
        for values in columns.values():
            del values[2]

    change_rows(broken, drop)
    with pytest.raises(ValueError, match=r"Episode 0 of .* its table says .*recordings.repair"):
        load()


def test_a_dataset_without_episodes_says_so(broken, load):
    change_json(broken / "meta/info.json", total_episodes=0)
    with pytest.raises(ValueError, match="no episodes yet"):
        load()


def test_a_dataset_that_says_no_body_asks_for_one(broken, load):
    (broken / "meta/embodiment.json").unlink()
    with pytest.raises(ValueError, match=r'which body it is of.*"embodiment": "widowx"'):
        load()


def test_another_body_counts_its_channels(broken, load):
    body = dataclasses.replace(body_named("widowx"), cameras=load().embodiment.cameras)
    with pytest.raises(ValueError, match=r"has 14 channels; the body 'widowx' has"):
        load(embodiment=body)


def test_a_renamed_camera_is_found_under_its_own_name(broken, load):
    info = json.loads((broken / "meta/info.json").read_text())
    info["features"]["observation.images.top"] = info["features"].pop("observation.images.cam_high")
    (broken / "meta/info.json").write_text(json.dumps(info))
    with pytest.raises(ValueError, match=r"lacks \['observation.images.cam_high'\]"):
        load()
    table = next((broken / "meta/episodes").rglob("*.parquet"))
    read = pq.read_table(table)
    names = [
        name.replace("observation.images.cam_high", "observation.images.top")
        for name in read.column_names
    ]
    pq.write_table(read.rename_columns(names), table)
    (broken / "videos/observation.images.cam_high").rename(broken / "videos/observation.images.top")
    samples = load(renamed={"cam_high": "top"})
    assert samples.pictures["cam_high"].mean() > 20
    assert samples.embodiment.camera_names == ("cam_high",)


def test_a_camera_that_the_body_names_otherwise_may_be_shown(broken, tmp_path):
    samples = load_samples(
        broken, {"ego": (96, 128)}, tmp_path / "cache", renamed={"ego": "cam_high"}
    )
    assert samples.embodiment.camera_names == ("ego",)
    assert samples.pictures["ego"].mean() > 20


def test_a_rate_of_nothing_is_refused(broken, load):
    change_json(broken / "meta/info.json", fps=0)
    with pytest.raises(ValueError, match="fps 0"):
        load()


def test_an_older_format_is_named(broken, load):
    change_json(broken / "meta/info.json", codebase_version="v2.1")
    with pytest.raises(ValueError, match=r"Expected LeRobot v3.0, got 'v2.1'"):
        load()


def test_statistics_are_measured_not_read(broken, load):
    (broken / "meta/stats.json").unlink()
    assert len(load().episodes) == 2


def test_a_channel_that_never_moves_is_said_and_learnt(broken, job, caplog):
    def hold(columns):
        columns["action"] = [[*row[:6], 0.5, *row[7:]] for row in columns["action"]]

    change_rows(broken, hold)
    folder = job("still", dataset=str(broken))
    with caplog.at_level("WARNING"):
        made = TrainingJob(folder, TrainRequest.load(folder / "request.json"))
    assert "['left_gripper'] never move; learnt as constants" in caplog.text
    assert made.mixture.batch(0).actions.actions.isfinite().all()


def test_what_stops_early_is_said_in_status(job, broken):
    film = sorted((broken / "videos").rglob("*.mp4"))[0]
    film.write_bytes(b"")
    folder = job("torn", dataset=str(broken))
    with pytest.raises(ValueError, match="cannot be read"):
        train(folder, threading.Event())
    status = json.loads((folder / "status.json").read_text())
    assert status["status"] == "failed" and film.name in status["error"]
    assert not (folder / "checkpoints").exists()


def test_a_loss_that_is_no_number_keeps_the_last_whole_checkpoint(job):
    folder = job("diverging", steps=3)
    made = TrainingJob(folder, TrainRequest.load(folder / "request.json"))
    draw = made.mixture.batch

    def broken_later(step, shard=0, num_shards=1):
        batch = draw(step, shard, num_shards)
        if step == 1:
            batch.actions.noise.fill_(float("inf"))
        return batch

    made.mixture.batch = broken_later
    with pytest.raises(RuntimeError, match=r"loss is .*nan.* at step 1.*before is saved"):
        made.run(threading.Event())
    saved = torch.load(folder / "training_state.pt", weights_only=True)
    assert saved["step"] == 1
    assert all(value.isfinite().all() for value in saved["weights"].values())


def test_a_gradient_that_is_no_number_is_not_taken_in(job):
    folder = job("diverging", steps=3)
    made = TrainingJob(folder, TrainRequest.load(folder / "request.json"))
    parameter = next(p for p in made.model.decoder.parameters() if p.requires_grad)
    calls = iter(range(100))
    parameter.register_hook(lambda grad: grad * float("nan") if next(calls) == 1 else grad)
    with pytest.raises(DivergedError, match=r"gradient is nan at step 1"):
        made.run(threading.Event())
    weights = Checkpoint.load(folder / "checkpoints/last").model.state_dict()
    assert all(value.isfinite().all() for value in weights.values())


def test_a_state_of_another_request_says_what_to_do(job):
    folder = job("changed", steps=2)
    train(folder, threading.Event())
    (folder / "training_state.pt").write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"training_state.pt is torn, or of another request"):
        train(folder, threading.Event())


def test_a_film_of_another_rate_is_refused(broken, load):
    change_json(broken / "meta/info.json", fps=5)
    table = next((broken / "meta/episodes").rglob("*.parquet"))
    read = pq.read_table(table)
    name = "videos/observation.images.cam_high/to_timestamp"
    longer = [2 * end for end in read[name].to_pylist()]
    column = read.column_names.index(name)
    pq.write_table(read.set_column(column, read.schema.field(column), pa.array(longer)), table)
    with pytest.raises(ValueError, match=r"film has 10 frames a second, the rows of .* 5"):
        load()


def test_an_episode_longer_than_its_part_of_a_film_is_named(broken, load):
    table = next((broken / "meta/episodes").rglob("*.parquet"))
    read = pq.read_table(table)
    name = "videos/observation.images.cam_high/to_timestamp"
    ends = read[name].to_pylist()
    ends[0] -= 0.3
    column = read.column_names.index(name)
    pq.write_table(read.set_column(column, read.schema.field(column), pa.array(ends)), table)
    with pytest.raises(ValueError, match=r"Episode 0 has .* its video ends 3 frames early"):
        load()


def test_other_films_are_decoded_anew(broken, load):
    first = load().pictures["cam_high"]
    films = sorted((broken / "videos").rglob("*.mp4"))
    assert first.mean() > 20
    for film in films:
        film.unlink()
    with pytest.raises(ValueError, match=r"film of episode 0 is missing"):
        load()


def test_what_would_fit_is_said(job):
    made = TrainingJob(job("any"), TrainRequest.load(job("other") / "request.json"))
    assert "GB" in made.what_fits() or "MB" in made.what_fits()


def test_nobody_drove(broken, job):
    def nobody(columns):
        columns["sent"] = [0] * len(columns["sent"])

    change_rows(broken, nobody)
    with pytest.raises(ValueError, match=r"Nobody drove in any episode of .*broken"):
        train(job("idle", dataset=str(broken)), threading.Event())
