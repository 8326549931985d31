import numpy as np
import pytest

from hardware.aloha import START, aloha_embodiment
from hardware.safety.gate import SafetyGate
from hardware.safety.limits import RAMP_SHARE, UNLIMITED, Limits
from hardware.safety.state import Cause, GateState

BODY = aloha_embodiment()
ANYWHERE = Limits.of(BODY, speed_up=UNLIMITED, jump=UNLIMITED)
"""Range and speed alone: no table, no other arm."""


@pytest.fixture
def gate():
    gate = SafetyGate(BODY, ANYWHERE)
    gate.arm()
    return gate


def settle(gate, action, measured=START, most=2000):
    """Ask for `action` until it is sent or the gate refuses."""
    for _ in range(most):
        sent = gate.admit(action, measured)
        if sent is None or np.allclose(sent, action, atol=1e-4):
            return sent
    return sent


def test_nothing_passes_until_somebody_is_let_in(gate):
    assert gate.admit(START, START) is None
    gate.engage()
    assert gate.admit(START, START) is not None


def test_a_first_command_far_away_is_ramped_from_the_measured_pose(gate):
    gate.engage()
    far = START + np.float32(0.5) * (BODY.action_high - START)
    first = gate.admit(far, START)

    assert gate.state is GateState.RAMPING
    assert (np.abs(first - START) <= BODY.max_step * RAMP_SHARE + 1e-6).all()
    np.testing.assert_allclose(settle(gate, far), far, atol=1e-4)
    assert gate.state is GateState.ACTIVE


def test_a_matching_first_command_is_active_at_once(gate):
    gate.engage()
    gate.admit(START, START)
    assert gate.state is GateState.ACTIVE


def test_no_tick_moves_further_than_the_body_may(gate):
    gate.engage()
    gate.admit(START, START)
    before, rng = START, np.random.default_rng(0)
    for _ in range(200):
        wish = rng.uniform(-10, 10, START.shape).astype(np.float32)
        sent = gate.admit(wish, START)
        assert (np.abs(sent - before) <= BODY.max_step + 1e-6).all()
        assert (sent >= BODY.action_low - 1e-6).all() and (sent <= BODY.action_high + 1e-6).all()
        before = sent


def test_a_new_driver_goes_on_from_the_last_command(gate):
    gate.engage()
    there = START.copy()
    there[0] = 0.4
    settle(gate, there)
    gate.release()
    gate.engage()

    sagging = there - np.float32(0.05)
    np.testing.assert_allclose(gate.admit(there, sagging), there, atol=1e-6)


def test_numbers_that_are_not_finite_hold_the_arms_and_name_the_joint(gate):
    gate.engage()
    wish = START.copy()
    wish[3] = np.nan

    assert gate.admit(wish, START) is None
    assert gate.state is GateState.HOLD
    assert gate.cause is Cause.NOT_FINITE
    assert "left_forearm_roll" in gate.reason


def test_a_measurement_that_is_not_finite_holds_the_arms(gate):
    gate.engage()
    measured = START.copy()
    measured[0] = np.nan

    assert gate.admit(START, measured) is None
    assert gate.state is GateState.HOLD
    assert "left_waist" in gate.reason


def test_after_forgetting_it_goes_on_from_the_measured_pose(gate):
    gate.engage()
    settle(gate, START + np.float32(0.2) * (BODY.action_high - START))
    gate.forget()
    gate.engage()
    sent = gate.admit(START, START)
    np.testing.assert_allclose(sent, START, atol=1e-6)


def test_a_stop_is_latched_until_a_person_resets_it(gate):
    gate.engage()
    gate.stop("The button was pressed.")
    gate.stop("Something later.")
    gate.engage()
    gate.release()

    assert gate.admit(START, START) is None
    assert gate.reason == "The button was pressed."
    gate.reset()
    gate.engage()
    assert gate.admit(START, START) is not None


def test_an_action_of_another_shape_is_refused(gate):
    gate.engage()
    with pytest.raises(ValueError, match=r"shape \(14,\), got \(7,\)"):
        gate.admit(START[:7], START[:7])
