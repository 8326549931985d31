"""Each fault, provoked in simulation or on the emulated bus: what it leads to, and when."""

import re

import pytest
from safety_bench import Sways, bus_rig, simulated_rig
from safety_faults import AWAKE, FAULTS

from hardware.interfaces import HardwareError
from hardware.safety.limits import Patience
from hardware.safety.state import GateState

IN_SIMULATION = [fault for fault in FAULTS if fault.where == "simulation"]
ON_THE_BUS = [fault for fault in FAULTS if fault.where == "bus"]
"""The pulled cable is the last: nothing brings the emulated port back."""

IMPATIENT = Patience(agent_secs=0.6, browser_secs=0.6, insist_secs=0.2)
"""So that the tests are quick; `measure_safety.py` measures with what is shipped."""


@pytest.fixture(scope="module")
def simulation():
    with simulated_rig(IMPATIENT) as rig:
        yield rig


@pytest.fixture(scope="module")
def arms():
    with bus_rig() as rig:
        yield rig


@pytest.fixture
def bus(arms):
    arms.begin()
    return arms


def survives(rig, fault):
    """Provoke `fault`; check what it must lead to, and that nothing is sent from then on."""
    fault.provoke(rig)
    secs = rig.until_latched()
    assert (rig.gate.state, rig.gate.cause) == (fault.state, fault.cause)
    assert re.search(fault.words, rig.gate.reason), rig.gate.reason
    assert secs <= fault.deadline(rig.gate.limits.patience) + 1e-6
    assert rig.gate.events.recent()[-1].cause is fault.cause
    rig.loop.drive(Sways())
    assert rig.gate.state is fault.state


@pytest.mark.parametrize("fault", IN_SIMULATION, ids=lambda fault: fault.name)
def test_in_simulation_it_is_held_until_a_person_resets(simulation, fault):
    simulation.begin()
    survives(simulation, fault)
    before = simulation.world.data.ctrl.copy()
    simulation.turns(3)
    assert (simulation.world.data.ctrl == before).all()
    simulation.begin()
    assert simulation.gate.state is GateState.READY
    simulation.drive(Sways())


def test_one_bad_reply_is_no_fault(bus):
    bus.drive(Sways(AWAKE))
    bus.buses[1].faults.add("corrupt", id_=6)
    bus.turns(10)
    assert bus.gate.state is GateState.ACTIVE


def test_after_power_came_back_a_reset_makes_the_arm_move_again(bus):
    bus.drive(Sways(AWAKE))
    bus.buses[1].cut_power()
    bus.until_latched()
    with pytest.raises(HardwareError, match=r"No motor answers|gave no good answer"):
        bus.loop.reset()
    assert bus.gate.state is GateState.HOLD
    assert "gave no good answer" in bus.loop.trouble

    bus.buses[1].restore_power()
    bus.loop.reset()
    assert bus.gate.state is GateState.READY
    bus.drive(Sways(AWAKE))
    assert bus.loop.trouble == ""
    assert [servo.peek("torque_enable") for servo in bus.buses[1].servos] == [1] * 9


@pytest.mark.parametrize("fault", ON_THE_BUS, ids=lambda fault: fault.name)
def test_on_the_bus_it_is_held_and_the_goals_stay(bus, fault):
    survives(bus, fault)
    goals = [servo.peek("goal_position") for each in bus.buses for servo in each.servos]
    bus.turns(3)
    assert goals == [servo.peek("goal_position") for each in bus.buses for servo in each.servos]
    assert [servo.peek("torque_enable") for servo in bus.buses[0].servos] == [1] * 9
