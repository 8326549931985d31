"""The range that a person moves joints through, and the limits that are made of it."""

import numpy as np
import pytest

from hardware.aloha import aloha_embodiment
from hardware.control_loop import Tick
from hardware.interfaces import Observation
from hardware.workcell.hand_range import HandRange

CHANNELS = aloha_embodiment(()).state_channels[:7]
REST = np.float32([0.0, -1.85, 1.55, 0.0, 0.8, 0.0, 0.0])


def moved(*places):
    """A range that saw these places of waist and shoulder."""
    noted = HandRange(CHANNELS)
    noted.begin()
    for number, (waist, shoulder) in enumerate(places):
        state = np.float32([waist, shoulder, 0, 0, 0, 0, 0])
        noted(Tick(number, Observation(float(number), state, {}), None, None, 0.0))
    return noted


def test_limits_always_include_where_the_arms_rest():
    limits = moved((0.0, -1.0), (0.5, 0.3)).limits(REST)
    assert set(limits) == {"left_waist", "left_shoulder"}
    assert (limits["left_shoulder"].low, limits["left_shoulder"].high) == (-1.85, 0.28)
    assert (limits["left_waist"].low, limits["left_waist"].high) == (0.0, 0.48)


def test_without_a_rest_the_range_is_what_was_moved_through():
    limit = moved((0.1, 0.0), (0.6, 0.0)).limits(None)["left_waist"]
    assert (limit.low, limit.high) == pytest.approx((0.12, 0.58))


def test_a_joint_turned_only_where_it_may_not_go_is_refused():
    high = CHANNELS[1].high
    with pytest.raises(ValueError, match="left_shoulder was turned from"):
        moved((0.0, high + 0.1), (0.0, high + 0.5)).limits(REST)


def test_what_was_noted_is_kept_when_it_ends_and_gone_when_forgotten():
    noted = moved((0.1, 0.0), (0.6, 0.0))
    noted.end()
    noted(Tick(9, Observation(9.0, np.ones(7, np.float32), {}), None, None, 0.0))
    assert noted.spans["left_waist"] == pytest.approx((0.1, 0.6))
    noted.forget()
    assert noted.spans == {}
