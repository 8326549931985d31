"""The studio closes on two followers of a workcell: lowered by the loop, or left as they are."""

import numpy as np
import pytest
from emulated_lab import emulated_lab, until, workcell_text
from safety_bench import Goes

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
