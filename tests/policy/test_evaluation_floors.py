"""Drivers that know nothing: bounded, smooth, and the same for the same seed."""

import dataclasses

import numpy as np
import pytest

from hardware.aloha import START, aloha_embodiment
from hardware.interfaces import Observation
from policy.evaluation.driver import Briefing, Driver
from policy.evaluation.floors import BLIND, Nothing, RandomTargets, blind_driver


def motion(seed, ticks=200):
    agent, state = RandomTargets(aloha_embodiment(), seed), START.copy()
    wanted = []
    for tick in range(ticks):
        state = agent.act(Observation(0.02 * tick, state, {}))
        wanted.append(state)
    return np.stack(wanted)


def test_random_targets_are_smooth_bounded_and_moving():
    body, wanted = aloha_embodiment(), motion(1)
    assert (wanted >= body.action_low).all() and (wanted <= body.action_high).all()
    assert (np.abs(np.diff(wanted, axis=0)) <= body.max_step).all()
    assert np.ptp(wanted, axis=0).min() > 0.05
    np.testing.assert_array_equal(wanted[0], START)


def test_random_targets_follow_from_their_seed():
    np.testing.assert_array_equal(motion(1), motion(1))
    assert np.abs(motion(1) - motion(2)).max() > 0.1


def test_random_targets_need_a_body_that_feels_what_it_is_told():
    body = aloha_embodiment()
    other = dataclasses.replace(body, state_channels=body.state_channels[:7])
    with pytest.raises(ValueError, match="not driven by targets of its state"):
        RandomTargets(other, 0)


def test_nothing_wants_nothing():
    assert Nothing().act(Observation(0.0, START, {})) is None


def test_blind_drivers_are_drivers_that_look_at_nothing():
    for name in BLIND:
        driver = blind_driver(name, aloha_embodiment())
        assert isinstance(driver, Driver) and driver.cameras == () and driver.embodiment is None
    briefing = Briefing("do it", 3, any_words=False, expert=Nothing)
    assert isinstance(blind_driver("expert", aloha_embodiment()).agent(briefing), Nothing)
