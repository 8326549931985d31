import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from test_recording_the_simulation import Sway
from tiny_robot import Arm, SimpleArm

from hardware.control_loop import ControlLoop
from hardware.simulated_aloha import simulated_aloha
from recordings import editing, features, layout, repair
from recordings.check import check
from recordings.dataset import Dataset
from recordings.disk import RecordingError
from recordings.export_aloha import export_aloha
from recordings.piece import trimmed
from recordings.recorder import Recorder

COLUMNS = set(features.MOTION)


def rows_of(folder, episode):
    with Dataset(folder) as dataset:
        return dataset.rows(episode)


def test_speeds_and_efforts_of_the_simulated_arms_are_recorded(tmp_path):
    folder, ticks = tmp_path / "d", []
    with simulated_aloha(realtime=False, cameras=(), fps=50) as cell:
        recorder = Recorder(cell.robot.embodiment, realtime=False)
        loop = ControlLoop(cell.robot, [recorder, ticks.append])
        loop.drive(Sway())
        recorder.open_dataset(folder, fps=50)
        recorder.start_episode("sway")
        for _ in range(100):
            loop.tick()
            cell.robot.clock.wait_until(ticks[-1].observation.timestamp + 0.02)
        recorder.save_episode()
        recorder.close()
    assert check(folder).problems == []
    rows = rows_of(folder, 0)
    moved = np.gradient(rows["observation.state"], 0.02, axis=0)
    # A joint starts towards its next target quicker than it arrives: the wrist's turn most of all.
    np.testing.assert_allclose(rows["velocity"][2:-2], moved[2:-2], atol=0.1)
    for joint in range(6):
        assert np.corrcoef(rows["velocity"][:, joint], moved[:, joint])[0, 1] > 0.98
    short = rows["action"][:-1] - rows["observation.state"][1:]  # of where a servo was told to be
    for joint in range(6):  # a servo pulls to there; physics computed its force one step before
        known = np.stack([short[:, joint], rows["velocity"][1:, joint]], axis=1)
        effort = rows["effort"][1:, joint]
        gains, *_ = np.linalg.lstsq(known, effort)
        assert gains[0] > 1
        np.testing.assert_allclose(known @ gains, effort, atol=0.1 * np.abs(effort).max())
    assert np.abs(rows["effort"][:, 1]).max() > 5, "a stretched arm weighs on its shoulder"


def test_the_first_episode_says_whether_a_dataset_has_them(make_bench, tmp_path):
    with_them, without = make_bench(), make_bench(arm=SimpleArm)
    for bench, name in ((with_them, "with"), (without, "without")):
        bench.recorder.open_dataset(tmp_path / name, fps=50)
        bench.record()
        bench.record()
        bench.recorder.close()
        assert check(tmp_path / name).problems == []
    assert not COLUMNS & set(rows_of(tmp_path / "without", 1))
    rows = rows_of(tmp_path / "with", 1)
    state = rows["observation.state"]
    np.testing.assert_array_equal(rows["velocity"], state * 2)
    np.testing.assert_array_equal(rows["effort"], state - 1)
    stats = json.loads((tmp_path / "with" / layout.STATS).read_text())
    assert len(stats["effort"]["mean"]) == state.shape[1]


def test_arms_that_measure_go_on_in_a_dataset_without_and_not_the_other_way(make_bench, tmp_path):
    plain, measured = tmp_path / "plain", tmp_path / "measured"
    simple, bench = make_bench(arm=SimpleArm), make_bench()
    simple.recorder.open_dataset(plain, fps=50)
    simple.record()
    simple.recorder.close()
    bench.recorder.open_dataset(plain, fps=50)
    bench.record()
    bench.recorder.open_dataset(measured, fps=50)
    bench.record()
    bench.recorder.close()
    assert not COLUMNS & set(rows_of(plain, 1))
    assert check(plain).problems == []

    simple.recorder.open_dataset(measured, fps=50)
    simple.recorder.start_episode("pick up the cube")
    simple.turn(1)
    assert "are recorded into a new folder" in simple.recorder.status().error
    with pytest.raises(RecordingError, match="velocity and effort of every joint"):
        simple.recorder.save_episode()
    assert len(Dataset(measured)) == 1
    assert check(measured).problems == []


class FallsSilent(Arm):
    silent = False

    @property
    def motion(self):
        return None if self.silent else super().motion


