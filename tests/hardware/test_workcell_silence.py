"""A workcell with the silence that is written by nobody: what its followers bear, and what not."""

import pytest
from emulated_lab import emulated_lab, workcell_text
from servo_bus.clock import BenchClock

from hardware.arms.dynamixel_line import SILENCE_SECS
from hardware.control_loop import ControlLoop
from hardware.safety.state import GateState
from hardware.workcell.assembly import assemble
from hardware.workcell.file import load_workcell

TRIPPED = 255


@pytest.fixture
def clock():
    return BenchClock()


@pytest.fixture
def lab(tmp_path, clock):
    with emulated_lab(tmp_path, ("left_follower",), clock.now) as lab:
        (tmp_path / "bench.toml").write_text(workcell_text(lab).replace("silence_secs = 1.0\n", ""))
        yield lab


def test_a_loop_at_its_rate_is_borne_and_silence_is_not(lab, clock):
    workcell = load_workcell(lab.root / "bench.toml")
    assert (workcell.arms[0].silence_secs, workcell.control_hz) == (SILENCE_SECS, 50)
    cell = assemble(workcell, clock=clock, machine=lab.machine)
    motor = lab.buses["left_follower"][1]
    with cell, cell.robot:
        loop = ControlLoop(cell.robot)
        for _ in range(25):
            loop.tick()
            clock.pass_secs(1 / 50)
            motor.advance()
            assert motor.peek("bus_watchdog") not in (0, TRIPPED)
        clock.pass_secs(SILENCE_SECS + 0.1)
        motor.advance()
        assert motor.peek("bus_watchdog") == TRIPPED
        loop.tick()
        assert cell.robot.gate.state is GateState.HOLD
        assert "stopped by its bus watchdog" in cell.robot.gate.reason
        loop.reset()
        loop.tick()
        assert cell.robot.gate.state is GateState.READY
        assert motor.peek("bus_watchdog") != TRIPPED
