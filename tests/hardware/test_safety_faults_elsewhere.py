"""Failing drivers on the emulated bus, a late loop in simulation, all kinds of spoiled replies."""

import pytest
from safety_bench import IMPATIENT, Sways, bus_rig, simulated_rig, survives
from safety_faults import AWAKE
from safety_faults_elsewhere import ALSO_IN_SIMULATION, ALSO_ON_THE_BUS, ON_THE_WIRE
from servo_bus.arms import viperx
from servo_bus.faults import KINDS

from hardware.safety.state import Cause, GateState

ASLEEP = [servo.position for servo in viperx().servos]


@pytest.fixture(scope="module")
def arms():
    with bus_rig(patience=IMPATIENT) as rig:
        rig.turns(2)
        yield rig


@pytest.fixture
def bus(arms):
    """Both arms asleep, as they were at first."""
    for each in arms.buses:
        each.cut_power()
        for servo, place in zip(each.servos, ASLEEP, strict=True):
            servo.position = place
        each.restore_power()
    arms.begin()
    return arms


def goals(bus):
    return [servo.peek("goal_position") for each in bus.buses for servo in each.servos]


@pytest.mark.parametrize(
    "fault", [*ALSO_ON_THE_BUS, *ON_THE_WIRE], ids=lambda fault: fault.name.replace("'", "")
)
def test_on_the_bus_it_is_held_and_the_goals_stay(bus, fault):
    survives(bus, fault)
    bus.turns(1)  # what was on its way when the arms were latched has arrived
    before = goals(bus)
    bus.turns(3)
    assert goals(bus) == before
    assert [servo.peek("torque_enable") for each in bus.buses for servo in each.servos] == [1] * 18


@pytest.mark.parametrize("kind", KINDS)
def test_one_spoiled_reply_of_any_kind_is_read_through(bus, kind):
    bus.drive(Sways(AWAKE))
    bus.buses[1].faults.add(kind, id_=6, secs=0.4 if kind == "delay" else 0.0)
    bus.turns(10)
    assert bus.gate.state is GateState.ACTIVE


def test_noise_before_every_reply_is_read_through(bus):
    bus.drive(Sways(AWAKE))
    bus.buses[1].faults.add("noise", times=60)
    bus.turns(10)
    assert bus.gate.state is GateState.ACTIVE


@pytest.mark.parametrize("fault", ALSO_IN_SIMULATION, ids=lambda fault: fault.name)
def test_in_simulation_it_is_held(fault):
    with simulated_rig(IMPATIENT) as rig:
        rig.begin()
        survives(rig, fault)
        assert rig.gate.cause is Cause.MISSED_TICKS
