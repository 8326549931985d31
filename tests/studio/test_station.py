import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_robot import WAVE
from waiting import wait_for

from hardware.interfaces import HardwareError
from hardware.safety.state import GateState
from studio.history import Outcome
from studio.replay import ReplayAgent
from studio.status import Driver


def texts(station):
    return [notice.text for notice in station.notices.recent()]


def outcomes(station):
    return [told.outcome for told in station.history.newest_first()]


def test_an_instruction_moves_the_arm_and_shows_its_plan(station, arms, policy):
    wait_for(lambda: station.tick)
    before = arms[0].positions[0]
    station.run_instruction(policy, f"  {WAVE} ", "waver")

    wait_for(lambda: arms[0].positions[0] > before + 0.05)
    status = station.status()
    assert (status.driver, status.instruction) == (Driver.POLICY, WAVE)
    assert status.num_chunks >= 1
    assert station.chunk is not None
    assert outcomes(station) == [Outcome.RUNNING]


def test_an_empty_instruction_is_answered_with_what_the_policy_knows(station, policy):
    with pytest.raises(ValueError, match=f"Say what the robot should do.*{WAVE}"):
        station.run_instruction(policy, "   ", "waver")
    assert station.status().driver is Driver.NOBODY


def test_an_unknown_instruction_moves_nothing(station, policy):
    wait_for(lambda: station.tick)
    with pytest.raises(ValueError, match=f"It was trained on.*{WAVE}"):
        station.run_instruction(policy, "make coffee", "waver")
    assert station.status().driver is Driver.NOBODY
    assert outcomes(station) == []


def test_a_preview_shows_a_plan_and_moves_nothing(station, arms, policy):
    wait_for(lambda: station.tick)
    before = arms[0].positions.copy()
    station.preview(policy, WAVE)
    assert station.chunk is not None
    index = station.tick.index
    wait_for(lambda: station.tick.index > index + 5)
    np.testing.assert_array_equal(arms[0].positions, before)


def test_stop_holds_the_arms_until_reset(station, arms, policy):
    wait_for(lambda: station.tick)
    station.run_instruction(policy, WAVE, "waver")
    wait_for(lambda: station.status().gate is GateState.ACTIVE)
    station.stop("A person pressed Stop.")
    held = arms[0].positions.copy()
    wait_for(lambda: station.status().driver is Driver.NOBODY)

    np.testing.assert_array_equal(arms[0].positions, held)
    assert outcomes(station) == [Outcome.STOPPED]
    with pytest.raises(ValueError, match=r"stopped.*Press Reset first"):
        station.run_instruction(policy, WAVE, "waver")
    station.reset()
    station.run_instruction(policy, WAVE, "waver")
    wait_for(lambda: arms[0].positions[0] > held[0] + 0.02)


def test_stop_waits_for_no_order_in_progress(station, policy):
    wait_for(lambda: station.tick)
    busy, release = threading.Event(), threading.Event()

    class Slow(type(policy)):
        def predict_action_chunk(self, observation, task):
            busy.set()
            release.wait(5)
            return super().predict_action_chunk(observation, task)

    slow = Slow(policy.embodiment)
    with ThreadPoolExecutor() as people:
        order = people.submit(station.run_instruction, slow, WAVE, "slow")
        assert busy.wait(5)
        station.stop("Stop while planning.")
        assert station.status().gate is GateState.STOPPED
        release.set()
    assert "stopped" in str(order.exception())
    assert station.status().driver is Driver.NOBODY


def test_a_person_takes_over_and_the_instruction_waits(station, teleoperator, arms, policy):
    wait_for(lambda: station.tick)
    station.run_instruction(policy, WAVE, "waver")
    station.take_over()
    assert station.status().driver is Driver.PERSON
    assert station.status().paused
    wait_for(lambda: station.status().gate is GateState.ACTIVE)

    before = arms[1].positions.copy()
    teleoperator.move("right", [0, 0, -0.1])
    wait_for(lambda: np.abs(arms[1].positions - before).max() > 0.005)
    station.give_back()
    assert station.status().driver is Driver.NOBODY
    station.resume()
    assert station.status().driver is Driver.POLICY


def test_pausing_holds_and_resuming_goes_on(station, policy):
    wait_for(lambda: station.tick)
    station.run_instruction(policy, WAVE, "waver")
    station.pause()
    assert (station.status().driver, station.status().paused) == (Driver.NOBODY, True)
    station.resume()
    assert (station.status().driver, station.status().paused) == (Driver.POLICY, False)
    station.stand_by()
    with pytest.raises(ValueError, match="Nothing is paused"):
        station.resume()


def test_a_policy_that_fails_in_the_middle_is_reported_and_the_arms_hold(station, policy):
    wait_for(lambda: station.tick)
    station.run_instruction(policy, WAVE, "waver")
    policy.broken = True
    wait_for(lambda: station.status().gate is GateState.HOLD)
    wait_for(lambda: any("stopped answering" in text for text in texts(station)))
    wait_for(lambda: outcomes(station) == [Outcome.STOPPED])


def test_an_arm_that_dies_is_held_and_reported_while_the_loop_goes_on(station, arms):
    wait_for(lambda: station.tick)
    arms[1].fault = HardwareError("The right arm stopped answering.")
    wait_for(lambda: station.status().gate is GateState.HOLD)
    wait_for(lambda: any("right arm stopped answering" in text for text in texts(station)))
    assert station.status().running

    arms[1].fault = None
    station.reset()
    assert station.status().gate is GateState.READY


def test_a_loop_that_dies_is_held_and_a_reset_starts_it_again(station, arms):
    wait_for(lambda: station.tick)
    arms[1].fault = RuntimeError("Nobody foresaw this.")
    wait_for(lambda: not station.status().running)
    assert station.status().gate is GateState.HOLD
    wait_for(lambda: any("Nobody foresaw this" in text for text in texts(station)))

    arms[1].fault = None
    station.reset()
    assert station.status().running
    index = station.tick.index
    wait_for(lambda: station.tick.index > index)


def test_a_replay_drives_the_recorded_actions(station, arms):
    wait_for(lambda: station.tick)
    actions = np.repeat(station.tick.observation.state[None], 5, axis=0)
    actions[:, 7] += np.linspace(0, 0.1, 5, dtype=np.float32)
    station.replay(ReplayAgent(actions, 20.0), "replay of test, episode 0")
    assert station.status().driver is Driver.REPLAY
    wait_for(lambda: abs(arms[1].positions[0] - actions[-1, 7]) < 1e-3)


def test_a_real_robot_has_no_new_scene(station):
    with pytest.raises(ValueError, match="Only a simulated world"):
        station.new_scene(3, "blocks")
