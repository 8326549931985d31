"""The checkpoint that ships does what it is told, and not what it is not told."""

from pathlib import Path

import pytest

from hardware.simulation.tasks import Outcome
from policy.evaluate import Trial, run_trial

NANO = Path(__file__).parents[1] / "policy" / "pretrained" / "nano"


def outcomes(swap):
    tasks = ("pick_red_cube_left", "pick_blue_cube_right", "pick_yellow_cube_left", "pick_green_cube_right")
    trials = [Trial(NANO, task, 500_000 + i, swap, 6.0, 0.4) for i in range(2) for task in tasks]
    return [run_trial(trial).outcome for trial in trials]


@pytest.mark.timeout(900)
def test_it_picks_up_the_named_cube():
    assert outcomes(swap=False).count(Outcome.SUCCESS) >= 6


@pytest.mark.timeout(900)
def test_told_another_cube_it_leaves_this_one():
    told_another = outcomes(swap=True)
    assert told_another.count(Outcome.SUCCESS) == 0
    assert told_another.count(Outcome.WRONG_OBJECT) >= 5


def test_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in NANO.iterdir()) < 25e6
