"""Who may leave which state, and how: stop, hold, lowering, reset; and what is written down."""

import json
import logging

import numpy as np
import pytest
from safety_bench import Goes, Sways, bus_rig, simulated_rig

from hardware.aloha import START, aloha_embodiment
from hardware.safety.aloha_limits import REST_JOINTS
from hardware.safety.gate import SafetyGate
from hardware.safety.journal import Journal
from hardware.safety.limits import Limits
from hardware.safety.lowering import ARRIVED
from hardware.safety.press import SAME_PRESS_SECS, Press
from hardware.safety.state import Cause, GateState

BODY = aloha_embodiment()


class Watch:
    """A clock that is set by hand."""

    def __init__(self):
        self.time = 50.0

    def __call__(self):
        return self.time


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def gate(watch):
    gate = SafetyGate(BODY, now=watch)
    gate.arm()
    return gate


@pytest.fixture(scope="module")
def simulation():
    with simulated_rig() as rig:
        yield rig


def in_state(gate, state, watch):
    """Bring `gate` there the way people and the loop would."""
    if state is GateState.DISARMED:
        gate.disarm()
    if state in (GateState.RAMPING, GateState.ACTIVE):
        gate.engage()
    if state is GateState.ACTIVE:
        gate.admit(START, START)
    if state is GateState.HOLD:
        gate.hold(Cause.HARDWARE, "A motor is silent.")
    if state in (GateState.STOPPED, GateState.LOWERING):
        gate.stop("first")
    if state is GateState.LOWERING:
        watch.time += SAME_PRESS_SECS
        gate.stop("second", press=Press(follows=gate.stop_number))
    watch.time += SAME_PRESS_SECS
    assert gate.state is state


D, READY, RAMPING, ACTIVE, HOLD, STOPPED, LOWERING = GateState

DEEDS = {
    "arm": (READY, READY, RAMPING, ACTIVE, HOLD, STOPPED, LOWERING),
    "disarm": (D, D, D, D, D, D, D),
    "engage": (D, RAMPING, RAMPING, RAMPING, HOLD, STOPPED, LOWERING),
    "release": (D, READY, READY, READY, HOLD, STOPPED, LOWERING),
    "reset": (D, READY, READY, READY, READY, READY, LOWERING),
    "hold": (D, HOLD, HOLD, HOLD, HOLD, STOPPED, STOPPED),
    "stop": (D, STOPPED, STOPPED, STOPPED, STOPPED, STOPPED, STOPPED),
    "lowered": (D, READY, RAMPING, ACTIVE, HOLD, STOPPED, D),
}
"""What each deed leads to, from each state in the order of `GateState`."""

ARGUMENTS = {"hold": (Cause.HARDWARE, "why"), "stop": ("why",), "lowered": ("why",)}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("before", list(GateState))
def test_the_table_of_states_is_kept(gate, watch, before, deed):
    in_state(gate, before, watch)
    getattr(gate, deed)(*ARGUMENTS.get(deed, ()))
    assert gate.state is DEEDS[deed][list(GateState).index(before)]


@pytest.mark.parametrize("state", [D, READY, HOLD, STOPPED])
def test_nothing_passes_unless_somebody_drives(gate, watch, state):
    in_state(gate, state, watch)
    assert gate.admit(START, START) is None


def test_hammering_on_stop_keeps_the_arms_still(gate, watch):
    gate.engage()
    for _ in range(20):
        gate.stop("A person pressed Stop.", press=Press(follows=gate.stop_number))
        watch.time += 0.9 * SAME_PRESS_SECS
    assert gate.state is GateState.STOPPED


def test_a_press_that_arrives_late_on_its_second_way_is_not_another(gate, watch):
    gate.engage()
    gate.stop("by the socket", press=Press("a"))
    watch.time += 60
    gate.stop("by POST", press=Press("a"))
    assert gate.state is STOPPED
    second = Press("b", follows=gate.stop_number)
    gate.stop("by the socket", press=second)
    assert gate.state is LOWERING
    watch.time += 60
    gate.stop("by POST", press=second)
    assert gate.state is LOWERING
    gate.stop("a third", press=Press("c"))
    assert gate.state is STOPPED
    gate.stop("by POST, later still", press=second)
    assert gate.state is STOPPED


def test_only_who_saw_this_stop_lowers_the_arms(gate, watch):
    gate.stop("one person")
    seen = gate.stop_number
    watch.time += 1.5
    gate.stop("another, at the same fright", press=Press("b", follows=seen))
    watch.time += 60
    gate.stop("one whose page shows them moving", press=Press("c"))
    assert gate.state is STOPPED
    gate.reset()
    gate.stop("the next stop")
    watch.time += 60
    gate.stop("a press that was 2 minutes on its way", press=Press("d", follows=seen))
    assert gate.state is STOPPED
    watch.time += 60
    gate.stop("meant", press=Press("e", follows=gate.stop_number))
    assert gate.state is LOWERING


def test_a_malformed_press_stops_all_the_same(gate):
    gate.engage()
    gate.stop("pressed", press=Press.told({"press": 3, "follows": "²"}))
    assert gate.state is STOPPED


def test_a_program_that_stops_twice_lowers_nothing(gate, watch):
    gate.stop("The studio is closing.", Cause.CLOSING)
    watch.time += 5
    gate.stop("The studio is closing.", Cause.CLOSING)
    assert gate.state is GateState.STOPPED


