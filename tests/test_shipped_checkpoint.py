"""The checkpoint that ships does what it is told, and not what it is not told."""

from pathlib import Path

import pytest

from policy.evaluation.request import Request
from policy.evaluation.runner import run
from policy.evaluation.seeds import seeds_of

NANO = Path(__file__).parents[1] / "policy" / "pretrained" / "nano"
TASKS = (
    *("pick_red_cube_left", "pick_blue_cube_right"),
    *("pick_yellow_cube_left", "pick_green_cube_right"),
)


KINDS = ("put", "store")


def results(swap, tasks=TASKS, starts=2):
    seeds = seeds_of("val", None, starts)
    request = Request(str(NANO), ",".join(tasks), tasks, (None,), swap, seeds)
    return list(run(request, request.starts(), workers=0))


@pytest.mark.timeout(900)
def test_it_picks_up_the_named_cube():
    assert sum(result.success for result in results(swap=False)) >= 6


@pytest.mark.timeout(900)
def test_told_another_cube_it_takes_that_and_leaves_this_one():
    told_another = results(swap=True)
    assert sum(result.success for result in told_another) >= 5
    assert not any(result.first_done for result in told_another)


@pytest.mark.timeout(900)
def test_it_puts_things_where_they_are_to_go():
    done = results(swap=False, tasks=KINDS, starts=6)
    assert sum(result.success for result in done) >= 7


def test_it_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in NANO.rglob("*")) < 25e6
