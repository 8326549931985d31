"""Setting arms up with `python -m hardware.check`, on emulated motors: storing, aligning, IDs."""

from pathlib import Path

import pytest
from emulated_lab import NoRealSense, check_said, emulated_lab, workcell_text
from servo_bus.bus import ServoBus
from servo_bus.servo import Servo
from servo_bus.table import MODELS

from hardware import check
from hardware.workcell.arm_search import FoundArm
from hardware.workcell.camera_search import FoundCameras
from hardware.workcell.draft import draft_workcell
from hardware.workcell.examination import examine_arms
from hardware.workcell.file import load_workcell
from hardware.workcell.machine import Machine
from hardware.workcell.problem import WorkcellError
from hardware.workcell.rules import broken_rules
from hardware.workcell.serial_devices import SerialDevice

ONE_ARM = ("left_follower",)


@pytest.fixture
def lab(tmp_path):
    with emulated_lab(tmp_path, ONE_ARM) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


def test_an_arm_that_was_aligned_is_stored_anew_and_usable_again(lab, capsys):
    path = lab.root / "bench.toml"
    assert check_said(lab, capsys, workcell=path, remember=True)[0] == 0
    lab.buses["left_follower"][3].position += 30
    status, said = check_said(lab, capsys, workcell=path, align="left_follower")
    assert status == 0 and "--remember" in said
    (refused,) = examine_arms(load_workcell(path), lab.machine).arms
    assert not refused.usable
    assert "store it anew: `python -m hardware.check FILE --remember`" in str(refused.problems)
    status, said = check_said(lab, capsys, workcell=path, remember=True)
    assert status == 0 and "motor 3: homing offset was 0, is -30" in said
    (report,) = examine_arms(load_workcell(path), lab.machine).arms
    assert report.usable and "--remember" not in str(report.problems)


@pytest.mark.parametrize(
    ("model", "id_", "arm", "settings"),
    [
        ("XM540-W270", 3, "ViperX 300 S", (0, 2, 841, 2867)),
        ("XM430-W350", 7, "WidowX 250 S", (1, 255, 910, 3447)),
    ],
)
def test_a_new_servo_becomes_a_motor_of_the_arm_that_has_its_kind(
    lab, capsys, model, id_, arm, settings
):
    with ServoBus([Servo(MODELS[model], 1)]) as new:
        status, said = check_said(lab, capsys, new_id=(new.path, id_))
        (servo,) = new.servos
    assert status == 0, said
    assert f"has ID {id_} now; before, 1 at 57600 baud" in said
    assert f"of a {arm}" in said and "--remember" in said
    assert (servo.id, servo.peek("baud_rate")) == (id_, 3)
    registers = ("drive_mode", "secondary_id", "min_position_limit", "max_position_limit")
    assert tuple(servo.peek(register) for register in registers) == settings


def test_a_file_that_cannot_be_written_and_a_baud_rate_that_no_servo_has_are_said(lab, capsys):
    status, said = check_said(lab, capsys, write=lab.root / "nowhere" / "bench.toml")
    assert status == 2 and "No such file or directory" in said and "nowhere" in said
    port = str(lab.port("left_follower"))
    status, said = check_said(lab, capsys, new_id=(port, 3), baud=0)
    assert status == 2 and "Servos have the baud rates" in said and "got 0" in said


def test_a_servo_that_cannot_be_that_motor_is_left_as_it_is(lab, capsys):
    status, said = check_said(lab, capsys, new_id=(str(lab.port("left_follower")), 3))
    assert status == 2 and "Connect one servo alone; 9 answer" in said
    with ServoBus([Servo(MODELS["XL430-W250"], 1)]) as new:
        status, said = check_said(lab, capsys, new_id=(new.path, 300))
        assert status == 2 and "A servo's ID is 0 to 252" in said
        status, said = check_said(lab, capsys, new_id=(new.path, 7))
        assert status == 2 and "Motor 7 of an arm is one of" in said
        assert new.servos[0].id == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sides": True}, "--sides needs a workcell file"),
        ({"align": "left"}, "--align needs a workcell file"),
        ({"workcell": "bench.toml", "write": "new.toml"}, "--write goes without a workcell file"),
        ({"workcell": "bench.toml", "new_id": ("/dev/a", 3)}, "--new-id goes without"),
        ({"workcell": "bench.toml", "sides": True, "remember": True}, "--sides and --remember"),
        ({"udev": True, "write": "new.toml"}, "got --write and --udev"),
        ({"kit": "interbotix"}, "--kit goes with --write"),
        ({"workcell": "bench.toml", "name": "new"}, "--name goes with --write"),
        ({"workcell": "missing.toml", "udev": True}, "cannot be read"),
    ],
)
def test_orders_that_do_not_go_together_are_refused_by_name(tmp_path, capsys, options, words):
    named = {
        name: tmp_path / value if name in ("workcell", "write") else value
        for name, value in options.items()
    }
    status = check.main(check.Options(**named), Machine(tmp_path))
    said = capsys.readouterr()
    assert status == 2 and words in said.err
    assert said.out == "", "standard output may be piped into a file of rules"


def test_an_arm_that_gets_no_udev_rule_is_named_beside_the_rules(lab, capsys):
    path = lab.root / "bench.toml"
    text = path.read_text()
    lost = text[text.index("[arms.") : text.index("[cameras.")].replace("left", "right")
    lost = lost.replace(str(lab.port("left_follower")), "/dev/nothing")
    path.write_text(text.replace("[cameras.", lost + "[cameras.", 1))
    status = check.main(check.Options(workcell=path, udev=True), lab.machine)
    said = capsys.readouterr()
    assert status == 1 and "vla/left_follower" in said.out
    assert "right_follower: there is nothing at" in said.err and "right" not in said.out


def found_arm(number, role):
    device = SerialDevice(Path(f"/dev/arm{number}"), None, f"FT{number}", "0403")
    return FoundArm(device, (), (), (f"aloha_2023_{role}", f"interbotix_{role}"), ())


def drafted(*roles):
    arms = [found_arm(number, role) for number, role in enumerate(roles)]
    return draft_workcell(arms, FoundCameras((), (), ()))


def test_arms_that_a_draft_leaves_out_are_named():
    workcell, remarks = drafted("follower", "leader", "follower", "leader", "follower")
    assert len(workcell.arms) == 4 and not broken_rules(workcell)
    assert "The follower at /dev/arm4 is left out" in " ".join(remarks)


def test_what_keeps_a_written_file_from_loading_is_said(tmp_path, capsys, monkeypatch):
    roles = ("follower", "follower", "leader")
    arms = [found_arm(number, role) for number, role in enumerate(roles)]
    monkeypatch.setattr(check, "search_arms", lambda *_, **__: (arms, []))
    path = tmp_path / "new.toml"
    status = check.main(check.Options(write=path), Machine(tmp_path, NoRealSense))
    assert status == 1
    assert "Each follower needs a leader of its own side" in capsys.readouterr().out
    with pytest.raises(WorkcellError, match="followers are"):
        load_workcell(path)
