"""Two followers of a workcell are closed, or do not all open: lowered, or left as they are."""

import shutil

import numpy as np
import pytest
from emulated_lab import emulated_lab, until, workcell_text
from safety_bench import Goes
from servo_bus.clock import BenchClock

from hardware.interfaces import HardwareError
from hardware.safety.state import Cause, GateState
from hardware.workcell.assembly import assemble
from hardware.workcell.file import load_workcell
from studio.history import History
from studio.notices import Notices
from studio.station import Station

SHOULDERS = np.arange(14) % 7 == 1


@pytest.fixture
def lab(tmp_path):
    with emulated_lab(tmp_path, ("left_follower", "right_follower")) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab))
        yield lab


@pytest.fixture
def raised(lab):
    """A station whose followers were driven a little way up from their rests."""
    cell = assemble(load_workcell(lab.root / "bench.toml"), machine=lab.machine)
    rest = cell.robot.gate.limits.rest
    with cell:
        station = Station(
            cell.robot, Goes(rest + np.float32(0.5) * SHOULDERS), Notices(), History()
        )

        def raise_arms():
            until(lambda: station.tick is not None)
            station.take_over()
            until(
                lambda: (np.abs(station.tick.observation.state - rest)[SHOULDERS] > 0.4).all(), 30
            )
            return station

        yield station, raise_arms


def torques(lab):
    return [servo.peek("torque_enable") for bus in lab.buses.values() for servo in bus.servos]


def places(lab):
    return [servo.peek("present_position") for bus in lab.buses.values() for servo in bus.servos]


def test_followers_are_lowered_by_the_loop_and_let_go(raised, lab):
    station, raise_arms = raised
    with station:
        raise_arms()
        up = places(lab)
    down = places(lab)
    lowering, disarmed = station.robot.gate.events.recent()[-2:]
    assert (lowering.after, lowering.cause) == (GateState.LOWERING, Cause.CLOSING)
    assert disarmed.after is GateState.DISARMED
    assert torques(lab) == [0] * 18
    assert max(abs(a - b) for a, b in zip(up, down, strict=True)) > 150  # of 4096 a turn


def test_followers_that_a_person_stopped_hold_with_torque_where_they_are(raised, lab, caplog):
    station, raise_arms = raised
    with station:
        raise_arms()
        station.stop("They are entangled.")
        until(lambda: station.tick.action is None)
        up = places(lab)
    assert torques(lab) == [1] * 18
    assert max(abs(a - b) for a, b in zip(up, places(lab), strict=True)) < 20
    assert "hold where they are, with torque: They are entangled." in caplog.text


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def above_rest(tmp_path, clock):
    """A lab whose followers stand above their rests, and its cell without a studio."""
    names = ("left_follower", "right_follower")
    with emulated_lab(tmp_path / "bench", names, clock.now) as lab:
        (lab.root / "bench.toml").write_text(workcell_text(lab))
        for bus in lab.buses.values():
            for servo in bus.servos[1:5]:
                servo.position += 400 if servo.position < 2048 else -400
        cell = assemble(load_workcell(lab.root / "bench.toml"), clock=clock, machine=lab.machine)
        yield lab, cell


def stands(lab):
    """Where the motors are, asked or not."""
    return [servo.position for bus in lab.buses.values() for servo in bus.servos]


def both_hold(lab, before, *, within=20):
    assert torques(lab) == [1] * 18
    return max(abs(a - b) for a, b in zip(before, stands(lab), strict=True)) < within


def test_where_a_camera_is_missing_no_arm_that_opened_moves(above_rest, caplog):
    lab, cell = above_rest
    shutil.rmtree(lab.pictures("cam_high"))
    before = stands(lab)
    with pytest.raises(HardwareError, match="cam_high"), cell.robot:
        pass
    assert both_hold(lab, before)
    assert "hold where they are, with torque: The robot did not open." in caplog.text


def test_an_interrupted_start_moves_no_arm_that_opened(above_rest, monkeypatch):
    lab, cell = above_rest
    before = stands(lab)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cell.arms["right_follower"].arm.chain, "roll_call", interrupt)
    with pytest.raises(KeyboardInterrupt), cell.robot:
        pass
    assert [bus[2].peek("torque_enable") for bus in lab.buses.values()] == [1, 0]
    assert max(abs(a - b) for a, b in zip(before, stands(lab), strict=True)) < 20


def test_stop_reaches_arms_that_another_program_lowers_and_the_next_does_not_set_off(
    above_rest, clock, caplog
):
    lab, cell = above_rest
    stop_at = []

    def press():
        if stop_at and clock.now() > stop_at[0]:
            cell.robot.gate.stop("They are entangled.")

    lab.buses["right_follower"][2].on_write = press
    with cell.robot:
        before = stands(lab)
        stop_at.append(clock.now() + 0.4)
    assert "it was told to stop" in caplog.text
    assert "Another arm could not be lowered." in caplog.text
    assert both_hold(lab, before, within=200)  # the first was on its way for 0.4 s
    assert max(abs(a - b) for a, b in zip(before[:9], stands(lab)[:9], strict=True)) < 20


def test_after_an_arm_that_presses_on_something_the_other_does_not_set_off(above_rest, caplog):
    lab, cell = above_rest
    with cell.robot:
        before = stands(lab)
        lab.buses["right_follower"][2].load = 1300.0
    assert "something is in the way" in caplog.text
    assert torques(lab) == [1] * 18
    assert max(abs(a - b) for a, b in zip(before[:9], stands(lab)[:9], strict=True)) < 20


def test_what_cuts_the_closing_of_one_arm_short_leaves_the_other_where_it_is(
    above_rest, monkeypatch
):
    lab, cell = above_rest

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), cell.robot:
        before = stands(lab)
        monkeypatch.setattr(cell.arms["right_follower"].arm, "release", interrupt)
    assert both_hold(lab, before)
