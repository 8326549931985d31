"""What is cut, ramped and refused: speeding up, jumps, boxes and distances; and what never is."""

import time

import numpy as np
import pytest
from safety_bench import INTO_TABLE, OUT_OF_BOX, TOGETHER, Goes, pose

from hardware.aloha import START, aloha_embodiment
from hardware.control_loop import ControlLoop
from hardware.interfaces import Frame, Observation
from hardware.robot import Robot
from hardware.safety.aloha_limits import aloha_limits, limits_for, simulated_aloha_limits
from hardware.safety.clearance import ClearanceModel
from hardware.safety.gate import SafetyGate
from hardware.safety.limits import RAMP_SHARE, Limits, Patience
from hardware.safety.state import Cause, GateState
from hardware.safety.watchdogs import Watchdogs

BODY = aloha_embodiment(())
JOINTS = np.arange(14) % 7 != 6


@pytest.fixture
def gate():
    gate = SafetyGate(BODY)
    gate.arm()
    gate.engage()
    gate.admit(START, START)
    assert gate.state is GateState.ACTIVE
    return gate


@pytest.fixture(scope="module")
def model():
    return ClearanceModel(limits_for(BODY).space)


def test_speeding_up_is_limited_and_standing_still_is_not(gate):
    sent = [START]
    for _ in range(12):
        sent.append(gate.admit(sent[-1] + np.float32(0.06) * JOINTS, START))
    steps = np.diff(sent, axis=0)[:, JOINTS]
    growth = np.diff(steps, axis=0, prepend=0)
    assert growth.max() <= 40.0 / 50**2 + 1e-6
    assert steps.max() == pytest.approx(0.06, abs=1e-5)
    still = gate.admit(sent[-1], START)
    np.testing.assert_array_equal(still, sent[-1])


def test_turning_round_starts_from_standing(gate):
    there = START
    for _ in range(10):
        there = gate.admit(there + np.float32(0.05) * JOINTS, START)
    back = gate.admit(there - np.float32(0.05) * JOINTS, START)
    assert np.abs(back - there)[JOINTS].max() <= 40.0 / 50**2 + 1e-6


def test_a_jump_of_whoever_drives_is_ramped_as_a_new_driver_is(gate):
    far = START + np.float32(0.4) * (np.arange(14) == 0)
    steps, last = [], START
    while gate.state is not GateState.ACTIVE or not steps:
        sent = gate.admit(far, START)
        steps.append(np.abs(sent - last).max())
        last = sent
    assert len(steps) > 15
    assert max(steps) <= RAMP_SHARE * BODY.max_step.max() + 1e-6
    np.testing.assert_allclose(last, far, atol=1e-4)


def test_a_gripper_may_jump(gate):
    wide = START - np.float32(0.9) * ~JOINTS
    gate.admit(wide, START)
    assert gate.state is GateState.ACTIVE


@pytest.mark.parametrize(
    ("target", "words"),
    [(INTO_TABLE, "table"), (TOGETHER, "one another"), (OUT_OF_BOX, "box")],
    ids=["table", "arms", "box"],
)
def test_an_arm_stops_before_the_limit_and_the_way_back_stays_open(gate, model, target, words):
    driver, last = Goes(target), START
    while not gate.reason:
        observation = Observation(0.0, last, {})
        last = gate.admit(driver.act(observation), last)
        assert model.nearness(last).free
    assert words in gate.reason
    assert gate.state is GateState.ACTIVE
    again = gate.admit(driver.act(observation), last)
    np.testing.assert_array_equal(again, last)

    gate.admit(last + np.clip(START - last, -0.01, 0.01), last)
    assert gate.reason == ""
    assert gate.state is GateState.ACTIVE


def test_who_insists_is_held_and_after_a_reset_may_still_go_back(gate):
    driver, last = Goes(INTO_TABLE), START
    while gate.state is GateState.ACTIVE:
        sent = gate.admit(driver.act(Observation(0.0, last, {})), last)
        last = last if sent is None else sent
    assert (gate.state, gate.cause) == (GateState.HOLD, Cause.CLEARANCE)
    gate.reset()
    gate.engage()
    assert np.abs(gate.admit(START, last) - last).max() > 0.01


