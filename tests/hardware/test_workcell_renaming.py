"""Other names for arms and cameras of a workcell file: what goes along, and what is refused."""

import tomllib

import pytest

from hardware.dynamixel.motors import Fingerprint
from hardware.workcell.file import load_workcell
from hardware.workcell.problem import WorkcellError
from hardware.workcell.renaming import names_in, rename, renamed, swap_cameras
from hardware.workcell.view_memory import ViewMemory
from hardware.workcell.writing import store_fingerprints, swap_ports

TEXT = """# our cell
name = "bench"
[cameras.top]      # above the table
kind = "pictures"
path = "top"

[arms.one]         # the near one
model = "aloha_2023_follower"
role = "follower"
side = "left"
port = "/dev/one"  # blue tape

[cameras."wrist"]
kind = "uvc"
path = "pci-0000:00:14.0-usb-0:2:1.0"
fps = 60
options = { exposure = 157 }  # the lab is dark

[arms.two]
model = "aloha_2023_follower"
role = "follower"
side = "right"
port = "/dev/two"
[calibration.top.lens]
width = 640
height = 480
fx = 600.0
fy = 600.0
cx = 320.0
cy = 240.0
distortion = [0.0, 0.0, 0.0, 0.0]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text(TEXT)
    views = ViewMemory(path).folder
    views.mkdir()
    (views / "top.png").write_bytes(b"seen from above")
    return path


def said(path):
    return tomllib.loads(path.read_text())


def test_an_arm_gets_another_name_and_nothing_else_changes(path):
    rename(path, "arms", "one", "near_arm")
    assert path.read_text() == TEXT.replace("[arms.one]", "[arms.near_arm]")
    assert names_in(path, "arms") == ["near_arm", "two"]


def test_a_cameras_calibration_and_kept_view_go_along_with_its_name(path):
    rename(path, "cameras", "top", "cam_high")
    rename(path, "cameras", "wrist", "cam_left_wrist")
    assert [each.name for each in load_workcell(path).cameras] == ["cam_high", "cam_left_wrist"]
    assert list(said(path)["calibration"]) == ["cam_high"]
    assert "# above the table" in path.read_text() and "# the lab is dark" in path.read_text()
    assert [each.name for each in ViewMemory(path).folder.iterdir()] == ["cam_high.png"]


def test_two_cameras_exchange_everything_but_their_names_and_order(path):
    before = said(path)
    swap_cameras(path, "top", "wrist")
    after = said(path)
    assert list(after["cameras"]) == ["top", "wrist"]
    assert after["cameras"]["top"] == before["cameras"]["wrist"]
    assert after["cameras"]["wrist"] == before["cameras"]["top"]
    assert after["calibration"] == {"wrist": before["calibration"]["top"]}
    assert (after["arms"], after["name"]) == (before["arms"], before["name"])
    assert path.read_text().startswith("# our cell")
    assert (ViewMemory(path).folder / "wrist.png").read_bytes() == b"seen from above"
    assert load_workcell(path).cameras[0].options == {"exposure": 157}
    swap_cameras(path, "wrist", "top")
    assert said(path) == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("three", "four", "there is no 'three'"),
        ("one", "two", "'two' is there already"),
        ("one", "-x", "cannot be a name"),
        ("one", "a b", "cannot be a name"),
        ("one", "", "cannot be a name"),
    ],
)
def test_what_cannot_be_renamed_is_refused_and_the_file_stays(path, old, new, words):
    with pytest.raises(WorkcellError, match=words):
        rename(path, "arms", old, new)
    with pytest.raises(WorkcellError, match="are not two cameras"):
        swap_cameras(path, "top", "top")
    assert path.read_text() == TEXT


def test_a_name_that_is_not_in_a_header_is_left_to_a_person():
    inline = 'arms = { one = { port = "/dev/one" } }\n'
    with pytest.raises(WorkcellError, match="Give one a header of its own"):
        renamed(inline, ("arms",), "one", "two")
    quoted = 'note = """\n[arms.one]\n"""\n[arms.one]\nport = "/dev/one"\n'
    with pytest.raises(WorkcellError, match="is not named by a header"):
        renamed(quoted, ("arms",), "one", "two")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("aloha_2023_follower", "interbotix_follower", "have model interbotix_follower and aloha"),
        ('port = "/dev/one"', 'port = "/dev/one"\nbaud = 57600', "have baud 57600 and 1000000"),
        ("[arms.one]", "[arms.three]", "there is no arm one"),
    ],
)
def test_arms_that_are_not_alike_or_not_there_do_not_change_places(path, before, after, words):
    path.write_text(TEXT.replace(before, after, 1))
    with pytest.raises(WorkcellError, match=words):
        swap_ports(path, "one", "two")
    assert path.read_text() == TEXT.replace(before, after, 1)


def test_motors_of_an_arm_that_was_renamed_meanwhile_are_not_stored_nor_those_of_others(path):
    rename(path, "arms", "one", "near_arm")
    before = path.read_text()
    prints = [Fingerprint(1, 1020, 46, 0, 255, 0, 0, 4095)]
    with pytest.raises(WorkcellError, match="there is no arm one"):
        store_fingerprints(path, {"two": prints, "one": prints})
    assert path.read_text() == before
    store_fingerprints(path, {"two": prints, "near_arm": prints})
    assert [arm.fingerprints for arm in load_workcell(path).arms] == [tuple(prints)] * 2


def test_a_view_that_cannot_be_written_leaves_the_name_and_a_file_that_cannot_the_view(
    path, monkeypatch
):
    view = ViewMemory(path).folder / "top.png"

    def fail(*_):
        raise OSError("The disk is full.")

    for failing in ("view_memory", "renaming"):
        with monkeypatch.context() as patched:
            patched.setattr(f"hardware.workcell.{failing}.replace_file", fail)
            with pytest.raises(OSError, match="disk is full"):
                rename(path, "cameras", "top", "cam_high")
        assert path.read_text() == TEXT
        assert view.read_bytes() == b"seen from above"