def test_without_a_resting_pose_a_second_stop_says_to_support_the_arms(watch):
    gate = SafetyGate(BODY, Limits.of(BODY), now=watch)
    gate.arm()
    gate.stop("first")
    watch.time += 2
    gate.stop("second", press=Press(follows=gate.stop_number))
    assert gate.state is GateState.STOPPED
    assert gate.reason.startswith("first") and "support the arms" in gate.reason
    assert "support the arms" in gate.events.recent()[-1].reason
    watch.time += 2
    gate.stop("third", press=Press(follows=gate.stop_number))
    assert gate.reason.count("support the arms") == 1


def test_every_event_is_kept_with_time_and_cause_logged_and_written_down(gate, tmp_path, caplog):
    journal = Journal(tmp_path / "logs" / "safety.jsonl")
    gate.events.listen(journal)
    gate.engage()
    with caplog.at_level(logging.INFO):
        gate.hold(Cause.CLEARANCE, "The arms would touch.")
    gate.reset()
    journal.close()

    held = gate.events.recent()[-2]
    assert (held.before, held.after, held.cause) == (RAMPING, HOLD, Cause.CLEARANCE)
    assert held.monotonic == 50.0
    assert held.at[:2] == "20" and held.at[-6] in "+-"
    assert "ramping -> hold (clearance): The arms would touch." in caplog.text
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [line["after"] for line in lines] == ["ramping", "hold", "ready"]
    assert lines[1]["reason"] == "The arms would touch."
    assert [line["number"] for line in lines] == [2, 3, 4]


def test_a_hold_is_still_told_of_after_a_driver_that_jumped_a_thousand_times(gate, tmp_path):
    journal = Journal(tmp_path / "safety.jsonl")
    gate.events.listen(journal)
    gate.engage()
    gate.hold(Cause.CLEARANCE, "The arms would touch.")
    gate.reset()
    gate.engage()
    for _ in range(1_000):
        gate._change(GateState.ACTIVE)
        gate._change(RAMPING)
    journal.close()
    told = gate.events.recent()
    assert [event.after for event in told][-4:] == [RAMPING, HOLD, GateState.READY, RAMPING]
    assert gate.events.newest == told[-1].number + 2_000
    assert len(journal.path.read_text().splitlines()) == 2_004


def test_a_disk_that_fails_is_reported_and_stops_nothing(gate, tmp_path, caplog):
    journal = Journal(tmp_path / "safety.jsonl")
    journal.path = tmp_path  # a folder cannot be written to
    gate.events.listen(journal)
    gate.engage()
    journal.close()
    assert gate.state is GateState.RAMPING
    assert "could not be written down" in caplog.text


def test_after_a_stop_nothing_more_is_sent(simulation):
    simulation.begin()
    simulation.drive(Sways())
    simulation.turns(20)
    simulation.gate.stop("A person pressed Stop.")
    before = simulation.world.data.ctrl.copy()
    simulation.turns(10)
    assert (simulation.world.data.ctrl == before).all()


def second_stop(rig):
    rig.gate.stop("A person pressed Stop.")
    rig.turns(3)
    rig.gate._pressed_at -= SAME_PRESS_SECS  # a moment later
    press = Press(follows=rig.gate.stop_number)
    rig.gate.stop("A person pressed Stop again.", press=press)
    assert rig.gate.state is GateState.LOWERING


def test_a_second_stop_lowers_the_arms_slowly_and_takes_their_torque_away(simulation):
    simulation.begin()
    simulation.drive(Goes(START))
    second_stop(simulation)
    states = []

    def lowered():
        states.append(simulation.world.state())
        return simulation.gate.state is GateState.DISARMED

    secs = simulation.until(lowered)
    assert 1.0 < secs < 8.0
    assert np.abs(np.diff(states, axis=0)).max() < 0.2 * BODY.max_step.max()
    np.testing.assert_allclose(simulation.world.state()[:6], REST_JOINTS, atol=ARRIVED)
    simulation.loop.drive(Sways())
    simulation.turns(3)
    assert simulation.gate.state is GateState.DISARMED
    simulation.loop.reset()
    assert simulation.gate.state is GateState.READY
    simulation.drive(Goes(START))


def test_a_third_stop_ends_the_lowering(simulation):
    simulation.begin()
    simulation.drive(Goes(START))
    second_stop(simulation)
    simulation.turns(20)
    simulation.gate.stop("A person pressed Stop once more.")
    before = simulation.world.data.ctrl.copy()
    simulation.turns(5)
    assert simulation.gate.state is GateState.STOPPED
    assert (simulation.world.data.ctrl == before).all()


def test_arms_that_cannot_reach_their_rest_are_not_let_go_of(simulation):
    simulation.begin()
    simulation.drive(Goes(START))
    second_stop(simulation)
    world = simulation.world
    world.data.qfrc_applied[world.model.joint("vx300s_left/shoulder").dofadr[0]] = 100.0
    simulation.until(lambda: simulation.gate.state is not GateState.LOWERING)
    assert simulation.gate.state is GateState.STOPPED
    assert simulation.gate.cause in (Cause.LOWERING_FAILED, Cause.CURRENT)
    assert "in the way" in simulation.gate.reason


def test_on_the_bus_a_second_stop_ends_without_torque_and_a_reset_gives_it_back():
    with bus_rig() as rig:
        awake = rig.robot.get_observation().state + np.float32(0.2) * (np.arange(14) % 7 == 1)
        rig.drive(Goes(awake))
        second_stop(rig)
        rig.until(lambda: rig.gate.state is GateState.DISARMED)
        torques = [servo.peek("torque_enable") for bus in rig.buses for servo in bus.servos]
        assert torques == [0] * 18
        rig.turns(10)
        assert rig.loop.trouble == ""
        rig.loop.reset()
        rig.drive(Goes(rig.robot.get_observation().state))
        torques = [servo.peek("torque_enable") for bus in rig.buses for servo in bus.servos]
        assert torques == [1] * 18
