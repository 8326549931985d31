import json

import h5py
import numpy as np
import pytest
import tyro
from plain_reading import PlainDataset
from robosuite_demos import MODEL, real_demonstrations, write_demonstrations

from recordings import import_robosuite
from recordings.check import check
from recordings.marks import read_marks
from recordings.model_joints import joints_of
from recordings.robosuite_hdf5 import read_demonstrations


def require_same_numbers(path, dataset, first=0):
    """Every number of the file that has a row for each step, bit by bit."""
    features = dataset.info["features"]
    for number, each in enumerate(read_demonstrations(path).each):
        with h5py.File(path) as file:
            group = file["data"][each.name]
            stored = {"simulation_state": group["states"][()], "action": group["actions"][()]}
        rows = {name: dataset.of(first + number, name) for name in dataset.columns}
        joints = [1 + joint.qpos[0] for joint in each.robot_joints]
        stored["observation.state"] = stored["simulation_state"][:, joints]
        for name, values in stored.items():
            assert features[name]["dtype"] == "float64"
            assert rows[name].astype(np.float64).tobytes() == values.tobytes()


def test_every_number_is_kept_to_the_last_bit(tmp_path):
    path = write_demonstrations(tmp_path / "demo.hdf5")
    assert import_robosuite.import_robosuite([path, path], tmp_path / "d", task="lift it") == 4
    assert check(tmp_path / "d").problems == []
    dataset = PlainDataset(tmp_path / "d")
    dataset.require_right()
    require_same_numbers(path, dataset)
    require_same_numbers(path, dataset, first=2)
    with h5py.File(path) as file:
        group = file["data/demo_10"]
        assert dataset.of(1, "intervention").tolist() == group["interventions"][:, 0].tolist()
        assert np.array_equal(dataset.of(1, "user_acting"), group["user_acting"])
        assert np.array_equal(dataset.of(1, "clicks"), group["clicks"])
        assert np.array_equal(dataset.of(1, "velocity"), group["states"][:, [11, 12, 13]])
    assert (dataset.info["fps"], dataset.info["robot_type"]) == (20, "robosuite_tiny")
    assert [entry["length"] for entry in dataset.episodes] == [12, 15, 12, 15]


def test_columns_are_named_as_what_they_are(tmp_path):
    path = write_demonstrations(tmp_path / "demo.hdf5")
    import_robosuite.import_robosuite([path], tmp_path / "d")
    info = json.loads((tmp_path / "d/meta/info.json").read_text())
    names = {name: feature["names"] for name, feature in info["features"].items()}
    joints = ["robot0_joint1", "robot0_joint2", "gripper0_finger_joint1"]
    assert names["observation.state"] == names["velocity"] == joints
    assert names["action"][0] == "robot0_x"
    assert names["action"][-1] == "robot0_gripper"
    assert names["simulation_state"][3:6] == [
        "qpos.gripper0_finger_joint1",
        "qpos.cube_joint0[0]",
        "qpos.cube_joint0[1]",
    ]
    assert not any(feature["dtype"] == "video" for feature in info["features"].values())


def test_what_is_no_column_is_told_beside(tmp_path):
    path = write_demonstrations(tmp_path / "demo.hdf5")
    import_robosuite.import_robosuite([path], tmp_path / "d")
    told = json.loads((tmp_path / "d/meta/import.json").read_text())
    assert told["format"] == "robosuite HDF5"
    first = told["episodes"][0]
    assert first["left_out"] == ["user_info", "settings"]
    assert first["attributes"]["metadata"]["user_id"] == "ada"
    assert (tmp_path / "d" / first["model"]).read_text() == MODEL
    assert {i: mark.success for i, mark in read_marks(tmp_path / "d").items()} == {
        0: True,
        1: False,
    }
    tasks = PlainDataset(tmp_path / "d").episodes[0]["tasks"]
    assert tasks.tolist() if hasattr(tasks, "tolist") else tasks == ["two arm lift"]


def test_single_precision_stays_single_where_it_says_all(tmp_path):
    path = write_demonstrations(tmp_path / "demo.hdf5", dtype=np.float32, control_hz=16)
    import_robosuite.import_robosuite([path], tmp_path / "d")
    features = json.loads((tmp_path / "d/meta/info.json").read_text())["features"]
    assert {features[n]["dtype"] for n in ("action", "simulation_state")} == {"float32"}


