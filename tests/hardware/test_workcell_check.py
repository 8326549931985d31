"""`python -m hardware.check` on an emulated computer: everything found, everything wrong said."""

from pathlib import Path

import pytest
from emulated_lab import (
    check_said,
    draw_pictures,
    emulated_lab,
    serial_of,
    workcell_text,
)

from hardware import check
from hardware.workcell import sides
from hardware.workcell.examination import examine
from hardware.workcell.file import load_workcell
from hardware.workcell.machine import Machine
from hardware.workcell.problem import WorkcellError


@pytest.fixture
def lab(tmp_path):
    with emulated_lab(tmp_path) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


def test_it_finds_the_arms_and_writes_a_workcell_that_loads(lab, capsys):
    written = lab.root / "new.toml"
    status, said = check_said(lab, capsys, write=written, name="bench")
    assert f"{lab.port('left_follower')}: 9 motors, firmware [45]: ViperX 300 S" in said
    assert "WidowX 250 S (ALOHA 2023 leader)" in said
    assert "Interbotix ALOHA leader" not in said
    assert status == 0, said
    workcell = load_workcell(written)
    assert {arm.name: arm.port for arm in workcell.arms} == {
        name: str(lab.port(name)) for name in lab.buses
    }
    assert {arm.model for arm in workcell.arms} == {"aloha_2023_follower", "aloha_2023_leader"}
    assert all(len(arm.fingerprints) == 9 for arm in workcell.arms)
    assert "# Grippers are taken" in written.read_text()
    assert check_said(lab, capsys, write=written)[0] == 2, (
        "a file that is there is not written over"
    )


def test_a_good_workcell_is_timed_and_its_motors_remembered(lab, capsys):
    path = lab.root / "bench.toml"
    status, said = check_said(lab, capsys, workcell=path)
    assert status == 1
    assert said.count("another arm of its kind at this port would not be noticed") == 4
    assert "left_leader: read in" in said and "12.0 V" in said
    assert check_said(lab, capsys, workcell=path, remember=True)[0] == 0
    after = examine(load_workcell(path), lab.machine, watching_secs=0.5)
    assert not any("would not be noticed" in problem.what for problem in after.problems)
    assert all(bus[1].peek("torque_enable") == 0 for bus in lab.buses.values())


def test_all_that_is_wrong_with_the_devices_is_said_at_once(lab, capsys):
    path = lab.root / "bench.toml"
    text = path.read_text().replace(str(lab.port("right_leader")), "/dev/serial/by-id/nothing")
    path.write_text(text.replace("height = 48", "height = 40", 1))
    (
        lab.root / f"sys/class/tty/{lab.port('left_leader').resolve().name}/device/latency_timer"
    ).write_text("16\n")
    lab.buses["left_follower"][4].poke("drive_mode", 0)
    lab.buses["right_follower"].cut_power()
    status, said = check_said(lab, capsys, workcell=path)
    assert status == 1
    for words in (
        "right_leader: there is nothing at /dev/serial/by-id/nothing",
        "left_leader: The USB adapter holds replies back for up to 16 ms",
        "motor 4 (elbow) turns the other way",
        "right_follower: No motor answers. Is the arm's 12 V supply on",
        "cam_high: its pictures are 64x48, expected 64x40",
        "Fix: Write height = 48 and width = 64.",
    ):
        assert words in said


def test_arms_that_were_set_up_are_told_from_others_of_their_kind(lab, capsys):
    path = lab.root / "bench.toml"
    check_said(lab, capsys, workcell=path, remember=True)
    lab.buses["left_follower"][7].poke("homing_offset", 12)
    said = check_said(lab, capsys, workcell=path)[1]
    assert "left_follower: This ViperX" in said
    assert "motor 7: homing offset was 0, is 12" in said


