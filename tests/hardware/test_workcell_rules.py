"""What a workcell file may say, and what is written into one. Opens no device."""

import json

import pytest

from hardware.arms.so101 import JOINTS
from hardware.workcell.entries import ChannelLimit
from hardware.workcell.file import load_workcell
from hardware.workcell.problem import WorkcellError
from hardware.workcell.writing import store_limits

VIPER = """
name = "bench"  # of the lab
[arms.left]
model = "aloha_2023_follower"
role = "follower"
side = "left"
port = "/dev/left"
"""

SO101 = VIPER.replace("aloha_2023_follower", "so101")


def said_of(path, text):
    path.write_text(text)
    with pytest.raises(WorkcellError) as caught:
        load_workcell(path)
    assert all(problem.fix for problem in caught.value.problems)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bench.toml"


def test_an_so101_without_a_calibration_is_told_so_beside_all_else(path):
    said = said_of(path, SO101 + "[limits.left_gripper]\nlow = 0.5\n[cameras.top]\nkind = 'tv'")
    assert "calibration is missing" in said and "kind is one of" in said
    assert "no such channel" not in said, "nobody knows the channels of this arm"
    entry = {"range_min": 700, "range_max": 3300}
    (path.parent / "ranges.json").write_text(json.dumps(dict.fromkeys(JOINTS, entry)))
    whole = SO101 + 'calibration = "ranges.json"\n'
    assert "there is no such channel" in said_of(path, whole + "[limits.left_waist]\nlow = 0.5")


def test_limits_are_looked_at_beside_everything_else(path):
    text = VIPER + 'gravty = 1\n[limits.left_waist]\nlow = -9.0\n[cameras.top]\nkind = "uvc"'
    said = said_of(path, text)
    for words in ("no field 'gravty'", "bound by path or by serial", "expected -3.14158 <= low"):
        assert words in said


def test_an_arm_of_an_unknown_model_is_not_held_against_the_limits(path):
    said = said_of(path, VIPER.replace("2023_", "2032_") + "[limits.left_shoulder_pan]\nlow = 0.0")
    assert "Did you mean 'aloha_2023_follower'?" in said and "no such channel" not in said


@pytest.mark.parametrize(
    ("hz", "silence", "fits"),
    [(50, 0.2, True), (50, 0.05, False), (10, 0.2, False), (10, 0.3, True), (7, 0.43, True)],
)
def test_a_watchdog_waits_for_three_turns_of_the_loop(path, hz, silence, fits):
    text = VIPER.replace("[arms", f"control_hz = {hz}\n[arms") + f"silence_secs = {silence}\n"
    if fits:
        path.write_text(text)
        assert load_workcell(path).arms[0].silence_secs == silence
    else:
        said = said_of(path, text)
        assert f"Write silence_secs = {3 / hz:g} or more" in said


def test_a_baud_rate_that_servos_do_not_have_is_refused(path):
    assert "servos speak at one of" in said_of(path, VIPER + "baud = 500000\n")


def test_writing_a_range_keeps_the_speed_limit_and_the_comments_of_a_person(path):
    text = VIPER + "[limits.left_waist]\nmax_rate = 0.5  # near the shelf\nlow = -2.0\n"
    path.write_text(text + '[cameras.top]\nkind = "film"\npath = "a.mp4"\n[limits.left_elbow]\n')
    store_limits(path, {"left_waist": ChannelLimit(-1.0, 1.0), "left_elbow": ChannelLimit(0.0)})
    limits = load_workcell(path).limits
    assert limits["left_waist"] == ChannelLimit(-1.0, 1.0, 0.5)
    assert limits["left_elbow"] == ChannelLimit(0.0)
    assert "# near the shelf" in path.read_text() and "# of the lab" in path.read_text()


def test_a_range_that_the_next_start_would_refuse_is_not_written(path):
    path.write_text(VIPER + "[limits.left_waist]\nmax_rate = 0.5\n")
    before = path.read_bytes()
    with pytest.raises(WorkcellError, match=r"Nothing was written(?s:.)*rests at -1\.85"):
        store_limits(path, {"left_shoulder": ChannelLimit(-1.0, 1.0)})
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["bench.toml"]