def test_joints_are_found_in_a_model_without_its_meshes():
    found = {joint.name: (joint.qpos, joint.qvel) for joint in joints_of(MODEL)}
    assert found["gripper0_finger_joint1"] == (range(2, 3), range(2, 3))
    assert found["cube_joint0"] == (range(3, 10), range(3, 9))
    ball = '<mujoco><worldbody><body><joint type="ball"/></body></worldbody></mujoco>'
    assert joints_of(ball)[0].names(range(4)) == [f"joint_0[{i}]" for i in range(4)]


def test_people_s_own_demonstrations_are_imported(tmp_path):
    demonstrations = real_demonstrations()
    if demonstrations is None:
        pytest.skip("robosuite's wheel, which holds human demonstrations, cannot be fetched here.")
    for name, count, rows, joints in (
        ("handover/panda_panda", 7, 2775, 18),
        ("lift", 3, 1384, 9),
        ("wipe/panda", 1, 174, 7),
    ):
        path, target = demonstrations / name / "demo.hdf5", tmp_path / name.partition("/")[0]
        assert import_robosuite.import_robosuite([path], target) == count
        assert check(target).problems == []
        dataset = PlainDataset(target)
        dataset.require_right()
        assert dataset.info["total_frames"] == rows
        assert len(dataset.info["features"]["observation.state"]["names"]) == joints
        require_same_numbers(path, dataset)


def command(capsys, *words):
    status = tyro.cli(import_robosuite.main, args=[str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out + err


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    torn, empty, target = tmp_path / "torn.hdf5", tmp_path / "empty.hdf5", tmp_path / "d"
    torn.write_bytes(b"not HDF5")
    h5py.File(empty, "w").close()
    good = write_demonstrations(tmp_path / "good.hdf5")
    other = write_demonstrations(tmp_path / "other.hdf5")
    short = write_demonstrations(tmp_path / "short.hdf5")
    beside = write_demonstrations(tmp_path / "beside.hdf5", model="model_1.xml")
    models = {
        "no_xml": write_demonstrations(tmp_path / "no_xml.hdf5", model="<mujoco><body>"),
        "narrow": write_demonstrations(tmp_path / "narrow.hdf5", model="<mujoco/>"),
    }
    with h5py.File(other, "a") as file:
        del file["data/demo_9/user_acting"]
    with h5py.File(short, "a") as file:
        del file["data/demo_9/actions"]
        file["data/demo_9"].create_dataset("actions", data=np.zeros((3, 7)))
    for files, words in [
        ([torn], "Cannot read an HDF5 file"),
        ([empty], "/data with demo_1 and so on is lacking"),
        ([short], "expected as many states as actions"),
        ([beside], "the model model_1.xml is lacking beside it"),
        ([models["no_xml"]], "Expected the XML of a MuJoCo model"),
        ([models["narrow"]], "its model has a state of 1 numbers"),
        ([good, other], "Expected what the first demonstration has"),
        ([good, "--fps", "30"], "Give --fps as it was recorded"),
    ]:
        status, text = command(capsys, *files, "--to", target)
        assert (status, words in text) == (1, True), text
    assert not target.exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    (tmp_path / "models").mkdir()
    (tmp_path / "models/model_1.xml").write_text(MODEL)
    status, text = command(capsys, beside, "--to", target)
    assert (status, "2 episodes in" in text) == (0, True)
    status, text = command(capsys, good, "--to", target)
    assert (status, "Expected a new folder" in text) == (1, True)


def test_a_column_named_as_one_of_ours_gets_another_name(tmp_path):
    path = write_demonstrations(tmp_path / "demo.hdf5")
    with h5py.File(path, "r+") as file:
        for each in file["data"].values():
            for name in ("velocity", "timestamp", "simulation_state"):
                each[name] = np.arange(len(each["actions"]), dtype=np.float64) / 3
    import_robosuite.import_robosuite([path], tmp_path / "d")
    dataset = PlainDataset(tmp_path / "d")
    dataset.require_right()
    for name in ("velocity", "timestamp", "simulation_state"):
        assert np.array_equal(dataset.of(1, f"{name}_column"), np.arange(15) / 3)