def test_moving_an_arm_by_hand_puts_the_sides_right(lab, capsys, monkeypatch):
    path = lab.root / "bench.toml"
    hands = iter(["right_leader", "left_follower"])

    def move_one(words):
        lab.buses[next(hands)][1].position += 400

    monkeypatch.setattr(check, "_ask", move_one)
    status, said = check_said(lab, capsys, workcell=path, sides=True)
    assert status == 0, said
    assert "The leaders' sides were swapped" in said and "The followers' sides are right" in said
    ports = {arm.name: arm.port for arm in load_workcell(path).arms}
    assert ports["left_leader"] == str(lab.port("right_leader"))
    assert ports["left_follower"] == str(lab.port("left_follower"))


def test_two_arms_moved_at_once_are_asked_for_again(lab):
    still = {name: sides.np.zeros(7, sides.np.float32) for name in ("a", "b")}
    moved = {name: each + sides.np.float32(0.4) for name, each in still.items()}
    with pytest.raises(sides.HardwareError, match="More than one arm moved: a by 23 degrees"):
        sides.moved_arm(still, moved)
    with pytest.raises(sides.HardwareError, match="No arm moved"):
        sides.moved_arm(still, still)


def test_udev_rules_name_each_arm_by_its_adapter(lab, capsys):
    status, said = check_said(lab, capsys, workcell=lab.root / "bench.toml", udev=True)
    assert status == 0
    serial = serial_of("left_leader")
    assert f'SUBSYSTEM=="tty", ATTRS{{serial}}=="{serial}", SYMLINK+="vla/left_leader"' in said
    assert 'ATTR{latency_timer}="1"' in said


def test_a_bare_computer_is_told_what_to_plug_in(tmp_path, capsys, lab):
    bare = Machine(tmp_path / "bare", lab.machine.realsense)
    status = check.main(check.Options(), bare)
    said = capsys.readouterr().out
    assert status == 1
    assert "no USB serial port is there" in said and "Fix: Plug the arms' USB cables in" in said


def test_everything_wrong_in_a_file_is_said_at_once_with_its_fix(tmp_path):
    draw_pictures(tmp_path / "pictures", 10)
    path = tmp_path / "bad.toml"
    path.write_text(
        """
        name = "bad"
        [arms.one]
        model = "aloha_2023_folower"
        role = "follower"
        side = "left"
        port = "/dev/one"
        [arms.two]
        model = "aloha_2023_leader"
        role = "follower"
        side = "left"
        port = "/dev/one"
        gravty_help = 0.3
        [cameras.cam_high]
        kind = "uvc"
        fps = "fast"
        options = {brightnes = 3}
        [cameras.cam_low]
        kind = "realsense"
        [calibration.cam_low.lens]
        fx = 600.0
        """
    )
    with pytest.raises(WorkcellError) as caught:
        load_workcell(path)
    said = str(caught.value)
    for words in (
        "Did you mean 'aloha_2023_follower'?",
        "a WidowX 250 S (ALOHA 2023 leader) cannot be a follower",
        "there is no field 'gravty_help' here",
        "['one', 'two'] are all the left follower",
        "['one', 'two'] share /dev/one",
        "fps is a number from 1 to 240, got 'fast'",
        "a UVC camera is bound by path or by serial",
        "[cameras.cam_low]: serial is missing",
        "[calibration.cam_low.lens] needs",
    ):
        assert words in said
    assert said.count("Fix:") == len(caught.value.problems)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("[limits.left_waist]\nlow = -9.0", "expected -3.14158 <= low"),
        ("[limits.left_hip]\nlow = 0.0", "there is no such channel"),
        ("[limits.left_shoulder]\nlow = -1.0", "the arm rests at -1.85"),
        ("[limits.left_waist]\nmax_rate = 9", "expected a max_rate above 0 and up to 3.14"),
    ],
)
def test_limits_only_get_narrower(lab, limit, words):
    path = lab.root / "bench.toml"
    path.write_text(path.read_text() + limit)
    with pytest.raises(WorkcellError, match=words):
        load_workcell(path)


def test_the_file_in_the_documentation_loads(tmp_path):
    page = (Path(__file__).parents[2] / "docs/workcell.md").read_text()
    path = tmp_path / "aloha.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0])
    workcell = load_workcell(path)
    assert [arm.name for arm in workcell.arms] == ["left_follower", "left_leader"]
    assert workcell.limits["left_waist"].high == 1.2