def test_a_finger_does_not_skip_through_the_other_arms_between_two_ticks(model):
    middle = pose(
        left=(0.2473, 0.0157, 0.102, 0.0036, -0.0338, -0.8401),
        right=(-0.1111, -0.2654, 0.5295, 0.0098, -0.4041, -0.8915),
    )
    signs = [-1, -1, -1, 1, -1, 1, 0, -1, -1, 1, 1, -1, -1, 0]
    half = np.float32(0.0314) * np.array(signs, np.float32)
    before, after = middle - half, middle + half
    assert (2 * np.abs(half) <= BODY.max_step + 1e-6).all()
    assert model.nearness(before).free and model.nearness(after).free
    assert "one another" in model.nearer(after, before).who


def test_an_arm_found_beyond_a_limit_may_leave_but_not_go_on(model):
    inside = pose(left=(0.0, -0.2, 1.1, 0.0, 0.3, 0.0))
    assert not model.nearness(inside).free
    gate = SafetyGate(BODY)
    gate.arm()
    gate.engage()
    deeper = inside + np.float32(0.02) * (np.arange(14) == 1)
    np.testing.assert_array_equal(gate.admit(deeper, inside), inside)
    assert "table" in gate.reason
    assert not np.array_equal(gate.admit(START, inside), inside)
    assert gate.reason == ""


def test_a_turn_of_the_kernel_takes_less_than_a_millisecond(model):
    near = pose(left=(0.0, -0.35, 0.6, 0, -0.2, 0), right=(0.0, -0.35, 0.6, 0, -0.2, 0))
    rooms = model.nearness(near)
    assert rooms.tools < 0.1  # so near that every pair is measured
    gate = SafetyGate(BODY)
    gate.arm()
    gate.engage()
    took = []
    for _ in range(300):
        began = time.perf_counter()
        gate.admit(near, near)
        took.append(time.perf_counter() - began)
    assert np.median(took) < 1e-3


def test_simulated_and_real_arms_have_the_same_room():
    real, simulated = aloha_limits(BODY), simulated_aloha_limits(BODY)
    assert real.space == simulated.space
    np.testing.assert_array_equal(real.step, simulated.step)
    np.testing.assert_array_equal(real.jump, simulated.jump)


class Sees(Goes):
    looks_through = ("cam_high",)


@pytest.mark.parametrize(
    ("stale", "age", "secs"), [(True, 0.1, Patience().camera_secs), (False, 0.0, 2.0)]
)
def test_a_driver_that_looks_is_held_when_its_camera_goes_blind(stale, age, secs):
    """A camera marks what it knows to be stale; of one that says nothing, the age tells."""
    image, state = np.zeros((2, 2, 3), np.uint8), START
    watchdogs = Watchdogs(BODY, Limits.of(BODY))
    for driver, alarmed in ((Sees(), True), (Goes(), False)):
        watchdogs.begin(driver)
        now = 10.0
        alarm = None
        while alarm is None and now < 13.0:
            now += 0.02
            frame = Frame(image, now - age if stale else 10.0, stale=stale)
            alarm = watchdogs.before_asking(Observation(now, state, {"cam_high": frame}), 0.0)
        assert (alarm is not None) is alarmed
        if alarmed:
            assert alarm.cause is Cause.STALE_CAMERA
            assert now - 10.0 == pytest.approx(secs, abs=0.06)


def test_a_loop_that_comes_far_too_late_is_held():
    class Arm:
        def connect(self): ...

        def disconnect(self): ...

        def read_positions(self):
            return START[:7].copy()

        def write_positions(self, positions): ...

    class Clock:
        time = 0.0

        def now(self):
            self.time += 0.02
            return self.time

        def wait_until(self, deadline): ...

    with Robot(BODY, [Arm(), Arm()], {}, Clock()) as robot:
        loop = ControlLoop(robot)
        loop.drive(Goes(START))
        for late in (0.0, 0.1, 0.4):
            loop.tick(late)
            assert robot.gate.state is GateState.ACTIVE
        assert loop.tick(0.6).action is None
        assert (robot.gate.state, robot.gate.cause) == (GateState.HOLD, Cause.MISSED_TICKS)


def test_turns_in_a_burst_are_no_runaway():
    """Two turns 5 ms apart, each with a whole tick's motion, as after a late one."""
    watchdogs = Watchdogs(BODY, Limits.of(BODY))
    watchdogs.begin(Goes(START))
    now, state = 10.0, START.copy()
    for secs in (0.02, 0.06, 0.005, 0.005, 0.02, 0.005, 0.005) * 5:
        now, state = now + secs, state + BODY.max_step
        assert watchdogs.before_asking(Observation(now, state, {}), 0.0) is None
    for _ in range(6):
        now, state = now + 0.02, state + 4 * BODY.max_step
        alarm = watchdogs.before_asking(Observation(now, state, {}), 0.0)
    assert alarm.cause is Cause.SPEED
