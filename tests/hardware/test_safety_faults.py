"""Each fault, provoked in simulation or on the emulated bus: what it leads to, and when."""

import pytest
from safety_bench import IMPATIENT, Goes, Sways, bus_rig, simulated_rig, survives
from safety_faults import AWAKE, FAULTS, warm

from hardware.aloha import START
from hardware.interfaces import HardwareError
from hardware.safety.press import SAME_PRESS_SECS, Press
from hardware.safety.state import Cause, GateState

IN_SIMULATION = [fault for fault in FAULTS if fault.where == "simulation"]
ON_THE_BUS = [fault for fault in FAULTS if fault.where == "bus"]
"""The pulled cable is the last: nothing brings the emulated port back."""


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


class Wall:
    """Something elastic in the way of the left shoulder, 0.2 rad before where it shall be."""

    def __init__(self, rig):
        self.rig, world = rig, rig.world
        joint = world.model.joint("vx300s_left/shoulder")
        self.dof, self.place = joint.dofadr[0], joint.qposadr[0]
        self.at = START[1] - 0.2

    def turns(self, number):
        for _ in range(number):
            data = self.rig.world.data
            into = max(float(data.qpos[self.place]) - self.at, 0.0)
            force = 0.8 * data.qfrc_applied[self.dof] - 0.2 * 2000.0 * into
            data.qfrc_applied[self.dof] = force
            self.rig.turn()


def lower(rig):
    rig.gate.stop("pressed")
    rig.gate._pressed_at -= SAME_PRESS_SECS  # a moment later
    rig.gate.stop("pressed again", press=Press(follows=rig.gate.stop_number))
    assert rig.gate.state is GateState.LOWERING


def test_an_arm_held_for_pressing_presses_no_more_and_can_be_left(simulation):
    simulation.begin()
    wall = Wall(simulation)
    simulation.drive(Goes(START))
    wall.turns(60)
    assert (simulation.gate.state, simulation.gate.cause) == (GateState.HOLD, Cause.CURRENT)
    wall.turns(30)
    assert abs(simulation.robot.vitals()["left"].newton_metres["shoulder"]) < 120.0
    simulation.loop.reset()
    wall.turns(50)
    assert simulation.gate.state is GateState.READY


def test_under_a_lasting_force_a_reset_gives_time_to_drive_away_and_to_lower(simulation):
    simulation.begin()
    simulation.drive(Goes(START))
    shoulder = simulation.world.model.joint("vx300s_left/shoulder").dofadr[0]
    simulation.world.data.qfrc_applied[shoulder] = -150.0
    simulation.until_latched()
    simulation.loop.reset()
    simulation.loop.drive(Goes(START))
    simulation.turns(15)
    assert simulation.gate.is_open
    simulation.until_latched()
    lower(simulation)
    simulation.turns(15)
    assert simulation.gate.state is GateState.LOWERING


def test_arms_with_a_hot_motor_are_held_and_can_be_lowered(bus):
    bus.drive(Goes(AWAKE))
    warm(bus.buses[1])
    bus.until_latched()
    assert bus.gate.cause is Cause.TEMPERATURE
    lower(bus)
    bus.until(lambda: bus.gate.state is not GateState.LOWERING)
    assert bus.gate.state is GateState.DISARMED


@pytest.mark.parametrize("fault", ON_THE_BUS, ids=lambda fault: fault.name)
def test_on_the_bus_it_is_held_and_the_goals_stay(bus, fault):
    survives(bus, fault)
    if fault.cause is Cause.CURRENT:
        bus.turns(2)  # told once to stand where they are
        servo = bus.buses[1].servos[1]
        assert servo.peek("goal_position") == pytest.approx(servo.peek("present_position"), abs=20)
    goals = [servo.peek("goal_position") for each in bus.buses for servo in each.servos]
    bus.turns(3)
    assert goals == [servo.peek("goal_position") for each in bus.buses for servo in each.servos]
    assert [servo.peek("torque_enable") for servo in bus.buses[0].servos] == [1] * 9
