"""Other names for arms and cameras of a workcell file: what goes along, and what is refused."""

import tomllib

import pytest

from hardware.workcell.file import load_workcell
from hardware.workcell.problem import WorkcellError
from hardware.workcell.renaming import names_in, rename, renamed, swap_cameras
from hardware.workcell.view_memory import ViewMemory

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