def test_an_arm_that_measures_no_more_ends_the_episode_and_not_the_loop(make_bench, tmp_path):
    bench = make_bench(arm=FallsSilent)
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.recorder.start_episode("pick up the cube")
    bench.turn(60)
    FallsSilent.silent = True
    try:
        bench.turn(5)
    finally:
        FallsSilent.silent = False
    assert "velocity and effort of every joint" in bench.recorder.status().error
    assert len(bench.ticks) == 65


def test_the_first_episode_of_a_killed_program_keeps_them(make_bench, tmp_path):
    bench = make_bench()
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    empty = (tmp_path / "d" / layout.INFO).read_bytes()
    bench.record()
    bench.recorder.close()
    (tmp_path / "d" / layout.INFO).write_bytes(empty)  # a kill just before the last step of a save
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record()
    bench.recorder.close()
    assert check(tmp_path / "d").problems == []
    assert len(Dataset(tmp_path / "d")) == 2
    for episode in range(2):
        assert set(rows_of(tmp_path / "d", episode)) >= COLUMNS


def test_what_just_happened_and_what_is_rescued_have_them(make_bench, tmp_path):
    folder = tmp_path / "d"
    bench = make_bench()
    bench.recorder.open_dataset(folder, fps=50)
    bench.recorder.look_back(1.0)
    bench.turn(60)
    bench.recorder.keep_last("what just happened")
    bench.recorder.look_back(None)
    bench.recorder.start_episode("cut short")
    bench.turn(110)
    bench.recorder._episode.leave()
    bench.recorder._episode = None
    bench.recorder.close()
    bench.recorder.open_dataset(folder, fps=50)
    (unsaved,) = bench.recorder.unsaved()
    bench.recorder.rescue(unsaved)
    bench.recorder.close()
    assert check(folder).problems == []
    for episode in range(2):
        rows = rows_of(folder, episode)
        state = rows["observation.state"]
        assert len(state) >= 50
        np.testing.assert_array_equal(rows["velocity"], state * 2)
        np.testing.assert_array_equal(rows["effort"], state - 1)


def test_datasets_with_and_without_them_merge_where_nothing_must_be_made_up(make_bench, tmp_path):
    for arm, name in ((Arm, "measured"), (SimpleArm, "plain")):
        bench = make_bench(arm=arm)
        bench.recorder.open_dataset(tmp_path / name, fps=50)
        bench.record()
        bench.recorder.close()
    with pytest.raises(ValueError, match="velocity is None instead of"):
        editing.merge(tmp_path / "measured", [tmp_path / "plain"])
    editing.merge(tmp_path / "plain", [tmp_path / "measured"])
    assert check(tmp_path / "plain").problems == []
    assert len(Dataset(tmp_path / "plain")) == 2
    assert not COLUMNS & set(rows_of(tmp_path / "plain", 1))


def test_they_are_exported_as_they_were_measured(make_bench, tmp_path):
    bench = make_bench()
    bench.recorder.open_dataset(tmp_path / "d", fps=50)
    bench.record()
    bench.recorder.close()
    rows = rows_of(tmp_path / "d", 0)
    assert export_aloha(tmp_path / "d", tmp_path / "out") == 1
    with h5py.File(tmp_path / "out/episode_0.hdf5") as file:
        assert "qvel_computed" not in file.attrs
        np.testing.assert_array_equal(file["observations/qvel"], rows["velocity"])
        np.testing.assert_array_equal(file["observations/effort"], rows["effort"])


def test_editing_and_repairing_keep_them(make_bench, tmp_path):
    folder = tmp_path / "d"
    bench = make_bench()
    bench.recorder.open_dataset(folder, fps=50)
    for _ in range(3):
        bench.record()
    bench.recorder.close()
    before = rows_of(folder, 1)
    editing.edit(folder, "trim", lambda pieces: trimmed(pieces, 1, 5, 5))
    after = rows_of(folder, 1)
    np.testing.assert_array_equal(after["velocity"], before["velocity"][5:-5])
    torn = Path(shutil.copytree(folder, tmp_path / "torn"))
    (torn / layout.INFO).unlink()
    repair.repair(torn)
    assert check(torn).problems == []
    np.testing.assert_array_equal(rows_of(torn, 1)["effort"], after["effort"])
    assert set(pq.read_schema(torn / layout.data_file(0)).names) >= COLUMNS
