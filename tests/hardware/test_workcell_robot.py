"""From a TOML file to arms that follow: the emulated bus, the real SDK, the real gate and loop."""

import numpy as np
import pytest
from emulated_lab import emulated_lab, plug_in_again, workcell_text
from servo_bus.arms import viperx
from servo_bus.clock import BenchClock

from hardware.control_loop import ControlLoop
from hardware.interfaces import HardwareError
from hardware.safety.state import GateState
from hardware.workcell.assembly import assemble
from hardware.workcell.file import load_workcell
from hardware.workcell.grip_start import FOLLOWING, HOW_TO_START
from recordings.dataset import Dataset
from recordings.recorder import Recorder

OPEN, GRIPPED = 2190, 1640
"""Ticks of a leader's gripper motor."""

TICK_SECS = 0.02


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def lab(tmp_path, clock):
    with emulated_lab(tmp_path, now=clock.now) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


@pytest.fixture
def told():
    return []


@pytest.fixture
def cell(lab, clock, told):
    workcell = load_workcell(lab.root / "bench.toml")
    cell = assemble(workcell, tell=told.append, clock=clock, machine=lab.machine)
    with cell, cell.robot:
        yield cell


def grip(lab, ticks):
    for arm in ("left_leader", "right_leader"):
        lab.buses[arm][9].position = ticks


def turn(loop, clock, times):
    ticks = []
    for _ in range(times):
        ticks.append(loop.tick())
        clock.pass_secs(TICK_SECS)
    return ticks


def follow(loop, cell, lab, clock):
    """Bring the followers to where they follow the leaders."""
    loop.drive(cell.teleoperator)
    grip(lab, OPEN)
    turn(loop, clock, 5)
    grip(lab, GRIPPED)
    turn(loop, clock, 15)


def test_nothing_moves_before_the_leaders_are_gripped(cell, lab, clock, told):
    loop = ControlLoop(cell.robot)
    loop.drive(cell.teleoperator)
    grip(lab, OPEN)
    lab.buses["left_leader"][1].position += 300
    ticks = turn(loop, clock, 10)
    assert told == [HOW_TO_START]
    assert np.ptp([tick.action for tick in ticks], axis=0).max() == 0
    assert lab.buses["left_follower"][1].peek("present_position") == 2048
    grip(lab, GRIPPED)
    turn(loop, clock, 1)
    assert told == [HOW_TO_START, FOLLOWING]


def test_followers_do_as_the_leaders_at_50_hz_and_it_becomes_an_episode(cell, lab, clock, tmp_path):
    recorder = Recorder(cell.robot.embodiment)
    loop = ControlLoop(cell.robot, [recorder])
    follow(loop, cell, lab, clock)
    recorder.open_dataset(tmp_path / "shown", 10)
    recorder.start_episode("turn the left waist")
    for _ in range(50):
        lab.buses["left_leader"][1].position += 4
        (tick,) = turn(loop, clock, 1)
    recorder.save_episode()
    recorder.close()
    turn(loop, clock, 5)
    follower = lab.buses["left_follower"]
    assert follower[1].peek("present_position") == pytest.approx(2248, abs=3)
    assert [bus[1].peek("torque_enable") for bus in lab.buses.values()] == [1, 1, 0, 0]
    with Dataset(tmp_path / "shown") as dataset:
        assert dataset.embodiment.name == "bench"
        rows = dataset.rows(0)
        assert list(dataset.cameras) == ["cam_high", "cam_left_wrist"]
    assert not tick.observation.frames["cam_high"].stale
    assert np.ptp(np.asarray(rows["action"])[:, 0]) > 0.2


def test_at_the_end_followers_are_lowered_and_let_go(lab, clock):
    cell = assemble(load_workcell(lab.root / "bench.toml"), clock=clock, machine=lab.machine)
    with cell, cell.robot:
        loop = ControlLoop(cell.robot)
        follow(loop, cell, lab, clock)
        lab.buses["right_leader"][1].position += 300
        turn(loop, clock, 20)
        cell.robot.get_observation()
        clock.pass_secs(3)  # cameras take their time to close
    assert [bus[2].peek("torque_enable") for bus in lab.buses.values()] == [0, 0, 0, 0]
    assert lab.buses["right_follower"][1].peek("present_position") == pytest.approx(2048, abs=80)


def test_a_follower_that_lost_its_power_is_brought_back_by_a_reset(cell, lab, clock):
    loop = ControlLoop(cell.robot)
    turn(loop, clock, 2)
    lab.buses["right_follower"].cut_power()
    turn(loop, clock, 2)
    assert cell.robot.gate.state is GateState.HOLD
    assert "right_follower: motor 1 (waist) gave no good answer" in cell.robot.gate.reason
    with pytest.raises(HardwareError, match="right_follower"):
        loop.reset()
    lab.buses["right_follower"].restore_power()
    loop.reset()
    turn(loop, clock, 2)
    assert cell.robot.gate.state is GateState.READY
    assert lab.buses["right_follower"][1].peek("torque_enable") == 1


def test_a_follower_whose_plug_was_pulled_comes_back_by_its_name(cell, lab, clock):
    loop = ControlLoop(cell.robot)
    turn(loop, clock, 2)
    lab.buses["left_follower"].unplug()
    turn(loop, clock, 2)
    assert "left_follower: The serial port has gone" in cell.robot.gate.reason
    with viperx(clock=clock.now) as bus:
        plug_in_again(lab, "left_follower", bus)
        loop.reset()
        turn(loop, clock, 2)
        assert cell.robot.gate.state is GateState.READY
        assert [servo.peek("torque_enable") for servo in bus.servos] == [1] * 9


def test_a_leader_that_carries_its_weight_outlives_the_opening_of_all_others(lab, clock, told):
    path = lab.root / "bench.toml"
    role = 'role = "leader"'
    path.write_text(path.read_text().replace(role, f"{role}\ngravity_help = 0.3"))
    cell = assemble(load_workcell(path), tell=told.append, clock=clock, machine=lab.machine)
    with cell, cell.robot:
        clock.pass_secs(3)  # cameras take their time to open
        loop = ControlLoop(cell.robot)
        follow(loop, cell, lab, clock)
        assert told[-1] == FOLLOWING
        assert lab.buses["left_leader"][2].peek("torque_enable") == 1
        assert lab.buses["left_leader"][2].peek("goal_current") != 0


def test_a_leader_that_failed_is_brought_back_by_taking_over_again(cell, lab, clock, told):
    loop = ControlLoop(cell.robot)
    follow(loop, cell, lab, clock)
    lab.buses["left_leader"].cut_power()
    turn(loop, clock, 2)
    assert "left_leader: " in cell.robot.gate.reason
    loop.reset()
    with pytest.raises(HardwareError, match="left_leader: No motor answers"):
        loop.drive(cell.teleoperator)
    lab.buses["left_leader"].restore_power()
    follow(loop, cell, lab, clock)
    assert loop.failure is None
    assert told[-1] == FOLLOWING
