"""A workcell of another family: SO-101 leader and follower, emulated, through the same file."""

import json
from contextlib import ExitStack

import pytest
from emulated_lab import REPLY_SECS, NoRealSense
from servo_bus.clock import BenchClock
from servo_bus.feetech import FeetechBus, FeetechServo

from hardware import check
from hardware.arms.so101 import JOINTS
from hardware.control_loop import ControlLoop
from hardware.safety.state import GateState
from hardware.workcell.arm_search import search_arms
from hardware.workcell.assembly import assemble
from hardware.workcell.file import load_workcell
from hardware.workcell.machine import Machine
from hardware.workcell.problem import WorkcellError

OPEN, GRIPPED = 2900, 900


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def buses(clock):
    with ExitStack() as stack:
        makers = {role: FeetechBus(_servos(clock)) for role in ("follower", "leader")}
        yield {role: stack.enter_context(bus) for role, bus in makers.items()}


def _servos(clock):
    return [FeetechServo(id_, clock=clock.now) for id_ in range(1, 7)]


@pytest.fixture
def path(tmp_path, buses):
    entry = {"id": 1, "drive_mode": 0, "homing_offset": 0, "range_min": 700, "range_max": 3300}
    (tmp_path / "so101.json").write_text(json.dumps(dict.fromkeys(JOINTS, entry)))
    lines = ['name = "desk"', "control_hz = 30"]
    for role, bus in buses.items():
        lines += [f"[arms.{role}]", 'model = "so101"', f'role = "{role}"', 'side = "right"']
        lines += [f'port = "{bus.path}"', 'calibration = "so101.json"']
        lines += [f"reply_secs = {REPLY_SECS}"]
    path = tmp_path / "desk.toml"
    path.write_text("\n".join(lines))
    return path


def turn(loop, clock, times):
    for _ in range(times):
        loop.tick()
        clock.pass_secs(1 / 30)


def test_its_leader_drives_its_follower(path, buses, clock):
    told = []
    cell = assemble(load_workcell(path), tell=told.append, clock=clock)
    body = cell.robot.embodiment
    assert (body.robot_tag, body.arms, body.control_hz) == ("SO-101", 1, 30)
    assert body.action_channels[0].name == "right_shoulder_pan"
    assert body.action_channels[0].high == pytest.approx(1300 * 3.14159 / 2048, rel=1e-3)
    leader, follower = buses["leader"].servos, buses["follower"].servos
    with cell, cell.robot:
        loop = ControlLoop(cell.robot)
        loop.drive(cell.teleoperator)
        leader[6].position = OPEN
        turn(loop, clock, 3)
        leader[6].position = GRIPPED
        leader[1].position += 150
        turn(loop, clock, 40)
        assert loop.failure is None
        assert follower[1].position == pytest.approx(2198, abs=3)
        assert follower[6].position == pytest.approx(GRIPPED, abs=5)
        buses["follower"].mute.add(2)
        turn(loop, clock, 2)
        assert "follower: Servo 2 (shoulder_lift) gave no good answer" in cell.robot.gate.reason
        buses["follower"].mute.clear()
        loop.reset()
        turn(loop, clock, 2)
        assert cell.robot.gate.state is GateState.READY
    assert all(servo.torque for servo in follower.values()), "it holds at farewell"


def test_the_doctor_reads_the_leader_and_leaves_the_follower_alone(path, buses, capsys):
    buses["follower"].servos[1].memory[40] = 1
    check.main(check.Options(workcell=path))
    said = capsys.readouterr().out
    assert "leader: read in" in said and "follower: its port is there" in said
    assert buses["follower"].servos[1].torque


def test_a_search_knows_its_servos(tmp_path, buses):
    links = tmp_path / "dev/serial/by-id"
    links.mkdir(parents=True)
    (links / "usb-1a86_USB_Single_Serial_5A46-if00").symlink_to(buses["leader"].path)
    buses["leader"].mute.add(4)
    arms, problems = search_arms(Machine(tmp_path, NoRealSense), reply_secs=REPLY_SECS)
    assert arms[0].models == ()
    assert "Feetech servos [1, 2, 3, 5, 6] answer: an SO-101" in str(problems[0])
    assert "Servos [4] of an SO-101 are silent" in problems[0].fix


def test_a_calibration_that_is_missing_is_said_with_its_file(path):
    (path.parent / "so101.json").unlink()
    with pytest.raises(WorkcellError, match=r"\[arms.leader\]: Not an SO-101 calibration"):
        load_workcell(path)
